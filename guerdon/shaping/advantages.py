"""Advantages: how much better a sample is than what else was tried. (N,) values and groups in, (N,) out.

An unscored sample (NaN) takes no part in a baseline and keeps NaN; a trainer gives it advantage 0. A constant group has
advantage exactly 0.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.combine import Missing, as_terms, weighted_sum
from guerdon.shaping.groups import (
    Floats,
    Ints,
    as_values,
    extremes,
    group_count,
    group_index,
    group_max,
    group_quantile,
    group_std,
    group_sum,
)
from guerdon.shaping.normalize import batch_zscore, group_center, group_zscore


def grpo_advantage(
    values: ArrayLike,
    groups: ArrayLike,
    *,
    ddof: int = 1,
    eps: float = 1e-6,
    min_std: float = 0.0,
    single: Literal["zero", "raw"] = "zero",
) -> Floats:
    """(r - mean) / (std + eps) within the group.

    Groups whose std is below ``min_std`` get 0, as noise there would be blown up. A group of one has no baseline: 0, or with
    ``single="raw"`` r / (1 + eps), as several trainers do.

    Source: Shao et al. 2024 (arXiv 2402.03300). verl: ddof 1, eps 1e-6; TRL: ddof 1, eps 1e-4.

    >>> grpo_advantage([0.0, 1.0, 1.0, 5.0], [0, 0, 0, 1]).round(3).tolist()
    [-1.155, 0.577, 0.577, 0.0]
    """
    if single not in ("zero", "raw"):
        raise ValueError(f"single={single!r} is unknown; choices: zero, raw")
    advantages = group_zscore(values, groups, ddof=ddof, eps=eps, min_std=min_std)
    if single == "zero":
        return advantages
    v = as_values(values)
    alone = group_count(np.zeros(len(v)), groups) == 1
    return np.asarray(np.where(alone, v / (1.0 + eps), advantages))


def dr_grpo_advantage(values: ArrayLike, groups: ArrayLike) -> Floats:
    """r - mean of the group, without division by its std (mean-only): hard and easy prompts weigh as their spread does.

    Source: Liu et al. 2025, Dr. GRPO (arXiv 2503.20783).

    >>> dr_grpo_advantage([0.0, 1.0, 5.0], [0, 0, 1]).tolist()
    [-0.5, 0.5, 0.0]
    """
    return group_center(values, groups)


def rloo_advantage(values: ArrayLike, groups: ArrayLike) -> Floats:
    """r_i - mean of the others in the group = (r_i - mean) n / (n - 1); 0 in a group of one.

    Source: Ahmadian et al. 2024 (arXiv 2402.14740).

    >>> rloo_advantage([-1.0, -2.0, -3.0, -10.0], [0, 0, 0, 0]).round(4).tolist()
    [4.0, 2.6667, 1.3333, -8.0]
    """
    n = group_count(values, groups)
    return np.asarray(group_center(values, groups) * n / np.maximum(n - 1.0, 1.0))


def gdpo_advantage(
    terms: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    ddof: int = 1,
    eps: float = 1e-6,
    whiten: bool = True,
    missing: Missing = "nan",
) -> Floats:
    """sum_k w_k z_k with each part (K, N) z-scored in its group first, then z-scored over the batch unless ``whiten`` is off.

    Parts of different scale weigh the same; a part that is constant in a group adds nothing there.

    Source: GDPO 2026 (arXiv 2601.05242); TRL's ``normalize_then_sum`` has eps 1e-4 and ``missing="zero"``. SD-E^2 2026
    (arXiv 2601.17982) sums with ddof 0, eps 1e-8 and no whitening.

    >>> gdpo_advantage([[0.0, 1.0, 0.0], [100.0, 0.0, 0.0]], [0, 0, 0], whiten=False).round(3).tolist()
    [0.577, 0.577, -1.155]
    """
    t = as_terms(terms)
    z = np.stack([group_zscore(part, groups, ddof=ddof, eps=eps) for part in t])
    total = weighted_sum(z, np.ones(len(t)) if weights is None else weights, missing)
    return batch_zscore(total, ddof=ddof, eps=eps) if whiten else total


def reinforce_advantage(values: ArrayLike, groups: ArrayLike, *, ddof: int = 0, eps: float = 1e-8) -> Floats:
    """(r - group mean), z-scored over the whole batch: local baseline, one scale for all prompts.

    Source: Hu 2025, REINFORCE++ with group baseline (arXiv 2501.03262).

    >>> reinforce_advantage([0.0, 2.0, 5.0, 5.0], [0, 0, 1, 1]).round(3).tolist()
    [-1.414, 1.414, 0.0, 0.0]
    """
    return batch_zscore(group_center(values, groups), ddof=ddof, eps=eps)


def jepo_advantage(values: ArrayLike, groups: ArrayLike) -> Floats:
    """L(all) - L(all but i) with L = log of the mean of exp(v) over the group, for log-probabilities v; 0 in a group of one.

    Source: Tang et al. 2025, JEPO; Kwiatkowski et al. 2026 (arXiv 2602.03979), Eq. 11.

    >>> jepo_advantage([-50.0, -50.0, -50.0, -0.01], [0, 0, 0, 0]).round(3).tolist()
    [-0.288, -0.288, -0.288, 48.604]
    """
    v = as_values(values)
    index, _ = group_index(groups, len(v))
    n = group_count(v, groups)
    # Without its largest member a group's sum is taken anew, on the scale of the second largest; without any other, the largest
    # is still in the sum and nothing is lost by subtraction.
    largest = np.zeros(len(v), dtype=bool)
    largest[_first_largest(v, groups)] = True
    top = group_max(v, groups)
    whole = group_sum(np.exp(v - top), groups)
    runners_up = np.where(largest, np.nan, v)
    with np.errstate(divide="ignore", invalid="ignore"):
        without = np.where(largest, 0.0, top + np.log(whole - np.exp(v - top)) - np.log(n - 1.0))
    without = np.where(largest, group_log_mean_exp(runners_up, index), without)
    differs = group_std(v, groups) > 0
    return np.asarray(np.where(np.isnan(v), np.nan, np.where(differs, group_log_mean_exp(v, index) - without, 0.0)))


def group_log_mean_exp(values: ArrayLike, groups: ArrayLike) -> Floats:
    """log((1/n) sum exp(v)) over the group's scored samples, at least their mean; safe far below the range of exp.

    >>> group_log_mean_exp([-900.0, -1000.0], [0, 0]).round(4).tolist()
    [-900.6931, -900.6931]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    top = extremes(v, index, count)[1]
    top = np.where(np.isfinite(top), top, 0.0)
    scored = ~np.isnan(v)
    total = np.bincount(index[scored], weights=np.exp(v[scored] - top[index[scored]]), minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        result = top + np.log(total / np.bincount(index[scored], minlength=count))
    return np.asarray(result[index])


def step_advantage(
    values: ArrayLike, groups: ArrayLike, steps: ArrayLike | None = None, *, ddof: int = 1, eps: float = 1e-6
) -> Floats:
    """(r - mean) / (std + eps) of step rewards (M,), among the steps at the same index of one group.

    ``groups`` (M,) are the prompts, or the shared prefixes where candidates for one step were sampled; without ``steps`` all
    steps of a group are compared with each other.

    Source: SLATE 2026 (arXiv 2602.23440), groups = candidates after one prefix; Shao et al. 2024 (arXiv 2402.03300), process
    supervision, without ``steps``.

    >>> step_advantage([1.0, 0.0, 3.0, 5.0], [0, 0, 0, 0], steps=[0, 0, 1, 1]).round(3).tolist()
    [0.707, -0.707, -0.707, 0.707]
    """
    if steps is None:
        return group_zscore(values, groups, ddof=ddof, eps=eps)
    index, count = group_index(groups, len(as_values(values)))
    order, _ = group_index(steps, len(index))
    return group_zscore(values, order * max(count, 1) + index, ddof=ddof, eps=eps)


def mask_outliers(
    values: ArrayLike,
    *,
    limit: float = 3.0,
    method: Literal["std", "mad"] = "std",
    eps: float = 0.0,
    variant: Literal["paper", "official"] = "paper",
) -> Floats:
    """z = (a - mean) / (std + eps) over the batch, with entries |z| > limit set to 0.

    ``method="mad"`` measures the distance by the median and 1.4826 times the median absolute deviation instead, which one huge
    value cannot stretch; with more than half of the entries equal there is no such scale, and every other entry is an outlier.
    z itself is as above. ``variant="official"`` compares z with (raw mean - limit, raw mean + limit) and with 10, which empties a
    batch whose raw mean is large.

    Source: R1-Reward 2025 (arXiv 2505.02835), advantage filter.

    >>> mask_outliers([0.0] * 29 + [10.0]).round(4).tolist()[-2:]
    [-0.1857, 0.0]
    """
    a = as_values(values)
    known = a[~np.isnan(a)]
    if variant not in ("paper", "official"):
        raise ValueError(f"variant={variant!r} is unknown; choices: paper, official")
    if method not in ("std", "mad"):
        raise ValueError(f"method={method!r} is unknown; choices: std, mad")
    if variant == "official":
        mean = float(known.mean()) if known.size else 0.0
        z = (a - mean) / np.sqrt(max(float(known.var()) if known.size else 0.0, 1e-8)) + 1e-8
        return np.asarray(np.where((z < mean - limit) | (z > mean + limit) | (np.abs(z) > 10.0), 0.0, z))
    z = batch_zscore(a, eps=eps)
    if method == "std":
        return np.asarray(np.where(np.abs(z) > limit, 0.0, z))
    batch = np.zeros(len(a), dtype=np.int64)
    distance = np.abs(a - group_quantile(a, batch, quantile=0.5))
    scale = 1.4826 * group_quantile(distance, batch, quantile=0.5)
    return np.asarray(np.where(distance > limit * scale, 0.0, z))


def _first_largest(values: Floats, groups: ArrayLike) -> Ints:
    index, _ = group_index(groups, len(values))
    rows = np.flatnonzero(values == group_max(values, groups))
    return np.asarray(rows[np.unique(index[rows], return_index=True)[1]], dtype=np.int64)
