"""Summary: what a scored file comes to, part by part and group by group."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guerdon.report import Report
from guerdon.scores import Floats
from guerdon.scoring.ledger import Ledger


@dataclass(frozen=True)
class Spread:
    """Mean, standard deviation (of the population), extremes and unscored share of one column; NaN where nothing was scored."""

    mean: float = math.nan
    std: float = math.nan
    low: float = math.nan
    high: float = math.nan
    unscored: float = math.nan


@dataclass(frozen=True)
class Summary:
    """A scored file in numbers.

    Attributes:
        rows, rejected: rows that were scored or could not be, and rows that were refused.
        reward: the spread of the reward.
        parts: the spread of each part.
        groups: groups of at least two scored samples.
        within_group_std: mean over these groups of the standard deviation inside.
        zero_variance: how many of these groups have samples that all score alike: they teach nothing.
        report: seconds, counters and outcomes by part.
        seconds: wall time of scoring.
    """

    rows: int
    rejected: int
    reward: Spread
    parts: Mapping[str, Spread]
    groups: int
    within_group_std: float
    zero_variance: int
    report: Report
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """As plain data for JSON, None for NaN."""
        return {key: _plain(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Summary:
        """The inverse of :meth:`as_dict`."""
        return cls(
            said["rows"],
            said["rejected"],
            _spread(said["reward"]),
            {path: _spread(spread) for path, spread in said["parts"].items()},
            said["groups"],
            _number(said["within_group_std"]),
            said["zero_variance"],
            Report(**said["report"]),
            said["seconds"],
        )


def summarise(ledger: Ledger, *, rejected: int, report: Report, seconds: float) -> Summary:
    """The summary of a run from its ledger: two passes over numbers on disk."""
    rows = len(ledger)
    count = np.zeros(1 + len(ledger.parts))
    total, low, high = count.copy(), count + math.inf, count - math.inf
    for values in _values(ledger):
        scored = ~np.isnan(values)
        count += scored.sum(axis=0)
        total += np.where(scored, values, 0.0).sum(axis=0)
        low = np.minimum(low, np.where(scored, values, math.inf).min(axis=0))
        high = np.maximum(high, np.where(scored, values, -math.inf).max(axis=0))
    mean = np.divide(total, count, out=np.full_like(total, math.nan), where=count > 0)
    squares = np.zeros_like(total)
    for values in _values(ledger):
        squares += np.nansum((values - mean) ** 2, axis=0)
    spreads = [
        Spread(
            float(mean[k]), math.sqrt(squares[k] / count[k]), float(low[k]), float(high[k]), float(1 - count[k] / rows)
        )
        if count[k]
        else Spread(unscored=1.0 if rows else math.nan)
        for k in range(len(count))
    ]
    within = [group_stds(keys, values) for keys, values in ledger.groups()]
    groups = sum(map(len, within))
    flat = sum(int((stds < 1e-12).sum()) for stds in within)
    mean_std = sum(float(stds.sum()) for stds in within) / groups if groups else math.nan
    return Summary(
        rows,
        rejected,
        spreads[0],
        dict(zip(ledger.parts, spreads[1:], strict=True)),
        groups,
        mean_std,
        flat,
        report,
        seconds,
    )


def group_stds(keys: NDArray[np.uint64], values: Floats) -> Floats:
    """(G,) the standard deviation (of the population) inside each group that has at least two scored samples.

    >>> group_stds(np.array([7, 7, 9, 9, 4], dtype=np.uint64), np.array([0.0, 1.0, 2.0, 2.0, 5.0])).tolist()
    [0.5, 0.0]
    """
    scored = ~np.isnan(values)
    _, inverse, sizes = np.unique(keys[scored], return_inverse=True, return_counts=True)
    values = values[scored]
    means = np.bincount(inverse, values, len(sizes)) / np.maximum(sizes, 1)
    squares = np.bincount(inverse, (values - means[inverse]) ** 2, len(sizes))
    return np.asarray(np.sqrt(squares / np.maximum(sizes, 1))[sizes > 1])


def _values(ledger: Ledger) -> Any:
    for block in ledger.blocks():
        yield np.column_stack([block["value"], block["parts"]])


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _spread(said: Mapping[str, float | None]) -> Spread:
    return Spread(**{key: _number(value) for key, value in said.items()})
