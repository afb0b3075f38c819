from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import credit
from tests.shaping.grouped import NAN, numbers

STEPS = st.lists(numbers(-10, 10), min_size=1, max_size=8)


def test_placing_by_hand() -> None:
    assert credit.place_at([1.0, 2.0], [2, 2], 4).tolist() == [0, 0, 3, 0]
    assert credit.place_at([], [], 2).tolist() == [0, 0]
    assert credit.place_at_ends([0.5], [0, 1, 0, 1]).tolist() == [0, 0.5, 0, 0]
    assert credit.place_on_spans([2.0, 1.0], [(0, 2), (1, 3)], 4).tolist() == [2, 3, 1, 0]
    assert credit.broadcast(-1.0, [True, False]).tolist() == [-1, 0]
    assert np.isnan(credit.place_at([NAN], [1], 3)).tolist() == [False, True, False]


@given(STEPS, st.integers(1, 4))
def test_placing_keeps_the_sum(values, width) -> None:
    n = len(values) * width
    ends = np.arange(width - 1, n, width)
    mask = np.zeros(n)
    mask[ends] = 1
    spans = [(end + 1 - width, end + 1) for end in ends]
    for tokens in (
        credit.place_at(values, ends, n),
        credit.place_at_ends(values, mask),
        credit.place_on_spans(values, spans, n, split=True),
    ):
        assert tokens.sum() == pytest.approx(sum(values))
    assert credit.place_on_spans(values, spans, n).sum() == pytest.approx(width * sum(values))


@pytest.mark.parametrize(
    ("turn_ends", "valid", "process", "expected"),
    [
        ([0, 0, 1, 0, 1, 0, 0, 1], 8, [0.5, 1.0], [0, 0, 0.5, 0, 1.0, 0, 0, 2.0]),
        ([0, 1, 0, 1, 0, 0], 4, [0.75], [0, 0.75, 0, 2.0, 0, 0]),
        ([0, 1, 0, 1, 0], 5, [0.75], [0, 0.75, 0, 0, 2.0]),
        ([0, 0, 1], 3, [], [0, 0, 2.0]),
        ([0, 0, 0], 3, [], [0, 0, 2.0]),
    ],
)
def test_turns_and_outcome(turn_ends, valid, process, expected) -> None:
    assert credit.place_turns(process, 2.0, turn_ends, valid_length=valid).tolist() == expected


def test_renorm_by_hand() -> None:
    assert credit.renorm([1.0, 0.8], 1.0).tolist() == pytest.approx([1.0, 0.8, 1.0])
    assert credit.renorm([0.5, 0.25], 1.0, mu=0.0).tolist() == [1.5, 1.25, 1.0]
    assert credit.renorm([], 0.5).tolist() == [0.5]
    turns = [0.9, None, 0.0]
    assert np.isnan(credit.renorm(turns, 1.0)).tolist() == [False, True, False, False]
    assert credit.renorm(turns, 0.0, invalid="zero").tolist() == pytest.approx([-0.1, -1.0, -1.0, 0.0])
    assert credit.renorm(turns, 0.0, invalid="skip").tolist() == pytest.approx([-0.1, 0.0, -1.0, 0.0])


@given(st.lists(st.floats(0, 1), max_size=6), st.sampled_from([0.0, 1.0]), st.floats(0, 1))
def test_renorm_never_pays_a_failure(process, outcome, mu) -> None:
    turns = credit.renorm(process, outcome)[:-1]
    assert (turns <= 0).all() if outcome == 0 else (turns >= 0).all()
    shifted = credit.renorm(process, outcome, mu=mu)
    assert shifted[:-1] == pytest.approx(turns + 1 - mu) and shifted[-1] == outcome


@given(STEPS, st.sampled_from([0.0, 0.5, 0.9, 1.0]))
def test_rewards_to_go(values, gamma) -> None:
    out = credit.rewards_to_go(values, gamma=gamma)
    for t in range(len(values)):
        assert out[t] == pytest.approx(sum(gamma**s * r for s, r in enumerate(values[t:])))
        assert out[t] == pytest.approx(credit.reduce_steps(values[t:], "discounted", gamma=gamma))


def test_outcome_to_steps() -> None:
    assert credit.discount_back(2.0, 2, gamma=0.0).tolist() == [0.0, 2.0]
    assert credit.discount_back(2.0, 0).tolist() == []
    assert credit.redistribute(2.0, [0.0, 0.0, 0.0]).tolist() == [0, 0, 2]
    assert credit.redistribute(2.0, [1.0, 1.0], mix=0.5).tolist() == [0.5, 1.5]


@given(st.lists(numbers(0, 5), min_size=1, max_size=8), numbers(-5, 5), st.floats(0, 1))
def test_redistribution_keeps_the_outcome(attention, outcome, mix) -> None:
    assert credit.redistribute(outcome, attention, mix=mix).sum() == pytest.approx(outcome, abs=1e-9)


def test_rollout_values() -> None:
    assert credit.rollout_values([0, 3], [8, 4]).tolist() == [0.0, 0.75]
    assert credit.rollout_values(1, 8, hard=True).tolist() == 1.0
    assert np.isnan(credit.rollout_values([0], [0], hard=True)).all()


def test_reductions() -> None:
    steps = [0.5, 2.0, 1.0]
    found = {how: credit.reduce_steps(steps, how) for how in ("sum", "mean", "min", "max", "last", "product")}
    assert found == {"sum": 3.5, "mean": 3.5 / 3, "min": 0.5, "max": 2.0, "last": 1.0, "product": 1.0}
    assert credit.reduce_steps(steps, "discounted", gamma=0.5) == 1.75
    assert credit.reduce_steps([], "sum") == 0.0 and credit.reduce_steps([], "product") == 1.0
    for how in ("mean", "min", "max", "last"):
        assert np.isnan(credit.reduce_steps([], how))
    for how in ("sum", "mean", "min", "product", "discounted"):
        assert np.isnan(credit.reduce_steps([1.0, NAN], how))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: credit.place_at([1.0], [1, 2], 3), "positions has 2 entries for 1"),
        (lambda: credit.place_at([1.0], [3], 3), r"must lie in \[0, 3\)"),
        (lambda: credit.place_at([1.0], [-1], 3), r"must lie in \[0, 3\)"),
        (lambda: credit.place_at_ends([1.0, 1.0], [0, 1]), "marks 1 turn ends for 2"),
        (lambda: credit.place_on_spans([1.0], [(0, 9)], 3), r"span \(0, 9\)"),
        (lambda: credit.place_on_spans([1.0], [(1, 1)], 3, split=True), r"span \(1, 1\)"),
        (lambda: credit.place_turns([1.0], 1.0, [0, 1]), "marks 0 turn ends for 1"),
        (lambda: credit.place_turns([], 1.0, [0, 1], valid_length=3), "valid_length=3"),
        (lambda: credit.renorm([1.0], 1.0, invalid="drop"), "invalid='drop'"),
        (lambda: credit.redistribute(1.0, []), "attention="),
        (lambda: credit.redistribute(1.0, [-1.0]), "attention="),
        (lambda: credit.redistribute(1.0, [1.0], mix=2.0), "mix=2.0"),
        (lambda: credit.rollout_values([2], [1]), "successes="),
        (lambda: credit.reduce_steps([1.0], "median"), "how='median'"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(ValueError, match=named):
        call()
