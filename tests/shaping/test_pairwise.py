from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import pairwise
from tests.shaping.grouped import NAN, grouped, members, permuted

GAMES = st.integers(1, 5).flatmap(
    lambda n: st.lists(
        st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.sampled_from([0.0, 0.5, 1.0, NAN])), max_size=20
    ).map(lambda rows: (n, rows))
)


def wins_of(n, rows):
    first, second, points = ([row[k] for row in rows] for k in range(3))
    return pairwise.wins_matrix(first, second, points, n)


@given(GAMES, st.integers(0, 99))
def test_scores_follow_their_items(games, seed) -> None:
    n, rows = games
    wins = wins_of(n, rows)
    order = np.random.default_rng(seed).permutation(n)
    for function in (pairwise.win_rate, pairwise.copeland, pairwise.bradley_terry, pairwise.round_robin):
        scores = function(wins)
        assert scores.shape == (n,)
        assert function(wins[np.ix_(order, order)]) == pytest.approx(scores[order], nan_ok=True, abs=1e-6)
    for function in (pairwise.win_rate, pairwise.copeland):
        scores = function(wins)
        assert (np.isnan(scores) | ((scores >= 0) & (scores <= 1))).all()
        assert function(wins.T) == pytest.approx(1 - scores, nan_ok=True), "losing is the mirror of winning"


@given(GAMES)
def test_points_of_a_game_sum_to_one(games) -> None:
    n, rows = games
    counted = [row for row in rows if row[0] != row[1] and not math.isnan(row[2])]
    assert wins_of(n, rows).sum() == pytest.approx(len(counted))


def test_by_hand() -> None:
    wins = pairwise.wins_matrix([0, 0, 1, 2], [1, 1, 2, 0], [1.0, 0.0, 0.5, NAN], 4)
    assert wins.tolist() == [[0, 1, 0, 0], [1, 0, 0.5, 0], [0, 0.5, 0, 0], [0, 0, 0, 0]]
    assert pairwise.win_rate(wins)[:3].tolist() == [0.5, 0.5, 0.5]
    assert np.isnan(pairwise.win_rate(wins)[3]) and np.isnan(pairwise.copeland(wins)[3])
    assert pairwise.copeland(pairwise.score_wins([1.0, 3.0, 2.0, 2.0])).tolist() == pytest.approx([0, 1, 0.5, 0.5])
    assert pairwise.score_wins([1.0, NAN]).tolist() == [[0, 0], [0, 0]]
    assert pairwise.round_robin([[9, 1, 0], [0, 9, 1], [NAN, NAN, 9]], total=True)[:2].tolist() == [1, 1]
    assert np.isnan(pairwise.round_robin([[0, 1], [NAN, 0]])[1])


def test_bradley_terry_recovers_strengths() -> None:
    theta = np.array([1.0, 0.25, -0.5, -0.75])
    chance = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
    wins = 1000 * chance * (1 - np.eye(4))
    assert pairwise.bradley_terry(wins, prior=1e-9) == pytest.approx(theta - theta.mean(), abs=1e-5)


def test_bradley_terry_with_a_prior_is_at_its_optimum() -> None:
    wins = np.array([[0, 3, 1], [1, 0, 0], [0, 2, 0]], dtype=float)
    theta, prior = pairwise.bradley_terry(wins, prior=0.5), 0.5

    def slope(shift: float) -> np.ndarray:
        t = theta + shift
        expected = ((wins + wins.T) / (1 + np.exp(t[None, :] - t[:, None]))).sum(axis=1)
        return wins.sum(axis=1) - expected + prior - 2 * prior / (1 + np.exp(-t))

    low, high = -5.0, 5.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle).sum() > 0 else (low, middle)
    assert slope(low) == pytest.approx(0.0, abs=1e-6)


def test_bradley_terry_of_the_unbeaten_the_apart_and_the_unmet() -> None:
    unbeaten = pairwise.bradley_terry([[0, 50, 50], [0, 0, 25], [0, 25, 0]])
    assert np.isfinite(unbeaten).all() and unbeaten[0] > 3 and unbeaten[1] == pytest.approx(unbeaten[2])
    apart = np.zeros((5, 5))
    apart[0, 1] = apart[2, 3] = 4.0
    theta = pairwise.bradley_terry(apart)
    assert theta[[0, 1]] == pytest.approx(theta[[2, 3]], abs=1e-6), "separate sets are on one scale"
    assert theta[4] == pytest.approx((theta[0] + theta[1]) / 2, abs=1e-6)
    assert pairwise.bradley_terry([[0.0, 2.0], [2.0, 0.0]]).tolist() == pytest.approx([0.0, 0.0])
    assert pairwise.bradley_terry(np.zeros((0, 0))).tolist() == []
    cycle = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=float)
    assert pairwise.bradley_terry(cycle) == pytest.approx([0, 0, 0], abs=1e-9)


