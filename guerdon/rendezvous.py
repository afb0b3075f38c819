"""Rendezvous: samples that must be scored together wait for each other."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class Gathering(Generic[T]):
    """The members of one group that have come so far, of how many."""

    size: int
    members: list[T] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class Rendezvous(Generic[T]):
    """Gathers members by key until ``size`` have come or a deadline, counted from the first, has passed.

    ``complete(members)`` is called once per group that is whole; ``expired(members, size)`` once per group whose deadline
    passed. One that comes after its group expired goes to ``late(member)``, as many as were missing; then the key is free again.
    All happens on the running event loop. Expired keys are remembered for as long as a deadline, at most ``remembered`` of them.

    >>> async def three() -> list[str]:
    ...     met: list[str] = []
    ...     groups = Rendezvous[str](60.0, met.extend, lambda members, size: None, lambda member: None)
    ...     for name in "abc":
    ...         groups.add("g", name, size=3)
    ...     return met
    >>> asyncio.run(three())
    ['a', 'b', 'c']
    """

    def __init__(
        self,
        deadline: float,
        complete: Callable[[list[T]], None],
        expired: Callable[[list[T], int], None],
        late: Callable[[T], None],
        *,
        remembered: int = 100_000,
    ) -> None:
        self.deadline, self.complete, self.expired, self.late = deadline, complete, expired, late
        self.remembered = remembered
        self._open: dict[Hashable, Gathering[T]] = {}
        self._missing: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many members are waiting."""
        return sum(len(gathering.members) for gathering in self._open.values())

    def add(self, key: Hashable, member: T, *, size: int) -> None:
        """One more member of a group; completes the group if it is the last."""
        if key not in self._open and self._is_late(key):
            self.late(member)
            return
        gathering = self._open.get(key)
        if gathering is None:
            self._open[key] = gathering = Gathering(size)
            loop = asyncio.get_running_loop()
            gathering.timer = loop.call_later(self.deadline, self._expire, key)
        gathering.members.append(member)
        if len(gathering.members) >= gathering.size:
            self._closed(key)
            self.complete(gathering.members)

    def withdraw(self, key: Hashable, member: T) -> bool:
        """Take a member back that is still waiting; whether it was."""
        gathering = self._open.get(key)
        if gathering is None or member not in gathering.members:
            return False
        gathering.members.remove(member)
        if not gathering.members:
            self._closed(key)
        return True

    def flush(self) -> None:
        """Let every group that still waits expire now."""
        for key in list(self._open):
            self._expire(key)

    def _closed(self, key: Hashable) -> Gathering[T]:
        gathering = self._open.pop(key)
        if gathering.timer is not None:
            gathering.timer.cancel()
        return gathering

    def _expire(self, key: Hashable) -> None:
        gathering = self._closed(key)
        now = asyncio.get_running_loop().time()
        self._missing.pop(key, None)
        self._missing[key] = gathering.size - len(gathering.members), now + self.deadline
        while self._missing and (len(self._missing) > self.remembered or self._oldest() < now):
            self._missing.popitem(last=False)
        self.expired(gathering.members, gathering.size)

    def _oldest(self) -> float:
        """Until when the first of the expired keys is to be remembered."""
        return next(iter(self._missing.values()))[1]

    def _is_late(self, key: Hashable) -> bool:
        """Whether the group of this key expired a short while ago and still misses a member; counts this one as come."""
        missing, until = self._missing.get(key, (0, 0.0))
        if not missing:
            return False
        if missing == 1 or asyncio.get_running_loop().time() > until:
            del self._missing[key]
        else:
            self._missing[key] = missing - 1, until
        return asyncio.get_running_loop().time() <= until
