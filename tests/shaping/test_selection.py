from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import selection
from tests.shaping.grouped import NAN, grouped, members, numbers


def test_best_of_n() -> None:
    assert selection.best_of_n([NAN, 0.3, 0.3]) == 1
    assert selection.best_of_n_kl_bound(1) == 0.0
    for function in (selection.best_of_n, lambda v: selection.selection_probabilities(v, temperature=1.0)):
        with pytest.raises(ValueError, match="no scored sample"):
            function([NAN])
    with pytest.raises(ValueError, match="n=0"):
        selection.best_of_n_kl_bound(0)


@given(st.lists(numbers() | st.just(NAN), min_size=1, max_size=8), st.floats(0.05, 5), numbers(-50, 50))
def test_selection_probabilities_are_a_shift_invariant_distribution(values, temperature, shift) -> None:
    values = np.array(values)
    if np.isnan(values).all():
        return
    odds = selection.selection_probabilities(values, temperature=temperature)
    assert odds.sum() == pytest.approx(1.0) and (odds[np.isnan(values)] == 0).all()
    assert selection.selection_probabilities(values + shift, temperature=temperature) == pytest.approx(odds, abs=1e-9)


def test_selection_probabilities_by_hand() -> None:
    odds = selection.selection_probabilities([0.0, math.log(3.0)], temperature=1.0)
    assert odds == pytest.approx([0.25, 0.75])
    assert selection.selection_probabilities([1.0, 2.0, 2.0], temperature=0.0).tolist() == [0.0, 1.0, 0.0]
    assert selection.selection_probabilities([1e6, -1e6], temperature=0.1).tolist() == [1.0, 0.0]


@given(grouped(), numbers(0, 10))
def test_best_and_worst_of_each_group_with_a_margin(sample, margin) -> None:
    values, groups = sample
    expected = []
    for rows in members(values, groups):
        if len(rows) and values[rows].max() - values[rows].min() > margin:
            expected.append([rows[np.argmax(values[rows])], rows[np.argmin(values[rows])]])
    assert selection.best_and_worst(values, groups, margin=margin).tolist() == expected


@given(grouped(), numbers(0, 10))
def test_ordered_pairs(sample, margin) -> None:
    values, groups = sample
    pairs = selection.ordered_pairs(values, groups, margin=margin)
    expected = {
        (i, j) for rows in members(values, groups) for i in rows for j in rows if values[i] - values[j] > margin
    }
    assert len(pairs) == len(expected) and {(i, j) for i, j in pairs.tolist()} == expected


def test_by_difficulty() -> None:
    scores = [0.5, 0.1, 0.9, 0.3, 0.0, 0.7, 0.2]
    assert selection.by_difficulty(scores, 3).tolist() == [6, 1, 4]
    assert selection.by_difficulty(scores, 3, mode="easy").tolist() == [2, 5, 0]
    assert selection.by_difficulty(scores, 3, mode="medium").tolist() == [0, 3, 6]
    assert selection.by_difficulty(scores, 99).tolist() == [2, 5, 0, 3, 6, 1, 4]
    assert selection.by_difficulty([0.1, 0.1, 0.1, 0.4], 2).tolist() == [0, 1]
    assert selection.by_difficulty([0.1, NAN, 0.2], 5).tolist() == [2, 0]
    drawn = selection.by_difficulty(scores, 3, mode="random", seed=1)
    assert len(set(drawn.tolist())) == 3
    assert drawn.tolist() == selection.by_difficulty(scores, 3, mode="random", seed=1).tolist()
    assert selection.by_difficulty([], 3).tolist() == []
    with pytest.raises(ValueError, match="mode='odd'"):
        selection.by_difficulty(scores, 3, mode="odd")


def test_spread_filter_starts_late_and_drops_flat_groups() -> None:
    state = selection.spread_filter_initial()
    values, groups = [0.0, 1.0, 0.5, 0.5, NAN], [0, 0, 1, 1, 2]
    for step in range(1, 12):
        kept = selection.spread_filter(values, groups, state)
        assert kept.all() == (step < 11), step
        state = selection.spread_filter_update(state, values, groups)
        assert (state["ema"] is None) == (step < 6)
    assert selection.spread_filter(values, groups, state).tolist() == [True, True, False, False, True]
    mean_std = (math.sqrt(0.5) + 0.0) / 2
    assert state["ema"] == pytest.approx(mean_std)
    moved = selection.spread_filter_update(state, [0.0, 0.0], [0, 0])
    assert moved["ema"] == pytest.approx(0.99 * mean_std) and state["step"] == 11
