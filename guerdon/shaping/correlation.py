"""Correlation of two values per item, over all items or within groups. Items with a NaN on either side are left out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, Ints, as_values, group_index, group_rank
from guerdon.shaping.normalize import group_center

BLOCK = 1024


def pearson(first: ArrayLike, second: ArrayLike, groups: ArrayLike | None = None) -> float:
    """sum ab / sqrt(sum a^2 sum b^2) of values centred within their group, pooled over groups; in [-1, 1].

    Without ``groups`` the ordinary correlation. NaN where a side does not vary within any group.

    >>> round(pearson([1.0, 2.0, 3.0], [2.0, 4.0, 7.0]), 4)
    0.9934
    >>> pearson([1.0, 2.0, 11.0, 12.0], [5.0, 4.0, 9.0, 8.0], [0, 0, 1, 1])
    -1.0
    """
    a, b, g = _paired(first, second, groups)
    return _cosine(group_center(a, g), group_center(b, g))


def spearman(first: ArrayLike, second: ArrayLike, groups: ArrayLike | None = None) -> float:
    """Pearson correlation of ranks, ties averaged; ranks are taken and centred within groups.

    >>> spearman([1.0, 2.0, 3.0], [1.0, 10.0, 100.0])
    1.0
    """
    a, b, g = _paired(first, second, groups)
    return _cosine(group_center(group_rank(a, g), g), group_center(group_rank(b, g), g))


def kendall_tau(first: ArrayLike, second: ArrayLike, groups: ArrayLike | None = None) -> float:
    """tau-b = (concordant - discordant) / sqrt(pairs untied in a * pairs untied in b), over pairs within a group.

    NaN where a side is tied throughout. Takes time quadratic in the number of items.

    >>> kendall_tau([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]) == 1 / 3
    True
    """
    a, b, g = _paired(first, second, groups)
    agreed, untied_a, untied_b = 0.0, 0.0, 0.0
    for start in range(0, len(a), BLOCK):
        rows = slice(start, start + BLOCK)
        mine = g[rows, None] == g[None, :]
        up_a = np.sign(a[rows, None] - a[None, :]) * mine
        up_b = np.sign(b[rows, None] - b[None, :]) * mine
        agreed += float((up_a * up_b).sum())
        untied_a += float(np.abs(up_a).sum())
        untied_b += float(np.abs(up_b).sum())
    if untied_a == 0 or untied_b == 0:
        return math.nan
    return agreed / (math.sqrt(untied_a) * math.sqrt(untied_b)) if untied_a != untied_b else agreed / untied_a


def _paired(first: ArrayLike, second: ArrayLike, groups: ArrayLike | None) -> tuple[Floats, Floats, Ints]:
    a, b = as_values(first, "first"), as_values(second, "second")
    if len(a) != len(b):
        raise ValueError(f"first has {len(a)} entries and second {len(b)}; give one of each per item")
    g = np.zeros(len(a), dtype=np.int64) if groups is None else group_index(groups, len(a))[0]
    kept = ~(np.isnan(a) | np.isnan(b))
    return a[kept], b[kept], g[kept]


def _cosine(a: Floats, b: Floats) -> float:
    if not (a.any() and b.any()):
        return math.nan
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    return min(max(float(a @ b) / math.sqrt(float(a @ a) * float(b @ b)), -1.0), 1.0)
