"""Normalisation: of values by their group or batch, and by what was seen earlier in training.

State is a plain dict: a function takes one and gives the next, and never changes the one it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import (
    Floats,
    as_values,
    extremes,
    group_count,
    group_index,
    group_max,
    group_quantile,
    moments,
)
from guerdon.shaping.transforms import quantile_rescale

State = Mapping[str, Any]


def group_zscore(
    values: ArrayLike, groups: ArrayLike, *, ddof: int = 0, eps: float = 1e-8, min_std: float = 0.0
) -> Floats:
    """(v - mean) / (std + eps) within the group, over its scored samples.

    Exactly 0 in a group that is constant, has a single scored sample (n <= ddof), or a std below ``min_std``. Unscored samples
    stay NaN.

    >>> group_zscore([1.0, 3.0, 7.0, 7.0], [0, 0, 1, 1], eps=0.0).tolist()
    [-1.0, 1.0, 0.0, 0.0]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    mean, std, _ = moments(v, index, count, ddof=ddof)
    flat = ~(std > 0) | (std < min_std)
    with np.errstate(invalid="ignore"):
        z = (v - mean[index]) / np.where(flat, 1.0, std + eps)[index]
    return np.asarray(np.where(np.isnan(v), np.nan, np.where(flat[index], 0.0, z)))


def group_center(values: ArrayLike, groups: ArrayLike) -> Floats:
    """v - mean of the group's scored samples; exactly 0 in a constant group.

    >>> group_center([1.0, 3.0, 7.0], [0, 0, 1]).tolist()
    [-1.0, 1.0, 0.0]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    mean, _, constant = moments(v, index, count)
    return np.asarray(np.where(np.isnan(v), np.nan, np.where(constant[index], 0.0, v - mean[index])))


def group_minmax(values: ArrayLike, groups: ArrayLike, *, constant: float = 0.0) -> Floats:
    """(v - min) / (max - min) within the group, in [0, 1]; ``constant`` where all scored values are equal.

    >>> group_minmax([1.0, 2.0, 5.0, 9.0], [0, 0, 0, 1]).tolist()
    [0.0, 0.25, 1.0, 0.0]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    low, high = extremes(v, index, count)
    flat = moments(v, index, count)[2][index]
    scaled = (v - low[index]) / np.where(flat, 1.0, (high - low)[index])
    return np.asarray(np.where(np.isnan(v), np.nan, np.where(flat, constant, scaled)))


def group_max_ratio(values: ArrayLike, groups: ArrayLike) -> Floats:
    """v / (largest value of the group) where that is above 0, else v.

    Source: LongTraceRL 2026 (arXiv 2605.31584), group-max normalisation.

    >>> group_max_ratio([0.2, 0.8, 0.0], [0, 0, 1]).tolist()
    [0.25, 1.0, 0.0]
    """
    v, largest = as_values(values), group_max(values, groups)
    return np.asarray(np.where(largest > 0, v / np.where(largest > 0, largest, 1.0), v))


def batch_zscore(values: ArrayLike, *, ddof: int = 0, eps: float = 1e-8, min_std: float = 0.0) -> Floats:
    """(v - mean) / (std + eps) over all scored samples; 0 where they are all equal or there is one.

    >>> batch_zscore([1.0, float("nan"), 3.0], eps=0.0).tolist()
    [-1.0, nan, 1.0]
    """
    v = as_values(values)
    return group_zscore(v, np.zeros(len(v), dtype=np.int64), ddof=ddof, eps=eps, min_std=min_std)


# -- running moments --------------------------------------------------------------------------------------------------


def running_initial() -> dict[str, Any]:
    """The state of running moments before anything was seen: count, mean, m2 (sum of squared deviations).

    >>> running_initial()
    {'count': 0.0, 'mean': 0.0, 'm2': 0.0}
    """
    return {"count": 0.0, "mean": 0.0, "m2": 0.0}


def running_update(state: State, values: ArrayLike, *, decay: float = 1.0) -> dict[str, Any]:
    """The state after a batch, merged as one block; the order inside the batch does not matter, NaN are left out.

    ``decay`` below 1 forgets: what was seen before counts that much per update.

    >>> running_update(running_initial(), [1.0, 3.0])
    {'count': 2.0, 'mean': 2.0, 'm2': 2.0}
    """
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"decay={decay} must lie in [0, 1]; 1 forgets nothing")
    v = as_values(values)
    v = v[~np.isnan(v)]
    count, mean, m2 = float(state["count"]) * decay, float(state["mean"]), float(state["m2"]) * decay
    if not v.size:
        return {"count": count, "mean": mean, "m2": m2}
    block = float(v.mean())
    total = count + v.size
    gap = block - mean
    return {
        "count": total,
        "mean": mean + gap * v.size / total,
        "m2": m2 + float(((v - block) ** 2).sum()) + gap * gap * count * v.size / total,
    }


