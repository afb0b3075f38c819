"""Gate: lets calls to one server through, so many at once and so many per minute, those that have waited longest first."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

#: Seconds of a quota that may be used at once, so that a server which counts a little differently is not overrun.
BURST = 0.5
#: Seconds of it that are there to begin with.
FIRST = 0.9
#: Refusals while this much of the stated quota is let through are accidents of counting.
NEARLY = 0.8
#: Refusals in a row after which nobody asks until the server's pause is over.
IN_A_ROW = 3
#: Seconds of requests that a pace is learned from, and by how much of itself it grows per second.
LEARNED_FROM, GROWTH = 3.0, 0.1
#: Requests per second: a pace that has grown beyond is given up.
FASTEST = 1000.0


class Bucket:
    """A quota: ``per_minute`` units flow in evenly, ``FIRST`` seconds of them are there to begin with and at most
    ``BURST`` seconds are kept later. May go into debt.

    >>> bucket = Bucket(60.0, now=0.0)
    >>> bucket.take(1, now=0.0)
    >>> bucket.wait(1, now=0.25)
    0.75
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self.at = now
        self.allow(per_minute)
        self.level = max(1.0, self.rate * FIRST)

    def allow(self, per_minute: float) -> None:
        """Let so much flow in from now on."""
        self.rate = per_minute / 60
        self.most = max(1.0, self.rate * BURST)

    def wait(self, cost: float, now: float) -> float:
        """Seconds until ``cost`` is there; what costs more than the bucket holds waits until it is full."""
        self.level, self.at = max(self.level, min(self.most, self.level + (now - self.at) * self.rate)), now
        return max(0.0, (min(cost, self.most) - self.level) / self.rate)

    def take(self, cost: float, now: float) -> None:
        """Take ``cost``, which may be negative to give back."""
        self.wait(0, now)
        self.level -= cost


class Limits(NamedTuple):
    """Calls under way at once, requests and tokens per minute; None: no quota is stated."""

    window: int
    requests: float | None = None
    tokens: float | None = None


class Gate:
    """The way to one server. Used from one event loop only.

    Besides the stated window and quotas it keeps to what the server lets it know: refusals for too many requests (429) set a pace,
    the rate of the requests that were not refused lately, which grows again from then on.
    """

    def __init__(self) -> None:
        self.window = 1
        self.requests: Bucket | None = None
        self.tokens: Bucket | None = None
        self.pace: Bucket | None = None
        self.under_way = 0
        self._limits: Counter[Limits] = Counter()
        self._waiting: list[tuple[int, int, float, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._number = 0
        self._not_before = 0.0
        self._refused_in_a_row = 0
        self._sent: deque[float] = deque(maxlen=100_000)
        self._refused: deque[float] = deque(maxlen=100_000)
        self._changed = 0.0

    @contextmanager
    def limited(self, limits: Limits) -> Iterator[None]:
        """Keep to these limits meanwhile; where several hold at a time, to the smallest."""
        self._limits[limits] += 1
        self._apply()
        try:
            yield
        finally:
            self._limits[limits] -= 1
            self._limits = +self._limits
            self._apply()

    def _apply(self) -> None:
        if not self._limits:
            return
        now = asyncio.get_running_loop().time()
        self.window = min(limits.window for limits in self._limits)
        self.requests = _allowing(self.requests, [limits.requests for limits in self._limits], now)
        self.tokens = _allowing(self.tokens, [limits.tokens for limits in self._limits], now)
        self._admit()

    def number(self) -> int:
        """The place in the queue of a new request, which it keeps when it asks again."""
        self._number += 1
        return self._number

    async def enter(self, number: int, tokens: float) -> None:
        """Wait for a place and for quota; whoever has entered must leave."""
        loop = asyncio.get_running_loop()
        passed: asyncio.Future[None] = loop.create_future()
        self._number += 1
        heapq.heappush(self._waiting, (number, self._number, tokens, passed))
        self._admit()
        try:
            await passed
        except asyncio.CancelledError:
            if passed.done() and not passed.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Free the place."""
        self.under_way -= 1
        self._admit()

    def correct(self, tokens: float) -> None:
        """Take more tokens than were reserved, or give some back (negative)."""
        if self.tokens is not None:
            self.tokens.take(tokens, asyncio.get_running_loop().time())
            self._admit()

    def replied(self) -> None:
        """A reply has come: the pace may grow."""
        now = asyncio.get_running_loop().time()
        self._refused_in_a_row = 0
        if self.pace is not None and now - self._changed > 0.5:
            rate = self.pace.rate * (1 + GROWTH) ** min(now - self._changed, 60.0)
            self.pace.wait(0, now)
            self.pace.allow(60 * rate)
            self._changed = now
            if rate > FASTEST:
                self.pace = None

    def refused(self, pause: float) -> None:
        """The server said that these are too many requests, and asked for a pause (0: did not say)."""
        now = asyncio.get_running_loop().time()
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= IN_A_ROW:
            self._not_before = max(self._not_before, now + pause)
        self._refused.append(now)
        sent, refused = _since(self._sent, now - LEARNED_FROM), _since(self._refused, now - LEARNED_FROM)
        accepted = (sent - refused) / max(1.0, now - self._sent[0] if self._sent else 0.0)
        known = self.requests is not None and accepted > NEARLY * self.requests.rate
        if accepted > 0 and not known and (self.pace is None or accepted < self.pace.rate):
            self.pace = Bucket(60 * accepted, now)
            self.pace.level = 0.0
            self._changed = now

    def _admit(self) -> None:
        """Let through all who may go now; come back when the next may."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self.under_way < self.window:
            _, _, tokens, passed = self._waiting[0]
            if passed.done():
                heapq.heappop(self._waiting)
                continue
            now = loop.time()
            quotas = [(self.requests, 1.0), (self.pace, 1.0), (self.tokens, tokens)]
            costs = [(bucket, cost) for bucket, cost in quotas if bucket is not None]
            wait = max([self._not_before - now, *(bucket.wait(cost, now) for bucket, cost in costs)])
            if wait > 1e-9:
                self._timer = loop.call_later(wait, self._admit)
                return
            heapq.heappop(self._waiting)
            for bucket, cost in costs:
                bucket.take(cost, now)
            self.under_way += 1
            self._sent.append(now)
            passed.set_result(None)


def _allowing(known: Bucket | None, quotas: list[float | None], now: float) -> Bucket | None:
    """The bucket of the smallest of these quotas; what was used of an earlier one stays used."""
    stated = [quota for quota in quotas if quota is not None]
    if not stated:
        return None
    if known is None:
        return Bucket(min(stated), now)
    known.wait(0, now)
    known.allow(min(stated))
    return known


def _since(times: deque[float], start: float) -> int:
    """How many of these times lie after ``start``."""
    while times and times[0] < start:
        times.popleft()
    return len(times)
