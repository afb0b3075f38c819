from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import normalize
from tests.shaping.grouped import NAN, grouped, members, numbers, permuted

WITHIN_GROUP = [
    normalize.group_zscore,
    normalize.group_center,
    normalize.group_minmax,
    lambda v, g: normalize.group_zscore(v, g, ddof=1, eps=1e-4),
]


@pytest.mark.parametrize("function", WITHIN_GROUP)
@given(sample=grouped(), seed=st.integers(0, 99), shift=numbers(-50, 50))
def test_equivariant_shift_invariant_and_blind_to_other_groups(function, sample, seed, shift) -> None:
    values, groups = sample
    out = function(values, groups)
    assert (np.isnan(out) == np.isnan(values)).all()
    shuffled, of, order = permuted(values, groups, seed)
    assert function(shuffled, of) == pytest.approx(out[order], nan_ok=True, abs=1e-9)
    assert function(values + shift, groups) == pytest.approx(out, nan_ok=True, abs=1e-6)
    for rows in members(values, groups):
        assert function(values[rows], groups[rows]) == pytest.approx(out[rows], abs=1e-9)


@pytest.mark.parametrize("function", WITHIN_GROUP)
@given(value=numbers(), size=st.integers(1, 6))
def test_a_constant_group_is_zero(function, value, size) -> None:
    assert function(np.full(size, value + 0.1), np.zeros(size, dtype=int)).tolist() == [0.0] * size


def test_zscore_by_hand() -> None:
    assert normalize.group_zscore([1.0, 2.0, 3.0], [0, 0, 0], ddof=1, eps=0.0).tolist() == [-1.0, 0.0, 1.0]
    assert normalize.group_zscore([0.0, 2.0], [0, 0], eps=1.0).tolist() == [-0.5, 0.5]
    assert normalize.group_zscore([1.0, NAN, 9.0], [0, 0, 1], ddof=1).tolist()[0] == 0.0
    assert normalize.group_zscore([0.50, 0.51], [0, 0], min_std=0.01).tolist() == [0.0, 0.0]
    assert normalize.group_zscore([], []).tolist() == []


def test_zscore_of_rounding_noise_is_zero_even_without_eps() -> None:
    assert normalize.group_zscore([0.1 + 0.2, 0.3], [0, 0], eps=0.0).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e307])
def test_zscore_of_very_large_and_very_small_values(scale) -> None:
    values = np.array([-1.0, 0.0, 1.0]) * scale
    assert normalize.group_zscore(values, [0, 0, 0], ddof=1, eps=0.0) == pytest.approx([-1.0, 0.0, 1.0])


def test_minmax_and_max_ratio() -> None:
    assert normalize.group_minmax([3.0, 3.0], [0, 0], constant=0.5).tolist() == [0.5, 0.5]
    ratio = normalize.group_max_ratio([0.2, 0.8, 0.5, 0.4, -1.0, NAN], [0, 0, 0, 0, 1, 1])
    assert ratio[:5] == pytest.approx([0.25, 1.0, 0.625, 0.5, -1.0])
    assert np.isnan(ratio[5])


def test_batch_zscore_sees_one_group() -> None:
    assert normalize.batch_zscore([1.0, 3.0, NAN], eps=0.0)[:2].tolist() == [-1.0, 1.0]
    assert normalize.batch_zscore([7.0]).tolist() == [0.0]


# -- state ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(numbers() | st.just(NAN), max_size=6), max_size=6))
def test_running_moments_are_those_of_everything_seen(batches) -> None:
    state = normalize.running_initial()
    for batch in batches:
        before = copy.deepcopy(state)
        moved = normalize.running_update(state, batch)
        assert state == before, "the given state is left alone"
        state = moved
    seen = np.array([v for batch in batches for v in batch if not np.isnan(v)])
    assert state["count"] == len(seen)
    if len(seen):
        assert state["mean"] == pytest.approx(seen.mean(), abs=1e-9)
        assert normalize.running_std(state) == pytest.approx(seen.std(), abs=1e-6)
        assert normalize.running_std(state, ddof=len(seen)) == 0.0


def test_running_zscore_waits_for_something_to_compare_with() -> None:
    state = normalize.running_initial()
    assert normalize.running_zscore([3.0, NAN], state)[0] == 0.0
    state = normalize.running_update(state, [5.0, 5.0])
    assert normalize.running_zscore([9.0], state).tolist() == [0.0], "no spread yet"
    state = normalize.running_update(state, [1.0, 9.0])
    std = np.std([5, 5, 1, 9])
    assert normalize.running_zscore([9.0, NAN], state, eps=0.0)[0] == pytest.approx(4 / std)
    assert normalize.running_zscore([9.0], state, eps=0.0, center=False)[0] == pytest.approx(9 / std)
    assert normalize.running_zscore([9.0], state, min_count=5).tolist() == [0.0]


def test_running_moments_can_forget() -> None:
    state = normalize.running_update(normalize.running_initial(), [0.0] * 10)
    state = normalize.running_update(state, [4.0], decay=0.1)
    assert state["count"] == pytest.approx(2.0) and state["mean"] == pytest.approx(2.0)
    with pytest.raises(ValueError, match="decay=2"):
        normalize.running_update(state, [1.0], decay=2)


@given(st.lists(st.lists(numbers() | st.just(NAN), max_size=6), max_size=6), st.integers(1, 8))
def test_the_window_holds_the_last_scored_values(batches, size) -> None:
    state = normalize.window_initial()
    for batch in batches:
        state = normalize.window_update(state, batch, size=size)
    seen = [v for batch in batches for v in batch if not np.isnan(v)]
    assert state["window"].tolist() == seen[-size:]
    quantiles = normalize.window_quantiles(state, (0.25, 0.75))
    assert quantiles == pytest.approx(np.quantile(seen[-size:], (0.25, 0.75)) if seen else [NAN, NAN], nan_ok=True)


def test_adaptive_quantile_falls_back_on_the_group() -> None:
    history = {"window": [0.86, 0.87, 0.88, 0.885, 0.89, 0.895, 0.9, 0.905, 0.91, 0.92]}
    values, groups = [0.86, 0.895, 0.7, NAN], [0, 0, 1, 1]
    seen = normalize.adaptive_quantile(values, groups, history, min_history=8)
    assert seen[:3] == pytest.approx([0.0, 0.5980390984, 0.0], abs=1e-6)
    early = normalize.adaptive_quantile(values, groups, history, min_history=11, low=0.0, high=1.0)
    assert early[:3] == pytest.approx([0.0, 1.0, 0.7], abs=1e-6), "a sample without scored siblings is only clipped"
    assert normalize.adaptive_quantile([0.9, 0.9, 1.7], [0, 0, 1], {"window": []}).tolist() == [0.5, 0.5, 1.0]
    assert np.isnan([seen[3], early[3]]).all()
    short = normalize.adaptive_quantile([0.92], [0], history, window=2, min_history=2, low=0.0, high=1.0)
    assert short == pytest.approx([1.0], abs=1e-5)
    assert normalize.adaptive_quantile_update([1.0, NAN], history, window=2)["window"].tolist() == [0.92, 1.0]
    with pytest.raises(ValueError, match="size=0"):
        normalize.window_update(history, [1.0], size=0)
