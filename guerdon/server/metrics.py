"""Metrics of the reward server, in Prometheus' format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from guerdon.errors import MissingExtra
from guerdon.server.desk import Desk

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """What a server has done: requests by path and status with their seconds, and what each intake counts.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Histogram
        except ImportError:
            raise MissingExtra("prometheus-client", extra="serve") from None
        self.registry = CollectorRegistry()
        self._requests = Counter("guerdon_requests", "Requests answered.", ["path", "status"], registry=self.registry)
        self._seconds = Histogram(
            "guerdon_request_seconds", "Seconds to the answer.", ["path"], buckets=_SECONDS, registry=self.registry
        )
        self.registry.register(_Intakes(desks))

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request. ``path`` is one of those that exist, so that clients cannot make up labels."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def exposition(self) -> bytes:
        """All metrics as text."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)


class _Intakes:
    """Reads the counts of the intakes when asked, so that scoring pays nothing for them."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self.desks = desks

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        events = CounterMetricFamily("guerdon_intake", "What happened to samples.", labels=["reward", "event"])
        held = GaugeMetricFamily("guerdon_held_samples", "Samples waiting or being scored.", labels=["reward"])
        sizes = HistogramMetricFamily("guerdon_batch_size", "Samples scored together.", labels=["reward"])
        outcomes = CounterMetricFamily(
            "guerdon_outcomes", "Samples by typed outcome of a part.", labels=["reward", "part", "outcome"]
        )
        fallbacks = CounterMetricFamily(
            "guerdon_fallbacks", "Unscored samples answered with the fallback.", labels=["reward"]
        )
        for name, desk in self.desks.items():
            for event, number in desk.intake.counts.items():
                events.add_metric([name, event], number)
            held.add_metric([name], desk.intake.held)
            buckets, total, summed = [], 0, 0
            for bound in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024):
                total = sum(count for size, count in desk.intake.batch_sizes.items() if size <= bound)
                buckets.append((str(float(bound)), total))
            total = sum(desk.intake.batch_sizes.values())
            summed = sum(size * count for size, count in desk.intake.batch_sizes.items())
            sizes.add_metric([name], [*buckets, ("+Inf", total)], summed)
            for (part, outcome), number in desk.outcomes.items():
                outcomes.add_metric([name, part, outcome], number)
            fallbacks.add_metric([name], desk.fallbacks)
        yield from (events, held, sizes, outcomes, fallbacks)
