"""What the criteria of a rubric are worth on a preference set: who tells chosen from rejected, who repeats another, who can go.

``chosen`` and ``rejected`` (P, K) hold how far each of K criteria is met by the better and the worse answer of P pairs, in [0, 1],
NaN where that could not be judged. ``weights`` (K,) and ``hard`` (K,) are those of the rubric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.shaping.groups import Bools, Floats, Ints


@dataclass(frozen=True)
class CriterionStatistics:
    """Per criterion (K,), NaN where no pair says anything.

    Attributes:
        discriminability: share of decided pairs where chosen > rejected, minus the share where it is the other way; in [-1, 1].
        agreement: share with chosen > rejected among the pairs that differ; in [0, 1].
        separation: share of decided pairs that differ.
        coverage: share of all pairs where both answers were judged.
        met_by_chosen, met_by_rejected: how far the criterion is met on average.
    """

    discriminability: Floats
    agreement: Floats
    separation: Floats
    coverage: Floats
    met_by_chosen: Floats
    met_by_rejected: Floats


def criterion_statistics(
    chosen: ArrayLike, rejected: ArrayLike, weights: ArrayLike | None = None
) -> CriterionStatistics:
    """How well each criterion by itself tells chosen from rejected. A negative weight turns a criterion round: a fault.

    >>> statistics = criterion_statistics([[1, 1], [1, 0], [1, 1]], [[0, 1], [1, 0], [0, float("nan")]])
    >>> (
    ...     statistics.discriminability.round(3).tolist(),
    ...     statistics.agreement.tolist(),
    ...     statistics.coverage.round(3).tolist(),
    ... )
    ([0.667, 0.0], [1.0, nan], [1.0, 0.667])
    """
    c, r = _pairs(chosen, rejected)
    sign = np.ones(c.shape[1]) if weights is None else np.where(np.asarray(weights, dtype=np.float64) < 0, -1.0, 1.0)
    gap = (c - r) * sign
    decided = ~np.isnan(gap)
    n, up, down = decided.sum(axis=0), (gap > 0).sum(axis=0), (gap < 0).sum(axis=0)
    return CriterionStatistics(
        discriminability=_ratio(up - down, n),
        agreement=_ratio(up, up + down),
        separation=_ratio(up + down, n),
        coverage=_ratio(n, np.full(c.shape[1], len(c))),
        met_by_chosen=_mean(c),
        met_by_rejected=_mean(r),
    )


def label_agreement(verdicts: ArrayLike, labels: ArrayLike) -> Floats:
    """(K,) Cohen's kappa of each criterion (N, K), met from 0.5 on, with labels (N,) of 0 or 1; NaN where chance agrees always.

    >>> label_agreement([[1, 0], [1, 1], [0, 0], [0, 1]], [1, 1, 0, 0]).tolist()
    [1.0, 0.0]
    """
    v = np.asarray(verdicts, dtype=np.float64)
    y = np.asarray(labels, dtype=np.float64).reshape(-1, 1)
    if v.ndim != 2 or len(v) != len(y):
        raise ValueError(f"verdicts has shape {v.shape} for {len(y)} labels; give (N, K) and (N,)")
    known = ~np.isnan(v) & ~np.isnan(y)
    n = known.sum(axis=0)
    met, right = known & (v >= 0.5), known & (y >= 0.5)
    same = _ratio((known & (met == right)).sum(axis=0), n)
    p, q = _ratio(met.sum(axis=0), n), _ratio(right.sum(axis=0), n)
    chance = p * q + (1.0 - p) * (1.0 - q)
    return np.asarray(np.where(chance < 1.0, (same - chance) / np.where(chance < 1.0, 1.0 - chance, 1.0), np.nan))


def redundancy(chosen: ArrayLike, rejected: ArrayLike) -> Floats:
    """(K, K) correlation of what criteria say of the pairs, d = chosen - rejected in each, about 0; 1 on the diagonal.

    sum d_i d_j / sqrt(sum d_i^2 sum d_j^2) over pairs both decide: 1 for criteria that prefer alike, -1 for opposites, NaN for one
    that never differs.

    >>> redundancy([[1, 1, 0], [0, 0, 1]], [[0, 0, 0], [1, 1, 0]]).round(3).tolist()[0]
    [1.0, 1.0, -0.707]
    """
    c, r = _pairs(chosen, rejected)
    d = c - r
    known = (~np.isnan(d)).astype(np.float64)
    d = np.nan_to_num(d)
    cross, squares = d.T @ d, (d**2).T @ known
    size = np.sqrt(squares * squares.T)
    return np.asarray(np.where(size > 0, cross / np.where(size > 0, size, 1.0), np.nan))


def implied(verdicts: ArrayLike) -> Floats:
    """(K, K) in row i, column j: of the samples (N, K) that meet criterion i, the share that meets j too. 1 both ways: the same
    criterion; 1 one way: i is the narrower. NaN where no sample meets i.

    >>> implied([[1, 1], [0, 1], [0, 0]]).tolist()
    [[1.0, 1.0], [0.5, 1.0]]
    """
    v = np.asarray(verdicts, dtype=np.float64)
    known = (~np.isnan(v)).astype(np.float64)
    met = (v >= 0.5).astype(np.float64)
    return _ratio(met.T @ met, met.T @ known)


def rubric_values(met: ArrayLike, weights: ArrayLike, hard: ArrayLike, *, cap: float = 0.0) -> Floats:
    """(N,) the weighted share of soft criteria that is met, at most ``cap`` where a hard one (met below 1) is not; in [0, 1].

    share = sum w m / sum of positive w over soft criteria with a verdict, within [0, 1] (1 where there are none; with negative
    weights alone 1 + sum w m / sum |w|). Criteria without a verdict (NaN) are left out; NaN where all are.

    >>> rubric_values([[1, 0.5], [0, 1]], [1, 1], [True, False]).tolist()
    [0.5, 0.0]
    """
    m = np.asarray(met, dtype=np.float64)
    w, must = np.asarray(weights, dtype=np.float64), np.asarray(hard, dtype=bool)
    known = ~np.isnan(m)
    soft = known & ~must
    gained = np.where(soft, w * np.nan_to_num(m), 0.0).sum(axis=1)
    best = np.where(soft & (w > 0), w, 0.0).sum(axis=1)
    worst = np.where(soft & (w < 0), -w, 0.0).sum(axis=1)
    faults = 1.0 + gained / np.where(worst > 0, worst, 1.0)
    share = np.clip(np.where(best > 0, gained / np.where(best > 0, best, 1.0), faults), 0.0, 1.0)
    failed = (known & must & (m < 1.0)).any(axis=1)
    values = np.where(failed, np.minimum(share, cap), share)
    return np.asarray(np.where(known.any(axis=1), values, np.nan))


def pair_accuracy(
    chosen: ArrayLike, rejected: ArrayLike, weights: ArrayLike | None = None, hard: ArrayLike | None = None
) -> float:
    """Share of pairs where the rubric values chosen above rejected, a tie counting half; NaN without a pair it values.

    Only what was judged on both sides of a pair counts in it.

    >>> pair_accuracy([[1, 1], [1, 0]], [[0, 1], [1, 0]])
    0.75
    """
    c, r = _pairs(chosen, rejected)
    w, must = _given(c.shape[1], weights, hard)
    both = np.isnan(c) | np.isnan(r)
    if not c.shape[1]:
        return 0.5 if len(c) else float("nan")
    c, r = np.where(both, np.nan, c), np.where(both, np.nan, r)
    gap = rubric_values(c, w, must) - rubric_values(r, w, must)
    gap = gap[~np.isnan(gap)]
    return float(((gap > 1e-12) + 0.5 * (np.abs(gap) <= 1e-12)).mean()) if len(gap) else float("nan")


def leave_one_out(
    chosen: ArrayLike, rejected: ArrayLike, weights: ArrayLike | None = None, hard: ArrayLike | None = None
) -> Floats:
    """(K,) what each criterion adds: the accuracy of the whole rubric minus that of the rubric without it.

    >>> leave_one_out([[1, 1], [1, 0]], [[0, 1], [0, 0]]).tolist()
    [0.5, 0.0]
    """
    c, r = _pairs(chosen, rejected)
    w, must = _given(c.shape[1], weights, hard)
    whole = pair_accuracy(c, r, w, must)
    rest = [np.delete(np.arange(c.shape[1]), k) for k in range(c.shape[1])]
    return np.array([whole - pair_accuracy(c[:, one], r[:, one], w[one], must[one]) for one in rest], dtype=np.float64)


@dataclass(frozen=True)
class Pruned:
    """Which criteria stay, which go in this order, and the rubric's accuracy at the start and after each.

    Attributes:
        kept: positions that stay, ascending.
        dropped: positions in the order they were removed.
        accuracies: at the start and after each removal, one more than ``dropped``.
    """

    kept: Ints
    dropped: Ints
    accuracies: Floats


def pruned(
    chosen: ArrayLike,
    rejected: ArrayLike,
    weights: ArrayLike | None = None,
    hard: ArrayLike | None = None,
    *,
    tolerance: float = 0.0,
    least: int = 1,
    keep_hard: bool = False,
) -> Pruned:
    """Remove criteria one by one while the rubric's accuracy stays within ``tolerance`` of its start.

    Each time the one goes without which the accuracy is highest; among equals the least discriminating, then the one most alike
    to another that stays, then the last. At least ``least`` stay, and with ``keep_hard`` all hard ones.

    Raises:
        ValueError: a tolerance below 0, a ``least`` below 1, or arrays that do not fit.

    Source: that generated rubrics repeat themselves: CDRRM 2026 (arXiv 2603.08035); the algorithm is our design.

    >>> result = pruned([[1, 1, 1], [1, 1, 0]], [[0, 0, 1], [0, 0, 0]])
    >>> result.kept.tolist(), result.dropped.tolist(), result.accuracies.tolist()
    ([0], [2, 1], [1.0, 1.0, 1.0])
    """
    c, r = _pairs(chosen, rejected)
    w, must = _given(c.shape[1], weights, hard)
    if tolerance < 0 or least < 1:
        raise ValueError(f"tolerance={tolerance} must not be negative and least={least} must be at least 1")
    told = np.nan_to_num(criterion_statistics(c, r, w).discriminability, nan=-1.0)
    alike = np.abs(np.nan_to_num(redundancy(c, r)))
    kept = list(range(c.shape[1]))
    accuracies, dropped = [pair_accuracy(c, r, w, must)], []
    while len(kept) > least:
        options = []
        for k in kept:
            if keep_hard and must[k]:
                continue
            rest = [j for j in kept if j != k]
            accuracy = pair_accuracy(c[:, rest], r[:, rest], w[rest], must[rest])
            if accuracy >= accuracies[0] - tolerance - 1e-12:
                options.append((accuracy, -round(float(told[k]), 9), round(float(alike[k, rest].max()), 9), k))
        if not options:
            break
        accuracy, _, _, gone = max(options)
        kept.remove(gone)
        dropped.append(gone)
        accuracies.append(accuracy)
    return Pruned(np.array(kept, dtype=np.int64), np.array(dropped, dtype=np.int64), np.array(accuracies))


def _pairs(chosen: ArrayLike, rejected: ArrayLike) -> tuple[Floats, Floats]:
    c, r = np.asarray(chosen, dtype=np.float64), np.asarray(rejected, dtype=np.float64)
    if c.ndim != 2 or c.shape != r.shape:
        raise ValueError(f"chosen and rejected have shapes {c.shape} and {r.shape}; both must be (pairs, criteria)")
    return c, r


def _given(size: int, weights: ArrayLike | None, hard: ArrayLike | None) -> tuple[Floats, Bools]:
    w = np.ones(size) if weights is None else np.asarray(weights, dtype=np.float64)
    must = np.zeros(size, dtype=bool) if hard is None else np.asarray(hard, dtype=bool)
    if w.shape != (size,) or must.shape != (size,):
        raise ValueError(f"weights and hard have shapes {w.shape} and {must.shape} for {size} criteria; give one each")
    return w, must


def _ratio(part: NDArray[np.generic], whole: NDArray[np.generic]) -> Floats:
    p, w = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.asarray(np.where(w > 0, p / np.where(w > 0, w, 1.0), np.nan))


def _mean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0))
