"""The verifier pool: checks that are slow, that may hang or that may crash, run in processes that can be killed.

The trainer talks over one socket to a warden process (:mod:`guerdon.verifying.warden`), which forks the workers. No signal is
used in the trainer and nothing of it is imported or forked, so a check behaves alike in a main thread, a worker thread, an
event loop and a Ray actor, beside any number of threads and CUDA contexts.
"""

from __future__ import annotations

import asyncio
import math
import os
import pickle
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from guerdon.errors import UserError
from guerdon.verifying.dispatch import Checked, Dispatch, Job

__all__ = ["Checked", "VerifierPool", "function_name", "usable_cores", "verifier_pool"]

T = TypeVar("T")


class VerifierPool:
    """Processes that check items, one deadline each.

    Workers start when first needed and end with the pool or the process. Results keep the order of the items. An item over
    its deadline is ``timed_out`` and its worker killed; one whose worker crashes is tried once more, alone; neither touches
    the items beside it. Waiting for a free worker does not count. It is no sandbox: a check has the rights of this process.

    Args:
        workers: the most processes at once; None: the cores this process may use.
        deadline: seconds for one item, unless a call says otherwise.
        memory_mb: how much a worker may grow.
        recycle: items after which a worker is replaced by a fresh one.

    Raises:
        UserError: an argument that is not positive.

    >>> with VerifierPool(workers=1) as pool:
    ...     [checked.value for checked in pool.map(math.factorial, [3, 4])]
    [6, 24]
    """

    def __init__(
        self, workers: int | None = None, *, deadline: float = 5.0, memory_mb: int = 1024, recycle: int = 5000
    ) -> None:
        self.workers = usable_cores() if workers is None else workers
        self.deadline, self.memory_mb, self.recycle = deadline, memory_mb, recycle
        for name in ("workers", "deadline", "memory_mb", "recycle"):
            _check_positive(name, getattr(self, name))
        self._lock = threading.Lock()
        self._dispatch: Dispatch | None = None
        self._finalizer: weakref.finalize[[], VerifierPool] | None = None
        _pools.add(self)

    def map(self, function: Callable[[T], Any], items: Iterable[T], *, deadline: float | None = None) -> list[Checked]:
        """``function`` of every item, in order, waiting for all.

        ``function`` takes one item and returns plain data (None, numbers, text, bytes, lists, tuples, dicts, sets of them). It
        is named to the workers by module and name, so it must stand at the top of an importable module; a ``preload()`` in that
        module is called once before workers are forked. ``math.factorial`` will do, what ``__main__`` defines will not.

        Raises:
            UserError: a function that cannot be named so, or an item that cannot be pickled.
        """
        done = self.submit(function, items, deadline=deadline)
        try:
            return done.result()
        except BaseException:
            done.cancel()
            raise

    async def amap(
        self, function: Callable[[T], Any], items: Iterable[T], *, deadline: float | None = None
    ) -> list[Checked]:
        """As :meth:`map`, without blocking the event loop. Cancelling it drops the items that have not begun."""
        return await asyncio.wrap_future(self.submit(function, items, deadline=deadline))

    def submit(
        self, function: Callable[[T], Any], items: Iterable[T], *, deadline: float | None = None
    ) -> Future[list[Checked]]:
        """As :meth:`map`, at once: a future of the list."""
        limit = self.deadline if deadline is None else deadline
        _check_positive("deadline", limit)
        job = Job(function_name(function), [_pickled(item) for item in items], limit)
        if job.items:
            with self._lock:
                if self._dispatch is None:
                    self._dispatch = Dispatch(self.workers, self.memory_mb << 20, self.recycle)
                    self._finalizer = weakref.finalize(self, self._dispatch.close)
                dispatch = self._dispatch
            dispatch.submit(job)
        else:
            job.done.set_result([])
        return job.done

    def close(self) -> None:
        """End the workers; what they had not finished is an ``instrument_error``. A later call starts new ones."""
        with self._lock:
            dispatch, self._dispatch = self._dispatch, None
        if dispatch is not None and self._finalizer is not None:
            self._finalizer.detach()
            dispatch.close()

    def __enter__(self) -> VerifierPool:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _pool, (self.workers, self.deadline, self.memory_mb, self.recycle)

    def __repr__(self) -> str:
        return (
            f"VerifierPool(workers={self.workers}, deadline={self.deadline:g}, memory_mb={self.memory_mb}, "
            f"recycle={self.recycle})"
        )

    def _forget(self) -> None:
        """After a fork: the workers are the parent's; the child gets its own when it needs some."""
        if self._dispatch is not None and self._finalizer is not None:
            self._dispatch.channel.close()
            self._finalizer.detach()
        self._lock, self._dispatch, self._finalizer = threading.Lock(), None, None


def usable_cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def function_name(function: Callable[..., Any]) -> str:
    """``"module:qualname"`` of a top-level function.

    Raises:
        UserError: that name does not lead back to the function from another process.

    >>> function_name(math.factorial)
    'math:factorial'
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    found: Any = sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function or module == "__main__":
        raise UserError(
            f"function={function!r} cannot be found by name from another process; "
            "define it at the top of an importable module (not in __main__, a notebook or another function)"
        )
    return f"{module}:{name}"


# -- one pool for the process -----------------------------------------------------------------------------------------

_pools: weakref.WeakSet[VerifierPool] = weakref.WeakSet()
_shared: VerifierPool | None = None
_shared_lock = threading.Lock()


def verifier_pool() -> VerifierPool:
    """The pool that everything in this process shares, with the default settings."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = VerifierPool()
        return _shared


def _forget_pools() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for pool in list(_pools):
        pool._forget()


os.register_at_fork(after_in_child=_forget_pools)


def _pool(workers: int, deadline: float, memory_mb: int, recycle: int) -> VerifierPool:
    return VerifierPool(workers, deadline=deadline, memory_mb=memory_mb, recycle=recycle)


def _pickled(item: Any) -> bytes:
    try:
        return pickle.dumps(item)
    except Exception as error:
        raise UserError(f"item {item!r:.80} cannot be sent to another process: {error}") from None


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise UserError(f"{name}={value!r} must be a positive number")
