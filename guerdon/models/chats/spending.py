"""Spending: what calls to a chat model took, and how the report of an evaluation learns of it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from guerdon.report import count


@dataclass
class Spending:
    """Calls, tokens, money and time.

    Attributes:
        calls: requests that were sent, retries among them.
        retries: requests that were sent again.
        cached: replies out of the record. shared: replies to an equal request of the batch, or one already under way.
        failed: requests that were left without a reply.
        tokens_in, tokens_out: tokens read and written. tokens_in_cached: those read that the server knew already.
        cost: in the currency that the prices are in.
        waited: seconds that requests waited for the window, for quotas and before retries.
    """

    calls: int = 0
    retries: int = 0
    cached: int = 0
    shared: int = 0
    failed: int = 0
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    tokens_in_cached: float = 0.0
    cost: float = 0.0
    waited: float = 0.0

    def add(self, other: Spending) -> None:
        """Add what something else took."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))

    def tell(self) -> None:
        """Count it in the report of the part being scored; money in millionths (``cost_micros``), waiting in milliseconds."""
        for name in ("calls", "retries", "cached", "shared", "failed", "tokens_in", "tokens_out", "tokens_in_cached"):
            _tell(name, getattr(self, name))
        _tell("cost_micros", self.cost * 1e6)
        _tell("waited_ms", self.waited * 1e3)


def _tell(name: str, value: float) -> None:
    if round(value):
        count(name, round(value))
