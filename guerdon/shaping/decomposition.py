"""How well a set of parts decomposes a whole, judged by the directions of their vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def decomposition_score(parent: ArrayLike, children: ArrayLike, *, peak: float = 0.85) -> float:
    """How well child vectors (n, d) decompose a parent (d,), all of length 1; 1 at best, NaN without children.

    One child c of parent p: max(0, 1 - |s - peak| / (1 - peak)) with s = p.c: 1 for a rephrasing at similarity ``peak``, 0 for a
    copy. Several: half coverage, p.m / |m| with m the mean child, and half mean_i (p.c_i)(1 - mean_{j != i} c_j.c_i): each
    close to the parent and far from its siblings. Children that cancel out (m = 0) cover nothing.

    Raises:
        ValueError: shapes that do not fit, or ``peak`` outside (0, 1).

    Source: SubSearch 2026 (arXiv 2604.07415), released code.

    >>> decomposition_score([1.0, 0.0], [[1.0, 0.0]]), round(decomposition_score([1.0, 0.0], [[0.85, 0.5268]]), 6)
    (0.0, 1.0)
    >>> round(decomposition_score([0.8, 0.6], [[1.0, 0.0], [0.0, 1.0]]), 4)
    0.845
    """
    p, c = np.asarray(parent, dtype=np.float64), np.asarray(children, dtype=np.float64)
    if not c.size:
        return float("nan")
    if p.ndim != 1 or c.ndim != 2 or c.shape[1] != len(p):
        raise ValueError(f"children has shape {c.shape} and parent {p.shape}; give (n, d) and (d,)")
    if not 0.0 < peak < 1.0:
        raise ValueError(f"peak={peak} must lie between 0 and 1")
    near = c @ p
    if len(c) == 1:
        return max(0.0, 1.0 - abs(float(near[0]) - peak) / (1.0 - peak)) if np.isfinite(near[0]) else float("nan")
    mean = c.mean(axis=0)
    length = float(np.linalg.norm(mean))
    coverage = float(p @ mean) / length if length > 1e-12 else 0.0 * length
    siblings = (c @ c.sum(axis=0) - (c * c).sum(axis=1)) / (len(c) - 1)
    return 0.5 * coverage + 0.5 * float((near * (1.0 - siblings)).mean())
