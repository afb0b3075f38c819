"""Overoptimisation watch: how far a proxy reward has run away from what it stands for, along a course of optimisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values


def overoptimization_gap(proxy: ArrayLike, gold: ArrayLike) -> Floats:
    """proxy - gold at every level of optimisation (KL, n of best-of-n, steps), (N,).

    Source: Gao et al. 2022 (arXiv 2210.10760); survey arXiv 2507.13158, Figure 2.

    >>> overoptimization_gap([1, 2, 3], [1, 2, 1.5]).tolist()
    [0.0, 0.0, 1.5]
    """
    p, g = _both(proxy, gold)
    return np.asarray(p - g)


class Peak(NamedTuple):
    """Where gold is highest: position, gold there, and how much of it is lost by the last level."""

    position: int
    gold: float
    lost: float


def gold_peak(gold: ArrayLike) -> Peak:
    """The level at which to stop: the first of the highest gold values. ``lost`` above 0 means the last level went too far.

    Raises:
        ValueError: no scored level.

    >>> gold_peak([1.0, 2.0, 2.5, 2.0])
    Peak(position=2, gold=2.5, lost=0.5)
    """
    g = as_values(gold, "gold")
    if not (~np.isnan(g)).any():
        raise ValueError("gold holds no scored level")
    best = int(np.nanargmax(g))
    return Peak(best, float(g[best]), float(g[best] - g[-1]))


def length_bias(rewards: ArrayLike, lengths: ArrayLike) -> float:
    """Slope of the least-squares line of rewards over lengths, per unit; 0 where lengths do not vary, NaN without samples.

    >>> length_bias([1.0, 2.0, 3.0], [10, 20, 30])
    0.1
    """
    r, n = _both(rewards, lengths)
    kept = ~(np.isnan(r) | np.isnan(n))
    r, n = r[kept], n[kept]
    if not r.size:
        return float("nan")
    spread = n - n.mean()
    power = float((spread**2).sum())
    return float((spread * (r - r.mean())).sum() / power) if power > 0 else 0.0


def _both(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    a, b = as_values(first), as_values(second)
    if len(a) != len(b):
        raise ValueError(f"there are {len(a)} and {len(b)} values; give one of each per level")
    return a, b