def test_elo_by_hand() -> None:
    matches = [("A", "B", 1), ("A", "C", 1), ("B", "C", 1), ("A", "B", 1)]
    found = pairwise.elo_ratings(matches)
    assert found == pytest.approx({"A": 1545.8293692928928, "B": 1485.4682320437544, "C": 1468.7023986633528})
    assert pairwise.elo_ratings([], players="AB") == {"A": 1500.0, "B": 1500.0}
    assert pairwise.elo_ratings([("A", "B", NAN), ("A", "B", 0.5)], k=10) == {"A": 1500.0, "B": 1500.0}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.sampled_from([0, 0.5, 1])), max_size=15))
def test_elo_conserves_the_total(matches) -> None:
    for shuffles in (0, 3):
        ratings = pairwise.elo_ratings(matches, players="abc", shuffles=shuffles)
        assert sum(ratings.values()) == pytest.approx(4500.0)


def test_shuffled_elo_forgets_the_order() -> None:
    cycle = [("A", "B", 1), ("B", "C", 1), ("C", "A", 1)] * 10
    ratings = pairwise.elo_ratings(cycle, shuffles=200, seed=3)
    assert max(ratings.values()) - min(ratings.values()) < 5.0
    assert ratings == pairwise.elo_ratings(cycle, shuffles=200, seed=3)
    assert pairwise.elo_ratings(cycle) != pytest.approx(pairwise.elo_ratings(cycle[::-1])), "one order is not another"


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ([], []),
        ([7], [1.0]),
        ([1, 2], [1.0, -0.1]),
        ([1, 1], [1.0, 1.0]),
        ([2, 2], [-0.1, -0.1]),
        ([2, 3], [-0.1, -0.1]),
        ([3, 2, 1], [-0.1, 0.45, 1.0]),
        ([1, 1, 1], [1.0, 1.0, 1.0]),
        ([2, 2, 2], [-0.1, -0.1, -0.1]),
    ],
)
def test_rank_rewards(ranks, expected) -> None:
    assert pairwise.rank_rewards(ranks).tolist() == pytest.approx(expected)


def test_rank_rewards_within_groups() -> None:
    out = pairwise.rank_rewards([1, 2, 1, 2, 3, 5, NAN], [0, 0, 1, 1, 1, 2, 2], best=2.0, worst=0.0)
    assert out[:6].tolist() == [2.0, 0.0, 2.0, 1.0, 0.0, 2.0] and np.isnan(out[6])


@given(grouped(), st.integers(0, 99))
def test_dominance_counts_siblings_beaten_in_all(sample, seed) -> None:
    values, groups = sample
    other = np.abs(np.where(np.isnan(values), 1.0, values))
    out = pairwise.dominance_share([values, other], groups)
    for rows in members(values, groups):
        for i in rows:
            beaten = sum(values[i] > values[j] and other[i] > other[j] for j in rows)
            assert out[i] == pytest.approx(beaten / max(len(rows) - 1, 1))
    shuffled, of, order = permuted(values, groups, seed)
    assert pairwise.dominance_share([shuffled, other[order]], of) == pytest.approx(out[order], nan_ok=True)


def test_dominance_by_hand() -> None:
    # short and good beats both, ties are not beaten
    assert pairwise.dominance_share([[-1.0, -4.0, -2.0], [-1.0, -5.0, -3.0]], [0, 0, 0]).tolist() == [1.0, 0.0, 0.5]
    assert pairwise.dominance_share([[1.0, 1.0]], [0, 0]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: pairwise.wins_matrix([0], [1], [2.0], 2), r"points must lie in \[0, 1\]"),
        (lambda: pairwise.wins_matrix([0], [2], [1.0], 2), r"item numbers in \[0, 2\)"),
        (lambda: pairwise.wins_matrix([0], [], [1.0], 2), "one per comparison"),
        (lambda: pairwise.bradley_terry([[0.0]], prior=0.0), "prior=0.0"),
        (lambda: pairwise.win_rate([[0.0, 1.0]]), "must be square"),
        (lambda: pairwise.elo_ratings([("a", "b", 3)]), "points of a match"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(ValueError, match=named):
        call()
