"""Statistics of each sample's group, spread back to the samples: (N,) values and (N,) groups in, (N,) out.

Unscored samples (NaN) take no part in a statistic but are told that of their group; a group without any scored sample has
count 0, sum 0 and NaN for the rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# A group whose values differ by less than this share of their size differs by rounding only.
ROUNDING = 1e-12


def as_values(values: ArrayLike, name: str = "values") -> Floats:
    """``values`` as a float64 vector, ``None`` as NaN.

    Raises:
        ValueError: more than one dimension.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; give one number per sample, shape (N,)")
    return array


def group_index(groups: ArrayLike, size: int | None = None) -> tuple[Ints, int]:
    """Groups renumbered 0..G-1 in the order of their numbers, and G.

    Raises:
        ValueError: not one whole number per sample.

    >>> index, count = group_index([7, -3, 7])
    >>> index.tolist(), count
    ([1, 0, 1], 2)
    """
    array = np.asarray(groups)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iub"):
        raise ValueError(f"groups must be one integer per sample, not {array.dtype} of shape {array.shape}")
    if size is not None and len(array) != size:
        raise ValueError(f"groups has {len(array)} entries for {size} values; give one per value")
    if not array.size:
        return np.zeros(0, dtype=np.int64), 0
    low, high = int(array.min()), int(array.max())
    if high - low <= 4 * len(array) + 64:
        offset = array.astype(np.int64) - low
        present = np.zeros(high - low + 1, dtype=np.int64)
        present[offset] = 1
        return np.asarray(np.cumsum(present)[offset] - 1), int(present.sum())
    _, index = np.unique(array, return_inverse=True)
    return np.asarray(index, dtype=np.int64), int(index.max()) + 1


def sibling_pairs(groups: ArrayLike, kept: ArrayLike | None = None) -> tuple[Ints, Ints]:
    """All ordered pairs of positions (i, j), i != j, of one group, sorted by group, then i, then j; of those ``kept`` only.

    >>> [side.tolist() for side in sibling_pairs([0, 1, 0])]
    [[0, 2], [2, 0]]
    """
    index, count = group_index(groups)
    rows = np.arange(len(index)) if kept is None else np.flatnonzero(np.asarray(kept, dtype=bool))
    rows = rows[np.argsort(index[rows], kind="stable")]
    sizes = np.bincount(index[rows], minlength=count)
    starts = np.cumsum(sizes) - sizes
    partners = sizes[index[rows]]
    first = np.repeat(np.arange(len(rows)), partners)
    second = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners - starts[index[rows]], partners)
    other = first != second
    return np.asarray(rows[first[other]], dtype=np.int64), np.asarray(rows[second[other]], dtype=np.int64)


def group_count(values: ArrayLike, groups: ArrayLike) -> Floats:
    """Number of scored samples in the group.

    >>> group_count([1.0, float("nan"), 2.0], [0, 0, 1]).tolist()
    [1.0, 1.0, 1.0]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    return _sums(index, (~np.isnan(v)).astype(np.float64), count)[index]


def group_sum(values: ArrayLike, groups: ArrayLike) -> Floats:
    """Sum of the group's scored values, 0 for none.

    >>> group_sum([1.0, 2.0, 4.0], [0, 0, 1]).tolist()
    [3.0, 3.0, 4.0]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    return _sums(index, np.nan_to_num(v, nan=0.0, posinf=np.inf, neginf=-np.inf), count)[index]


def group_mean(values: ArrayLike, groups: ArrayLike) -> Floats:
    """Mean of the group's scored values.

    >>> group_mean([1.0, 2.0, float("nan")], [0, 0, 0]).tolist()
    [1.5, 1.5, 1.5]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    mean, _, _ = moments(v, index, count)
    return mean[index]


def group_std(values: ArrayLike, groups: ArrayLike, *, ddof: int = 0) -> Floats:
    """Standard deviation of the group's scored values, sqrt(sum (v - mean)^2 / (n - ddof)).

    Exactly 0 in a constant group and where n <= ddof.

    >>> group_std([1.0, 3.0, 5.0], [0, 0, 1]).tolist()
    [1.0, 1.0, 0.0]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    _, std, _ = moments(v, index, count, ddof=ddof)
    return std[index]


