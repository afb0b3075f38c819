"""How sure a figure is: intervals for shares, means and differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values, group_index


class Interval(NamedTuple):
    """An estimate and the ends of its confidence interval."""

    estimate: float
    low: float
    high: float


def wilson_interval(successes: float, count: int, *, level: float = 0.95) -> Interval:
    """Wilson score interval of a share: sensible also for few trials and at 0 or 1. All of [0, 1] without trials.

    Source: Wilson 1927.

    >>> [round(edge, 4) for edge in wilson_interval(8, 10)]
    [0.8, 0.4902, 0.9433]
    """
    _check_level(level)
    if count < 0 or not 0 <= successes <= max(count, 0):
        raise ValueError(f"successes={successes} must lie between 0 and count={count}")
    if count == 0:
        return Interval(math.nan, 0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    low = 0.0 if successes == 0 else middle - reach
    high = 1.0 if successes == count else middle + reach
    return Interval(share, low, high)


def bootstrap_interval(
    *columns: ArrayLike,
    statistic: Callable[..., float] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    clusters: ArrayLike | None = None,
) -> Interval:
    """Percentile bootstrap over items: whole rows of the columns (N,) are drawn together, so that pairs stay pairs.

    ``statistic(*columns)`` is the mean of the only column unless given. Rows with a NaN are left out; draws where the statistic is
    NaN too. With ``clusters`` (N,) whole clusters are drawn, for items that are not independent, such as answers to one question.

    Raises:
        ValueError: no complete row; several columns without a statistic.

    >>> bootstrap_interval([1.0, 1.0, 1.0])
    Interval(estimate=1.0, low=1.0, high=1.0)
    """
    _check_level(level)
    table = np.stack([as_values(column, f"columns[{k}]") for k, column in enumerate(columns)])
    if statistic is None and len(table) != 1:
        raise ValueError(f"{len(table)} columns need a statistic; paired_difference compares two")
    kept = ~np.isnan(table).any(axis=0)
    labels = np.arange(table.shape[1]) if clusters is None else group_index(clusters, table.shape[1])[0]
    table, labels = table[:, kept], labels[kept]
    if not table.size:
        raise ValueError("no row is scored in every column")
    measure = statistic or (lambda column: float(column.mean()))
    estimate = float(measure(*table))
    index, count = group_index(labels)
    rng = np.random.default_rng(seed)
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    draws: Floats = np.empty(resamples)
    for r in range(resamples):
        drawn = rng.integers(count, size=count)
        rows = drawn if clusters is None else np.concatenate([members[c] for c in drawn.tolist()])
        draws[r] = measure(*table[:, rows])
    draws = draws[~np.isnan(draws)]
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(draws, (tail, 1.0 - tail)) if draws.size else (math.nan, math.nan)
    return Interval(estimate, float(low), float(high))


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    clusters: ArrayLike | None = None,
) -> Interval:
    """mean(first - second) over items scored by both, with its bootstrap interval.

    >>> paired_difference([1.0, 2.0], [0.0, 1.0])
    Interval(estimate=1.0, low=1.0, high=1.0)
    """
    gaps = as_values(first, "first") - as_values(second, "second")
    return bootstrap_interval(gaps, level=level, resamples=resamples, seed=seed, clusters=clusters)


def _check_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level={level} must lie in (0, 1)")
