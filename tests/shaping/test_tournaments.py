"""Schedules of comparisons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.shaping.pairwise import bradley_terry
from guerdon.shaping.tournaments import (
    adaptive,
    all_pairs,
    bradley_terry_errors,
    circular,
    double_elimination,
    knockout,
    play,
)

ORDERS = st.integers(1, 12).flatmap(lambda n: st.permutations(range(n)))


def by_strength(strengths: list[int]):  # type: ignore[no-untyped-def]
    return lambda i, j: 0.5 if strengths[i] == strengths[j] else float(strengths[i] > strengths[j])


def test_all_pairs_and_rings() -> None:
    assert play(all_pairs(5), lambda i, j: 1.0).matches == 10
    assert [play(circular(6, hops=h), lambda i, j: 1.0).matches for h in (1, 2, 3, 9)] == [6, 12, 15, 15]
    for n in (0, 1):
        for schedule in (all_pairs(n), circular(n), knockout(n), double_elimination(n), adaptive(n)):
            played = play(schedule, lambda i, j: 1.0)
            assert played.matches == 0
            assert played.standing is None or played.standing.tolist() == [0.5] * n
    with pytest.raises(ValueError, match="hops"):
        next(circular(4, hops=0))


@given(ORDERS)
def test_the_best_of_a_knockout_wins_in_n_minus_one(order: list[int]) -> None:
    n = len(order)
    played = play(knockout(n), by_strength(order))
    assert played.matches == max(n - 1, 0)
    if n > 1:
        standing = played.standing
        assert standing is not None and standing[order.index(n - 1)] == 1.0 and standing.min() >= 0.0
        assert math.isclose(standing.sum(), n / 2), "places are shared out"


@given(ORDERS)
def test_double_elimination_crowns_the_best_and_sees_the_second(order: list[int]) -> None:
    n = len(order)
    played = play(double_elimination(n), by_strength(order))
    assert played.matches <= max(2 * n - 1, 0)
    if n > 1:
        assert played.standing is not None
        assert played.standing[order.index(n - 1)] == 1.0
        assert played.standing[order.index(n - 2)] == (n - 2) / (n - 1)
        assert sorted(played.standing.tolist()) == pytest.approx([k / (n - 1) for k in range(n)])


def test_double_elimination_by_hand() -> None:
    """Four entrants 0..3 with strengths 1, 3, 0, 2 (our own case): 1 beats 0, 3 beats 2; 0 beats 2 below; 1 beats 3; 3 beats 0."""
    met: list[tuple[int, int]] = []

    def compare(i: int, j: int) -> float:
        met.append((i, j))
        return float([1, 3, 0, 2][i] > [1, 3, 0, 2][j])

    played = play(double_elimination(4), compare)
    assert met == [(0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 3)]
    assert played.standing is not None and played.standing.round(3).tolist() == [0.333, 1.0, 0.0, 0.667]


def test_an_undecided_match_is_a_tie_that_a_coin_decides() -> None:
    assert play(double_elimination(2), lambda i, j: math.nan).standing.tolist() == [0.5, 0.5]  # type: ignore[union-attr]
    assert play(double_elimination(2), lambda i, j: 0.0).standing.tolist() == [0.0, 1.0]  # type: ignore[union-attr]
    lost = play(knockout(2, coin=lambda: False), lambda i, j: math.nan).standing
    assert lost is not None and lost.tolist() == [0.0, 1.0]
    for coin in (None, lambda: True, lambda: False):
        standing = play(double_elimination(5, coin=coin), lambda i, j: math.nan).standing
        assert standing is not None and sorted(standing.tolist()) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_the_undefeated_must_be_beaten_twice() -> None:
    """0 beats 1, then loses the final to it and wins the decider."""
    results = iter([1.0, 1.0, 0.0, 1.0])
    played = play(double_elimination(3), lambda i, j: next(results))
    # rounds: (0, 1) -> 0, bye 2; losers [1]; (0, 2) -> 0; losers [1, 2]: (1, 2) -> 2; final (0, 2) -> 0.
    assert played.matches == 4 and played.standing is not None and played.standing.tolist() == [1.0, 0.0, 0.5]
    results = iter([1.0, 1.0, 0.0, 0.0, 0.0])
    assert play(double_elimination(3), lambda i, j: next(results)).standing.tolist() == [0.5, 0.0, 1.0]  # type: ignore[union-attr]


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(0, 40))
def test_adaptive_keeps_its_budget_in_rounds_of_disjoint_pairs(n: int, budget: int) -> None:
    schedule = adaptive(n, budget=budget)
    met, first = 0, True
    known: set[frozenset[int]] = set()
    pairs = next(schedule, [])
    while pairs:
        entrants = [i for pair in pairs for i in pair]
        assert first or len(set(entrants)) == len(entrants)
        assert not known & {frozenset(pair) for pair in pairs}, "none twice"
        known |= {frozenset(pair) for pair in pairs}
        assert all(i != j and min(i, j) >= 0 and max(i, j) < n for i, j in pairs)
        met, first = met + len(pairs), False
        try:
            pairs = schedule.send([float(i < j) for i, j in pairs])
        except StopIteration:
            break
    assert met == min(budget, n * (n - 1) // 2)
    assert play(adaptive(n), lambda i, j: math.nan).matches == min(2 * n, n * (n - 1) // 2), (
        "nothing decided, and it ends"
    )


def test_adaptive_asks_about_neighbours_in_strength() -> None:
    rng = np.random.default_rng(0)
    strengths = rng.permutation(16)
    played = play(adaptive(16, budget=60), lambda i, j: float(strengths[i] > strengths[j]))
    gaps = np.abs(strengths[played.first] - strengths[played.second])
    assert gaps[30:].mean() < 0.7 * gaps[:16].mean()


def test_standard_errors_shrink_with_games() -> None:
    wins = np.array([[0.0, 6.0, 5.0], [4.0, 0.0, 5.0], [5.0, 5.0, 0.0]])
    few = bradley_terry_errors(wins, bradley_terry(wins))
    many = bradley_terry_errors(wins * 4, bradley_terry(wins * 4))
    assert few == pytest.approx(few.T) and (np.diag(few) == 0).all()
    assert many[0, 1] == pytest.approx(few[0, 1] / 2, rel=0.02)
    lonely = np.zeros((3, 3))
    assert np.isfinite(bradley_terry_errors(lonely, np.zeros(3))).all()


def test_standard_errors_match_simulation() -> None:
    """Three players of strength 0.8, 0, -0.8, forty games each pair: the fit's spread over repetitions is the error stated."""
    rng = np.random.default_rng(1)
    theta = np.array([0.8, 0.0, -0.8])
    p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
    fits, errors = [], []
    for _ in range(120):
        upper = np.triu(rng.binomial(40, p), 1).astype(float)
        wins = upper + np.triu(40 - upper, 1).T
        fit = bradley_terry(wins, tolerance=1e-6)
        fits.append(fit[0] - fit[1])
        errors.append(bradley_terry_errors(wins, fit)[0, 1])
    assert np.std(fits) == pytest.approx(np.mean(errors), rel=0.2)