def group_min(values: ArrayLike, groups: ArrayLike) -> Floats:
    """Smallest scored value of the group.

    >>> group_min([3.0, 1.0, 5.0], [0, 0, 1]).tolist()
    [1.0, 1.0, 5.0]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    return extremes(v, index, count)[0][index]


def group_max(values: ArrayLike, groups: ArrayLike) -> Floats:
    """Largest scored value of the group.

    >>> group_max([3.0, 1.0, 5.0], [0, 0, 1]).tolist()
    [3.0, 3.0, 5.0]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    return extremes(v, index, count)[1][index]


def group_quantile(values: ArrayLike, groups: ArrayLike, *, quantile: float) -> Floats:
    """Quantile of the group's scored values, linear between order statistics at position quantile (n - 1).

    Raises:
        ValueError: ``quantile`` outside [0, 1].

    >>> group_quantile([1.0, 2.0, 4.0, 9.0], [0, 0, 0, 1], quantile=0.75).tolist()
    [3.0, 3.0, 3.0, 9.0]
    """
    if not 0.0 <= quantile <= 1.0:
        raise ValueError(f"quantile={quantile} must lie in [0, 1]")
    v = as_values(values)
    index, count = group_index(groups, len(v))
    scored = np.flatnonzero(~np.isnan(v))
    ordered = v[scored][np.lexsort((v[scored], index[scored]))]
    sizes = np.bincount(index[scored], minlength=count)
    starts = np.cumsum(sizes) - sizes
    position = quantile * np.maximum(sizes - 1, 0)
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(sizes - 1, 0))
    padded = np.append(ordered, np.nan)
    last = len(ordered)
    lower = padded[np.where(sizes > 0, starts + low, last)]
    upper = padded[np.where(sizes > 0, starts + high, last)]
    weight = position - low
    return np.asarray(np.where(weight > 0, lower + weight * (upper - lower), lower)[index])


def group_rank(values: ArrayLike, groups: ArrayLike) -> Floats:
    """Rank of each scored sample among its group from the lowest, 1..n, equal values sharing the mean of their ranks.

    NaN: unscored samples.

    >>> group_rank([0.2, 0.9, 0.2, 0.5], [0, 0, 0, 0]).tolist()
    [1.5, 4.0, 1.5, 3.0]
    """
    v = as_values(values)
    index, _ = group_index(groups, len(v))
    ranks = np.full(len(v), np.nan)
    scored = np.flatnonzero(~np.isnan(v))
    if not scored.size:
        return ranks
    order = scored[np.lexsort((v[scored], index[scored]))]
    of, ordered = index[order], v[order]
    position = np.arange(len(order))
    first_of_group = np.r_[True, of[1:] != of[:-1]]
    first_of_tie = first_of_group | np.r_[True, ordered[1:] != ordered[:-1]]
    start = np.maximum.accumulate(np.where(first_of_group, position, 0))
    tie = np.cumsum(first_of_tie) - 1
    begins = position[first_of_tie]
    ends = np.r_[begins[1:], len(order)] - 1
    ranks[order] = (begins + ends)[tie] / 2.0 - start + 1.0
    return ranks


def moments(values: Floats, index: Ints, count: int, *, ddof: int = 0) -> tuple[Floats, Floats, Bools]:
    """Per group (G,): mean, standard deviation, and whether it is constant (up to rounding, or fewer than two scored)."""
    scored = ~np.isnan(values)
    of, v = index[scored], values[scored]
    n = np.bincount(of, minlength=count).astype(np.float64)
    low, high = extremes(values, index, count)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _sums(of, v / n[of], count)
        mean = mean + _sums(of, v - mean[of], count) / n
        constant = ~(high - low > ROUNDING * np.maximum(np.abs(high), np.abs(low)))
        mean = np.where(constant & (n > 0), low, mean)
        reach = np.maximum(high - mean, mean - low)  # keeps the squares of very large and very small values in range
        squares = _sums(of, ((v - mean[of]) / reach[of]) ** 2, count)
        std = reach * np.sqrt(squares / (n - ddof))
    std = np.where(constant | (n <= ddof), 0.0, std)
    return mean, np.where(n > 0, std, np.nan), constant


def extremes(values: Floats, index: Ints, count: int) -> tuple[Floats, Floats]:
    """Per group (G,): smallest and largest scored value."""
    scored = ~np.isnan(values)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, index[scored], values[scored])
    np.maximum.at(high, index[scored], values[scored])
    empty = np.bincount(index[scored], minlength=count) == 0
    low[empty] = high[empty] = np.nan
    return low, high


def _sums(index: Ints, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(index, weights=values, minlength=count), dtype=np.float64)
