"""Report: what one evaluation cost, part by part, and the counters that parts keep while they score."""

from __future__ import annotations

import contextvars
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Report:
    """What one evaluation cost: wall seconds, counters (such as cache hits) and typed outcomes, part by part.

    >>> report = Report(seconds={"judge": 2.0, "cosine": 0.5})
    >>> print(report)
    judge   2000.0 ms
    cosine   500.0 ms
    """

    seconds: dict[str, float] = field(default_factory=dict)
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    wall: float = 0.0

    def __str__(self) -> str:
        width = max(map(len, self.seconds), default=0)
        lines = []
        for part, seconds in sorted(self.seconds.items(), key=lambda item: -item[1]):
            counts = {**self.counters.get(part, {}), **self.outcomes.get(part, {})}
            said = "".join(f"  {key} {count}" for key, count in counts.items())
            lines.append(f"{part:<{width}} {seconds * 1000:8.1f} ms{said}")
        return "\n".join(lines)

    def __add__(self, other: Report) -> Report:
        total = Report(dict(self.seconds), wall=self.wall + other.wall)
        for part, seconds in other.seconds.items():
            total.seconds[part] = total.seconds.get(part, 0.0) + seconds
        total.counters = added(self.counters, other.counters)
        total.outcomes = added(self.outcomes, other.outcomes)
        return total


def added(left: Mapping[str, Mapping[str, int]], right: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {part: dict(Counter(left.get(part, {})) + Counter(right.get(part, {}))) for part in {**left, **right}}


counters_of_part: contextvars.ContextVar[Counter[str] | None] = contextvars.ContextVar("counters", default=None)


def count(what: str, number: int = 1) -> None:
    """Add to a counter of the part being scored, such as ``count("cache_hits", 12)``; elsewhere it does nothing."""
    counters = counters_of_part.get()
    if counters is not None:
        counters[what] += number
