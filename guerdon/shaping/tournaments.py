"""Which pairs of n entrants are compared, round by round: all, a ring, knockout, double elimination, or where it matters most.

A schedule is a generator: it yields the pairs (i, j) of a round, which may be compared side by side, is sent the points of each
pair's first entrant (1 won, 0 lost, 0.5 tied, NaN undecided), and returns the entrants' standing (n,) in [0, 1], or None where only
the comparisons count (see :mod:`guerdon.shaping.pairwise`). Entrants are numbered in the order in which they are seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.shaping.groups import Floats, Ints
from guerdon.shaping.pairwise import bradley_terry, wins_matrix

Pair = tuple[int, int]
Schedule = Generator[list[Pair], Sequence[float], Floats | None]
Coin = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Played:
    """A tournament that is over: who met whom, the points of the first (M,), and the standing (n,) if the schedule gives one."""

    first: Ints
    second: Ints
    points: Floats
    standing: Floats | None

    @property
    def matches(self) -> int:
        """How many comparisons were made."""
        return len(self.points)

    def wins(self, n: int) -> Floats:
        """(n, n) points that row took from column."""
        return wins_matrix(self.first, self.second, self.points, n)


def play(schedule: Schedule, compare: Callable[[int, int], float]) -> Played:
    """A schedule carried out with ``compare(i, j)``, the points of i.

    >>> played = play(all_pairs(3), lambda i, j: float(i < j))
    >>> played.matches, played.wins(3).sum(axis=1).tolist()
    (3, [2.0, 1.0, 0.0])
    """
    met: list[Pair] = []
    points: list[float] = []
    try:
        pairs = next(schedule)
        while True:
            scored = [float(compare(i, j)) for i, j in pairs]
            met, points = met + pairs, points + scored
            pairs = schedule.send(scored)
    except StopIteration as end:
        both = np.array(met, dtype=np.int64).reshape(-1, 2)
        return Played(both[:, 0], both[:, 1], np.array(points), end.value)


def all_pairs(n: int) -> Schedule:
    """Every two entrants once, in one round: n (n - 1) / 2 comparisons. No standing.

    >>> next(all_pairs(3))
    [(0, 1), (0, 2), (1, 2)]
    """
    if n > 1:
        yield [(i, j) for i in range(n) for j in range(i + 1, n)]
    return None


def circular(n: int, *, hops: int = 1) -> Schedule:
    """Every entrant with the ``hops`` that follow it in a ring, in one round: n hops comparisons, less what recurs. No standing.

    >>> next(circular(4)), next(circular(3, hops=2))
    ([(0, 1), (1, 2), (2, 3), (3, 0)], [(0, 1), (1, 2), (2, 0)])
    """
    if hops < 1:
        raise ValueError(f"hops={hops} must be at least 1")
    met: dict[frozenset[int], Pair] = {}
    for hop in range(1, min(hops, n - 1) + 1):
        for i in range(n):
            met.setdefault(frozenset((i, (i + hop) % n)), (i, (i + hop) % n))
    if met:
        yield list(met.values())
    return None


def knockout(n: int, *, coin: Coin | None = None) -> Schedule:
    """Neighbours meet and losers are out, until one is left: n - 1 comparisons. An odd last entrant goes on without a match.

    Standing: (entrants out in earlier rounds + half of the others out in the same) / (n - 1); the champion has 1; 0.5 for one
    alone. A tie or an undecided match goes to the first, or to whom ``coin()`` gives it (True: the first).

    >>> play(knockout(4), lambda i, j: float(i < j)).standing.round(3).tolist()
    [1.0, 0.167, 0.667, 0.167]
    """
    if n < 2:
        return np.full(n, 0.5)
    standing = np.zeros(n)
    bracket, out = list(range(n)), 0
    while len(bracket) > 1:
        pairs = _neighbours(bracket)
        points = yield pairs
        winners, losers = _decided(pairs, points, coin)
        standing[losers] = (out + (len(losers) - 1) / 2.0) / (n - 1)
        out += len(losers)
        bracket = winners + bracket[2 * len(pairs) :]
    standing[bracket[0]] = 1.0
    return standing


def double_elimination(n: int, *, coin: Coin | None = None) -> Schedule:
    """Two brackets: who loses once goes on in the losers' bracket, who loses twice is out: at most 2 n - 1 comparisons.

    In each round the winners' bracket plays neighbour against neighbour, an odd last entrant going on without a match; its losers,
    in pair order, join the losers' bracket, which then plays in the same way. The last of each meet, the undefeated as first of the
    pair, and meet again if it loses. Standing: place in the order of elimination / (n - 1); entrants that went out in one round
    share out its places by their mean points per match, low to high, else in pair order. 0.5 for one alone and for two that tie.
    A tie or an undecided match counts half for each and goes to the first, or to whom ``coin()`` gives it (True: the first).

    Source: RM-NLHF 2026 (arXiv 2601.07349), released code.

    >>> play(double_elimination(3), lambda i, j: float(i < j)).standing.tolist()
    [1.0, 0.5, 0.0]
    """
    if n < 2:
        return np.full(n, 0.5)
    record: list[list[float]] = [[] for _ in range(n)]
    winners: list[int] = list(range(n))
    losers: list[int] = []
    rounds_out: list[list[int]] = []
    if n == 2:
        (points,) = yield [(0, 1)]
        share = 0.5 if points != points else float(points)
        share = share if share == 0.5 else float(share > 0.5)
        return np.array([share, 1.0 - share])
    while len(winners) > 1 or len(losers) > 1:
        for bracket in ("winners", "losers"):
            entrants = winners if bracket == "winners" else losers
            if len(entrants) < 2:
                continue
            pairs = _neighbours(entrants)
            points_of_round = yield pairs
            _note(record, pairs, points_of_round)
            won, lost = _decided(pairs, points_of_round, coin)
            rest = won + entrants[2 * len(pairs) :]
            if bracket == "winners":
                winners, losers = rest, losers + lost
            else:
                losers = rest
                rounds_out.append(lost)
    final = [(winners[0], losers[0])]
    points_of_final = yield final
    _note(record, final, points_of_final)
    (champion,), (second,) = _decided(final, points_of_final, coin)
    if champion == losers[0]:
        points_of_decider = yield final
        _note(record, final, points_of_decider)
        (champion,), (second,) = _decided(final, points_of_decider, coin)
    ordered = [i for lost in rounds_out for i in sorted(lost, key=lambda i: sum(record[i]) / len(record[i]))]
    standing = np.zeros(n)
    standing[[*ordered, second, champion]] = np.arange(n) / (n - 1)
    return standing


def adaptive(n: int, *, budget: int | None = None, prior: float = 0.1) -> Schedule:
    """A ring first, then rounds of disjoint pairs whose outcome tells most, until ``budget`` comparisons are made. No standing.

    After each round a Bradley-Terry model is fitted; a pair tells p (1 - p) Var(theta_i - theta_j), with p the fitted chance that
    i beats j: much where strengths are close and still uncertain. Pairs are taken greedily, the most telling first, i as
    first of the pair where it has been first less often, and none twice: a judge that is asked the same again tells nothing new.
    Default budget: 2 n; at most n (n - 1) / 2.

    >>> play(adaptive(8, budget=20), lambda i, j: float(i < j)).matches
    20
    """
    most = n * (n - 1) // 2
    if budget is not None and budget < 0:
        raise ValueError(f"budget={budget} must not be negative")
    left = min(2 * n if budget is None else budget, most)
    wins, met = np.zeros((n, n)), np.zeros((n, n), dtype=bool)
    leads = np.zeros(n)
    pairs = next(circular(n), [])[:left]
    while pairs:
        points = yield pairs
        left -= len(pairs)
        wins += wins_matrix([i for i, _ in pairs], [j for _, j in pairs], list(points), n)
        for i, j in pairs:
            leads[i] += 1
            met[i, j] = met[j, i] = True
        pairs = _telling_pairs(wins, met, leads, prior, min(left, n // 2))
    return None


def bradley_terry_errors(wins: ArrayLike, strengths: ArrayLike, *, prior: float = 0.1) -> Floats:
    """(n, n) standard errors of theta_i - theta_j under the fitted model, from the inverse of its information matrix.

    ``wins`` and ``prior`` are those of :func:`~guerdon.shaping.pairwise.bradley_terry`, ``strengths`` (n,) what it returned.

    >>> wins = [[0.0, 30.0], [10.0, 0.0]]
    >>> bradley_terry_errors(wins, bradley_terry(wins)).round(2).tolist()
    [[0.0, 0.36], [0.36, 0.0]]
    """
    w, theta = np.asarray(wins, dtype=np.float64), np.asarray(strengths, dtype=np.float64)
    p = 1.0 / (1.0 + np.exp(np.clip(theta[None, :] - theta[:, None], -500, 500)))
    weight = (w + w.T) * p * (1.0 - p)
    alone = np.clip(
        2.0 * prior / (2.0 + np.exp(np.clip(theta, -500, 500)) + np.exp(np.clip(-theta, -500, 500))), 1e-9, None
    )
    covariance = np.linalg.inv(np.diag(weight.sum(axis=1) + alone) - weight)
    variance = np.diag(covariance)
    return np.asarray(np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2.0 * covariance, 0.0)))


def _telling_pairs(wins: Floats, met: NDArray[np.bool_], leads: Floats, prior: float, count: int) -> list[Pair]:
    if count < 1:
        return []
    theta = bradley_terry(wins, prior=prior, tolerance=1e-6)
    p = 1.0 / (1.0 + np.exp(theta[None, :] - theta[:, None]))
    told = p * (1.0 - p) * bradley_terry_errors(wins, theta, prior=prior) ** 2
    first, second = np.triu_indices(len(theta), 1)
    taken: set[int] = set()
    pairs: list[Pair] = []
    for k in np.argsort(-told[first, second], kind="stable"):
        i, j = int(first[k]), int(second[k])
        if met[i, j] or i in taken or j in taken:
            continue
        taken |= {i, j}
        pairs.append((i, j) if leads[i] <= leads[j] else (j, i))
        if len(pairs) == count:
            break
    return pairs


def _neighbours(entrants: Sequence[int]) -> list[Pair]:
    return list(zip(entrants[::2], entrants[1::2], strict=False))


def _decided(pairs: Sequence[Pair], points: Sequence[float], coin: Coin | None) -> tuple[list[int], list[int]]:
    """Winners and losers, in pair order."""
    winners, losers = [], []
    for (i, j), share in zip(pairs, points, strict=True):
        open_ = share != share or share == 0.5
        first_wins = (coin is None or coin()) if open_ else share > 0.5
        winners.append(i if first_wins else j)
        losers.append(j if first_wins else i)
    return winners, losers


def _note(record: list[list[float]], pairs: Sequence[Pair], points: Sequence[float]) -> None:
    for (i, j), share in zip(pairs, points, strict=True):
        known = 0.5 if share != share else float(share)
        record[i].append(known)
        record[j].append(1.0 - known)
