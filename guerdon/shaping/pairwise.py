"""From comparisons to one number per item: win rate, Copeland, Bradley-Terry, Elo, and what ranks and dominance pay.

``wins`` (n, n) holds in row i, column j the points that i took from j: 1 for a win, half for a tie, summed over comparisons.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.combine import as_terms
from guerdon.shaping.groups import Floats, as_values, group_count, group_index, group_max, sibling_pairs


def wins_matrix(first: ArrayLike, second: ArrayLike, points: ArrayLike, size: int) -> Floats:
    """(size, size) points from comparisons (M,): item ``first`` got ``points`` in [0, 1], item ``second`` the rest.

    Undecided comparisons (NaN) and an item with itself are left out.

    >>> wins_matrix([0, 0], [1, 1], [1.0, 0.5], 2).tolist()
    [[0.0, 1.5], [0.5, 0.0]]
    """
    i, j = np.asarray(first, dtype=np.int64).reshape(-1), np.asarray(second, dtype=np.int64).reshape(-1)
    s = as_values(points, "points")
    if not len(i) == len(j) == len(s):
        raise ValueError(
            f"first, second and points have {len(i)}, {len(j)} and {len(s)} entries; give one per comparison"
        )
    if np.any((s < 0) | (s > 1)):
        raise ValueError("points must lie in [0, 1]: 1 won, 0.5 tied, 0 lost")
    if i.size and not (min(i.min(), j.min()) >= 0 and max(i.max(), j.max()) < size):
        raise ValueError(f"first and second must be item numbers in [0, {size})")
    kept = ~np.isnan(s) & (i != j)
    wins = np.zeros((size, size))
    np.add.at(wins, (i[kept], j[kept]), s[kept])
    np.add.at(wins, (j[kept], i[kept]), 1.0 - s[kept])
    return wins


def score_wins(values: ArrayLike) -> Floats:
    """(n, n) points of a round robin decided by values: 1 where row beats column, 0.5 on ties, 0 with unscored ones.

    >>> score_wins([0.3, 0.9]).tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """
    v = as_values(values)
    points = (v[:, None] > v[None, :]) + 0.5 * (v[:, None] == v[None, :])
    np.fill_diagonal(points, 0.0)
    return np.asarray(points, dtype=np.float64)


def win_rate(wins: ArrayLike) -> Floats:
    """Points taken / points played for, in [0, 1]; NaN for an item that was never compared.

    >>> win_rate([[0.0, 1.5], [0.5, 0.0]]).tolist()
    [0.75, 0.25]
    """
    w = _square(wins)
    played = (w + w.T).sum(axis=1)
    return np.asarray(np.where(played > 0, w.sum(axis=1) / np.where(played > 0, played, 1.0), np.nan))


def copeland(wins: ArrayLike) -> Floats:
    """Share of opponents met that an item beats head to head, an even record counting half; NaN if never compared.

    >>> copeland([[0.0, 2.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]).tolist()
    [0.75, 0.0, 0.5]
    """
    w = _square(wins)
    met = (w + w.T) > 0
    points = (met & (w > w.T)) + 0.5 * (met & (w == w.T))
    opponents = met.sum(axis=1)
    return np.asarray(np.where(opponents > 0, points.sum(axis=1) / np.maximum(opponents, 1), np.nan))


def round_robin(scores: ArrayLike, *, total: bool = False) -> Floats:
    """Mean over opponents j of the score that i got against j, from (n, n); NaN entries and the diagonal are left out.

    ``total`` sums instead. NaN for an item without any score.

    Source: BaseReward 2025 (arXiv 2509.16127), a pairwise judge as the reward of a group, with ``total``.

    >>> round_robin([[9.0, 1.0, 0.0], [0.0, 9.0, 1.0], [1.0, float("nan"), 9.0]]).tolist()
    [0.5, 0.5, 1.0]
    """
    s = _square(scores).copy()
    np.fill_diagonal(s, np.nan)
    scored = ~np.isnan(s)
    n = scored.sum(axis=1)
    sums = np.where(scored, s, 0.0).sum(axis=1)
    return np.asarray(np.where(n > 0, sums / (1 if total else np.maximum(n, 1)), np.nan))


def bradley_terry(wins: ArrayLike, *, prior: float = 0.1, iterations: int = 200, tolerance: float = 1e-10) -> Floats:
    """Log-strengths theta (n,) with P(i beats j) = sigmoid(theta_i - theta_j), mean 0, by Newton's method.

    Every item also wins and loses ``prior`` games against an opponent of strength 0, which keeps strengths finite where one item
    won all its games, and comparable where the comparisons fall apart into separate sets; an item never compared gets the
    strength of that opponent. Ties count half a win each.

    Raises:
        ValueError: a prior that is not positive.

    Source: Bradley and Terry 1952.

    >>> bradley_terry([[0.0, 3.0], [1.0, 0.0]], prior=1e-6).round(3).tolist()
    [0.549, -0.549]
    """
    if prior <= 0:
        raise ValueError(f"prior={prior} must be positive; it is what keeps an unbeaten item finite")
    w = _square(wins)
    games = w + w.T
    theta = np.zeros(len(w))

    def likelihood(theta: Floats) -> float:
        against = np.logaddexp(0.0, theta[None, :] - theta[:, None])
        alone = np.logaddexp(0.0, theta) + np.logaddexp(0.0, -theta)
        return float(-(w * against).sum() - prior * alone.sum())

    reached = likelihood(theta)
    for _ in range(iterations if len(w) else 0):
        p = 1.0 / (1.0 + np.exp(np.minimum(theta[None, :] - theta[:, None], 700.0)))
        q = 1.0 / (1.0 + np.exp(np.clip(-theta, -700.0, 700.0)))
        other = 1.0 / (1.0 + np.exp(np.clip(theta, -700.0, 700.0)))
        gradient = w.sum(axis=1) - (games * p).sum(axis=1) + prior * (other - q)
        curved = games * p * p.T
        information = np.diag(curved.sum(axis=1) + 2.0 * prior * q * other) - curved
        step = np.linalg.solve(information, gradient)
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        while (gained := likelihood(theta + step)) < reached and np.abs(step).max() > tolerance:
            step /= 2.0
        theta, reached = theta + step, max(gained, reached)
        if np.abs(step).max() <= tolerance:
            break
    return theta - theta.mean() if len(theta) else theta


def elo_ratings(
    matches: Iterable[tuple[Hashable, Hashable, float]],
    *,
    players: Sequence[Hashable] = (),
    k: float = 32.0,
    start: float = 1500.0,
    shuffles: int = 0,
    seed: int = 0,
) -> dict[Hashable, float]:
    """Elo ratings after matches (a, b, s) with s the points of a: R_a += k (s - 1 / (1 + 10^((R_b - R_a) / 400))), b loses as much.

    Elo depends on the order of matches: as given, or with ``shuffles`` the mean over that many seeded orders. ``players`` are rated
    even without a match. Undecided matches (NaN) are left out. The sum of ratings is conserved.

    >>> elo_ratings([("A", "B", 1.0)])
    {'A': 1516.0, 'B': 1484.0}
    """
    played = [(a, b, float(s)) for a, b, s in matches if s == s]
    if any(not 0.0 <= s <= 1.0 for _, _, s in played):
        raise ValueError("the points of a match must lie in [0, 1]: 1 won, 0.5 tied, 0 lost")
    names = list(dict.fromkeys([*players, *(name for a, b, _ in played for name in (a, b))]))
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(played)) for _ in range(shuffles)] if shuffles > 0 else [np.arange(len(played))]
    totals = dict.fromkeys(names, 0.0)
    for order in orders:
        ratings = dict.fromkeys(names, float(start))
        for m in order.tolist():
            a, b, points = played[m]
            gained = k * (points - 1.0 / (1.0 + 10.0 ** ((ratings[b] - ratings[a]) / 400.0)))
            ratings[a] += gained
            ratings[b] -= gained
        for name in names:
            totals[name] += ratings[name] / len(orders)
    return totals


def rank_rewards(
    ranks: ArrayLike, groups: ArrayLike | None = None, *, best: float = 1.0, worst: float = -0.1
) -> Floats:
    """Rewards of ranks 1 (best) to n within a group: best - (best - worst) (rank - 1) / (largest rank - 1).

    A group of one gets ``best``; of two, rank 1 gets ``best`` and any other ``worst``, so [1, 1] pays both; of more, all get
    ``best`` where no rank is above 1. NaN where a rank is.

    Source: ARR 2026 (arXiv 2605.08354), released rank-to-reward map.

    >>> rank_rewards([1, 2, 3]).round(2).tolist()
    [1.0, 0.45, -0.1]
    """
    r = as_values(ranks, "ranks")
    g = np.zeros(len(r), dtype=np.int64) if groups is None else groups
    n, largest = group_count(r, g), group_max(r, g)
    spread = np.where(largest > 1, largest - 1.0, 1.0)
    many = np.where(largest > 1, best - (best - worst) * (r - 1.0) / spread, best)
    values = np.where(n == 1, best, np.where(n == 2, np.where(r == 1, best, worst), many))
    return np.asarray(np.where(np.isnan(r), np.nan, values))


def dominance_share(terms: ArrayLike, groups: ArrayLike) -> Floats:
    """Share of the group's other scored samples that a sample beats strictly in every term (K, N), higher is better.

    Give a cost such as length with a minus. 0 in a group of one; NaN where a term is.

    Source: NOVER 2025 (arXiv 2505.16022), efficiency reward: (-length, -perplexity).

    >>> dominance_share([[-1.0, -2.0, -3.0], [-1.0, -2.0, -0.5]], [0, 0, 0]).tolist()
    [0.5, 0.0, 0.0]
    """
    t = as_terms(terms)
    group_index(groups, t.shape[1])
    scored = ~np.isnan(t).any(axis=0)
    first, second = sibling_pairs(groups, scored)
    beats = np.ones(len(first), dtype=bool)
    for term in t:
        beats &= term[first] > term[second]
    beaten = np.bincount(first, weights=beats, minlength=t.shape[1])
    shares = beaten / np.maximum(group_count(np.where(scored, 0.0, np.nan), groups) - 1.0, 1.0)
    return np.asarray(np.where(scored, shares, np.nan))


def _square(matrix: ArrayLike) -> Floats:
    array = np.asarray(matrix, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ValueError(f"a comparison matrix must be square, not of shape {array.shape}")
    return array