def running_std(state: State, *, ddof: int = 0) -> float:
    """sqrt(m2 / (count - ddof)); 0 before there is enough to tell.

    >>> running_std({"count": 2.0, "mean": 2.0, "m2": 2.0})
    1.0
    """
    n = float(state["count"]) - ddof
    return float(np.sqrt(max(float(state["m2"]), 0.0) / n)) if n > 0 else 0.0


def running_zscore(
    values: ArrayLike, state: State, *, ddof: int = 0, eps: float = 1e-8, min_count: int = 2, center: bool = True
) -> Floats:
    """(v - mean) / (std + eps) with the moments of the state; ``center=False`` only scales.

    0 for every scored sample while fewer than ``min_count`` values were seen or all were equal.

    >>> running_zscore([4.0], {"count": 2.0, "mean": 2.0, "m2": 2.0}, eps=0.0).tolist()
    [2.0]
    """
    v = as_values(values)
    std = running_std(state, ddof=ddof)
    if float(state["count"]) < min_count or std <= 0.0:
        return np.asarray(np.where(np.isnan(v), np.nan, 0.0))
    return np.asarray((v - (float(state["mean"]) if center else 0.0)) / (std + eps))


# -- a window of recent values ----------------------------------------------------------------------------------------


def window_initial() -> dict[str, Any]:
    """The state of a window before anything was seen.

    >>> window_initial()["window"].tolist()
    []
    """
    return {"window": np.zeros(0)}


def window_update(state: State, values: ArrayLike, *, size: int = 512) -> dict[str, Any]:
    """The state after a batch: the last ``size`` scored values, oldest first.

    >>> window_update({"window": [1.0, 2.0]}, [3.0, float("nan"), 4.0], size=3)["window"].tolist()
    [2.0, 3.0, 4.0]
    """
    if size < 1:
        raise ValueError(f"size={size} must be at least 1")
    v = as_values(values)
    return {"window": np.concatenate([as_values(state["window"], "window"), v[~np.isnan(v)]])[-size:]}


def window_quantiles(state: State, quantiles: Sequence[float] = (0.05, 0.95)) -> Floats:
    """Quantiles of the window, linear between order statistics; NaN while it is empty.

    >>> window_quantiles({"window": [0.0, 1.0, 2.0]}, (0.25, 1.0)).tolist()
    [0.5, 2.0]
    """
    window = as_values(state["window"], "window")
    return np.asarray(np.quantile(window, quantiles)) if window.size else np.full(len(quantiles), np.nan)


def adaptive_quantile(
    values: ArrayLike,
    groups: ArrayLike,
    state: State,
    *,
    low: float = 0.05,
    high: float = 0.95,
    window: int = 512,
    min_history: int = 64,
    eps: float = 1e-8,
    min_spread: float = 1e-6,
) -> Floats:
    """clip((v - lo) / (hi - lo + eps), 0, 1) with lo, hi two quantiles of the last ``window`` raw values seen in training.

    With fewer than ``min_history`` of them, the quantiles are those of the sample's own group; in a group of one scored sample
    there is nothing to compare with, and the value is clip(v, 0, 1). 0.5 where the quantiles are nearly equal.
    :func:`adaptive_quantile_update` moves the state on after the batch.

    Source: our design for the adaptive semantic reward of Liu et al. 2025 (arXiv 2508.12957).

    >>> adaptive_quantile([0.2, 0.4], [0, 0], {"window": []}, low=0.0, high=1.0).round(6).tolist()
    [0.0, 1.0]
    """
    lower: Floats
    upper: Floats
    seen = as_values(state["window"], "window")[-window:]
    if len(seen) >= max(min_history, 1):
        lower, upper = np.quantile(seen, (low, high))
    else:
        lower = group_quantile(values, groups, quantile=low)
        upper = group_quantile(values, groups, quantile=high)
        alone = group_count(values, groups) < 2
        lower, upper = np.where(alone, np.nan, lower), np.where(alone, np.nan, upper)
    return quantile_rescale(values, low=lower, high=upper, eps=eps, min_spread=min_spread)


def adaptive_quantile_update(values: ArrayLike, state: State, *, window: int = 512) -> dict[str, Any]:
    """The window of :func:`adaptive_quantile` after a batch of raw values.

    >>> adaptive_quantile_update([0.3], {"window": [0.1, 0.2]}, window=2)["window"].tolist()
    [0.2, 0.3]
    """
    return window_update(state, values, size=window)
