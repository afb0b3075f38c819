"""Monotone transforms of one reward, value by value (``rank`` within the group). NaN in, NaN out.

Under an advantage that divides by the group's standard deviation, an affine transform of a lone reward changes nothing; it
acts where rewards are summed, clipped or used without that division.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, group_count, group_rank


def affine(values: ArrayLike, *, scale: float = 1.0, shift: float = 0.0) -> Floats:
    """scale * v + shift.

    >>> affine([0.5, -1.0], scale=0.5, shift=0.5).tolist()
    [0.75, 0.0]
    """
    return np.asarray(scale * np.asarray(values, dtype=np.float64) + shift)


def clip(values: ArrayLike, *, low: float, high: float) -> Floats:
    """min(max(v, low), high).

    Raises:
        ValueError: ``low`` above ``high``.

    >>> clip([-2.0, 0.5, 2.0], low=0.0, high=1.0).tolist()
    [0.0, 0.5, 1.0]
    """
    if low > high:
        raise ValueError(f"low={low} is above high={high}; exchange them")
    return np.asarray(np.clip(np.asarray(values, dtype=np.float64), low, high))


def threshold(values: ArrayLike, *, at: float, strict: bool = False) -> Floats:
    """1 where v >= at (v > at if ``strict``), else 0.

    >>> threshold([0.4, 0.5, float("nan")], at=0.5).tolist()
    [0.0, 1.0, nan]
    """
    v = np.asarray(values, dtype=np.float64)
    passed = v > at if strict else v >= at
    return np.asarray(np.where(np.isnan(v), np.nan, passed.astype(np.float64)))


def threshold_rescale(values: ArrayLike, *, at: ArrayLike) -> Floats:
    """max(0, v - at) / (1 - at): 0 up to the threshold, then linear, 1 where v is 1. ``at`` may differ per sample.

    Raises:
        ValueError: a threshold of 1 or more.

    Source: Su et al. 2026 (arXiv 2605.14366), thresholded similarity.

    >>> threshold_rescale([0.2, 0.5, 0.75, 1.0], at=0.5).tolist()
    [0.0, 0.0, 0.5, 1.0]
    """
    tau = np.asarray(at, dtype=np.float64)
    if np.any(tau >= 1.0):
        raise ValueError(f"at={tau.tolist()} must be below 1, the value that is mapped to 1")
    return np.asarray(np.maximum(np.asarray(values, dtype=np.float64) - tau, 0.0) / (1.0 - tau))


def zero_below(values: ArrayLike, *, at: float, slope: float = 0.0) -> Floats:
    """v where v >= at, else slope * v; a slope above 0 leaks.

    >>> zero_below([-1.0, 0.1, 0.3], at=0.2, slope=0.01).tolist()
    [-0.01, 0.001, 0.3]
    """
    v = np.asarray(values, dtype=np.float64)
    return np.asarray(np.where(v < at, slope * v, v))


def sigmoid(values: ArrayLike, *, center: ArrayLike = 0.0, sharpness: float = 1.0) -> Floats:
    """1 / (1 + exp(-sharpness (v - center))), in [0, 1]; ``sharpness`` is 1 over a temperature.

    >>> sigmoid([0.0, 1000.0, -1000.0]).tolist()
    [0.5, 1.0, 0.0]
    """
    z = sharpness * (np.asarray(values, dtype=np.float64) - np.asarray(center, dtype=np.float64))
    e = np.exp(-np.abs(z))
    return np.asarray(np.where(z < 0, e, 1.0) / (1.0 + e))


def log_sigmoid(values: ArrayLike, *, reference: ArrayLike) -> Floats:
    """log sigmoid(v - reference): log of the chance to beat the prompt's reference answer under Bradley-Terry; at most 0.

    Sums of it read as "all good". Flat far above the reference, slope 1 far below. ``reference`` is one number or one per
    sample, on the scale of ``values``; NaN where it is missing.

    Source: Wang et al. 2024 (arXiv 2402.00742), log-sigmoid centred transform.

    >>> log_sigmoid([2.0, 1.0, -10000.0], reference=2.0).round(4).tolist()
    [-0.6931, -1.3133, -10002.0]
    """
    z = np.asarray(values, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    return np.asarray(np.minimum(z, 0.0) - np.log1p(np.exp(-np.abs(z))))


def logit(values: ArrayLike, *, clip: float = 1e-6) -> Floats:
    """log(p / (1 - p)) of a probability, kept within [clip, 1 - clip]; undoes a sigmoid.

    >>> logit([0.5, 0.0]).round(3).tolist()
    [0.0, -13.816]
    """
    p = np.clip(np.asarray(values, dtype=np.float64), clip, 1.0 - clip)
    return np.asarray(np.log(p) - np.log1p(-p))


def power(values: ArrayLike, *, exponent: float) -> Floats:
    """sign(v) |v|^exponent: above 1 it sharpens values in [0, 1], below 1 it lifts them.

    Raises:
        ValueError: an exponent that is not positive.

    >>> power([0.5, -0.5, 0.0], exponent=2.0).tolist()
    [0.25, -0.25, 0.0]
    """
    if not exponent > 0:
        raise ValueError(f"exponent={exponent} must be positive for the order to be kept")
    v = np.asarray(values, dtype=np.float64)
    return np.asarray(np.sign(v) * np.abs(v) ** exponent)


def discretize(values: ArrayLike, *, bins: int) -> Floats:
    """round(v * bins) / bins, halves to even.

    >>> discretize([0.24, 0.5, -0.2], bins=5).tolist()
    [0.2, 0.4, -0.2]
    """
    if bins < 1:
        raise ValueError(f"bins={bins} must be at least 1")
    return np.asarray(np.rint(np.asarray(values, dtype=np.float64) * bins) / bins)


def quantile_rescale(
    values: ArrayLike,
    *,
    low: ArrayLike,
    high: ArrayLike,
    eps: float = 1e-8,
    min_spread: float = 1e-6,
    constant: float = 0.5,
) -> Floats:
    """clip((v - low) / (high - low + eps), 0, 1) for two given quantiles; ``constant`` where they are nearly equal.

    ``low`` and ``high`` are values (one, or one per sample), such as those of :func:`guerdon.shaping.normalize.window_quantiles`.
    NaN quantiles mean that nothing is known to compare with: then clip(v, 0, 1).

    Source: our design for the adaptive semantic reward of Liu et al. 2025 (arXiv 2508.12957).

    >>> quantile_rescale([0.86, 0.89, 0.95], low=0.86, high=0.92).round(3).tolist()
    [0.0, 0.5, 1.0]
    """
    v = np.asarray(values, dtype=np.float64)
    lo, hi = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    spread = hi - lo
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.clip((v - lo) / (spread + eps), 0.0, 1.0)
    known = np.where(spread < min_spread, constant, scaled)
    return np.asarray(np.where(np.isnan(v), np.nan, np.where(np.isnan(spread), np.clip(v, 0.0, 1.0), known)))


def rank(values: ArrayLike, groups: ArrayLike) -> Floats:
    """Rank within the group from 0 (lowest) to 1 (highest): (rank - 1) / (n - 1), ties averaged.

    0.5 where all are equal and in a group of one.

    >>> rank([0.1, 0.7, 0.7, 0.9, 5.0], [0, 0, 0, 0, 1]).tolist()
    [0.0, 0.5, 0.5, 1.0, 0.5]
    """
    ranks = group_rank(values, groups)
    n = group_count(values, groups)
    return np.asarray(np.where(n > 1, (ranks - 1.0) / np.maximum(n - 1.0, 1.0), np.where(np.isnan(ranks), np.nan, 0.5)))


def reference_quantile(
    samples: ArrayLike, *, quantile: float = 0.85, method: Literal["empirical", "gaussian"] = "empirical"
) -> Floats:
    """Quantile of the rewards of a prompt's reference samples: (..., S) -> (...), NaN samples left out.

    ``empirical``: linear between order statistics. ``gaussian``: mean + z std with the population std and z the standard normal
    quantile (1.0364 at 0.85); equal samples give their value. NaN where there is no sample.

    Raises:
        ValueError: a quantile outside [0, 1], or at its ends for ``gaussian``.

    Source: Wang et al. 2024 (arXiv 2402.00742), reference of the centred transform.

    >>> float(reference_quantile([0.0, 1.0, 2.0], quantile=0.5))
    1.0
    >>> float(reference_quantile([0.0, 2.0], quantile=0.85, method="gaussian").round(4))
    2.0364
    """
    from statistics import NormalDist

    rows = np.asarray(samples, dtype=np.float64)
    if not (0.0 <= quantile <= 1.0) or (method == "gaussian" and not 0.0 < quantile < 1.0):
        raise ValueError(f"quantile={quantile} must lie in {'(0, 1)' if method == 'gaussian' else '[0, 1]'}")
    if method not in ("empirical", "gaussian"):
        raise ValueError(f"method={method!r} is unknown; choices: empirical, gaussian")
    flat = rows.reshape(-1, rows.shape[-1]) if rows.size else np.zeros((int(np.prod(rows.shape[:-1])), 0))
    result = np.full(len(flat), np.nan)
    z = NormalDist().inv_cdf(quantile) if method == "gaussian" else 0.0
    for i, row in enumerate(flat):
        known = row[~np.isnan(row)]
        if known.size:
            result[i] = known.mean() + z * known.std() if method == "gaussian" else np.quantile(known, quantile)
    return result.reshape(rows.shape[:-1])
