"""The verifier pool: checks that are slow, that may hang or that may crash, run in processes that can be killed.

The trainer talks over one socket to a warden process (:mod:`guerdon.verifying.warden`), which forks the workers. No signal is
used in the trainer and nothing of it is imported or forked, so a check behaves alike in a main thread, a worker thread, an
event loop and a Ray actor, beside any number of threads and CUDA contexts.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import pickle
import select
import socket
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any, TypeVar

from guerdon.errors import UserError
from guerdon.scores import Outcome
from guerdon.verifying.frames import Channel, Frame, Kind, load_plain

T = TypeVar("T")

_CHUNK_ITEMS = 64
_PATIENCE = 60.0  # seconds without a word beyond the deadline after which the warden is given up
_RESTARTS = 2
_CLOSING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one item: the value of the check, or None and why.

    ``outcome`` is ``scored``, ``timed_out`` (over its deadline, killed) or ``instrument_error`` (the check raised, crashed
    or came to its memory limit; ``message`` says which). ``seconds`` is what the check itself took.
    """

    value: Any = None
    outcome: Outcome = Outcome.SCORED
    message: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the check came to a value."""
        return self.outcome is Outcome.SCORED


class VerifierPool:
    """Processes that check items, one deadline each.

    Workers start when first needed and end with the pool or the process. Results keep the order of the items. An item over
    its deadline is ``timed_out`` and its worker killed; one whose worker crashes is tried once more, alone; neither touches
    the items beside it. Waiting for a free worker does not count.

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
        self._dispatch: _Dispatch | None = None
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
        job = _Job(function_name(function), [_pickled(item) for item in items], limit)
        if job.items:
            with self._lock:
                if self._dispatch is None:
                    self._dispatch = _Dispatch(self.workers, self.memory_mb << 20, self.recycle)
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


# -- talking to the warden --------------------------------------------------------------------------------------------


class _Job:
    """One call's items: which still have to be sent, and what is known of the others."""

    def __init__(self, function: str, items: list[bytes], deadline: float) -> None:
        self.function, self.items, self.deadline = function, items, deadline
        self.results: list[Checked | None] = [None] * len(items)
        self.missing = len(items)
        self.unsent: deque[tuple[int, int]] = deque([(0, len(items))])
        self.restarts = 0
        self.done: Future[list[Checked]] = Future()

    def settle(self, first: int, checked: Sequence[Checked]) -> None:
        """Enter results; the last one completes the future."""
        for i, result in enumerate(checked, first):
            self.missing -= self.results[i] is None
            self.results[i] = result
        if not self.missing and not self.done.done():
            with contextlib.suppress(InvalidStateError):
                self.done.set_result([result for result in self.results if result is not None])

    def fail(self, why: str) -> None:
        """Give up what has no result."""
        lost = Checked(None, Outcome.INSTRUMENT_ERROR, why)
        self.settle(0, [lost if result is None else result for result in self.results])


@dataclass
class _Chunk:
    """Items of a job that the warden has, ``start`` to ``stop``; ``left`` of them without a result."""

    job: _Job
    start: int
    stop: int
    left: int


class _Dispatch:
    """The trainer's end: feeds the warden a bounded number of chunks, in turn from all jobs, and takes the results."""

    def __init__(self, workers: int, memory: int, recycle: int) -> None:
        self.settings = (workers, memory, recycle)
        self.most_in_flight = 2 * workers + 1
        self.owner = os.getpid()
        self.lock = threading.RLock()
        self.jobs: deque[_Job] = deque()
        self.in_flight: dict[int, _Chunk] = {}
        self.numbered = 0
        self.closed = False
        self.start()

    def start(self) -> None:
        """Start a warden and a thread that listens to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "guerdon.verifying.warden", *map(str, (theirs.fileno(), *self.settings))],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **_warden_environment()},
            )
        self.channel = Channel(ours)
        listener = threading.Thread(
            target=self.listen, args=(self.channel, self.process), name="guerdon-verifier", daemon=True
        )
        listener.start()

    def submit(self, job: _Job) -> None:
        """Take on a job."""
        with self.lock:
            self.jobs.append(job)
            self.feed()

    def feed(self) -> None:
        """Send chunks while the warden may have more; the lock is held."""
        while self.jobs and len(self.in_flight) < self.most_in_flight and not self.closed:
            job = self.jobs.popleft()
            if job.done.cancelled() or not job.unsent:
                continue
            start, stop = job.unsent.popleft()
            size = min(_CHUNK_ITEMS, math.ceil((stop - start) / self.settings[0]))
            if start + size < stop:
                job.unsent.appendleft((start + size, stop))
            if job.unsent:
                self.jobs.append(job)
            self.numbered += 1
            self.in_flight[self.numbered] = _Chunk(job, start, start + size, size)
            payload = pickle.dumps((job.function, job.deadline, job.items[start : start + size]))
            with contextlib.suppress(OSError):  # the listener sees that the warden is gone, and sends it anew
                self.channel.send(Frame(Kind.WORK, self.numbered, 0, size, payload))

    def listen(self, channel: Channel, process: subprocess.Popen[bytes]) -> None:
        """Take results until the warden is gone or has been silent for too long."""
        while True:
            if not select.select([channel], [], [], self.patience())[0]:
                if self.in_flight:
                    break
                continue
            frames = channel.receive()
            if frames is None:
                break
            with self.lock:
                for frame in frames:
                    self.take(frame)
                self.feed()
        process.kill()
        process.wait()
        with self.lock:
            if not self.closed and self.channel is channel:
                self.recover()

    def patience(self) -> float:
        """Seconds in which a living warden says something if it has anything to do."""
        with self.lock:
            return _PATIENCE + max((chunk.job.deadline for chunk in self.in_flight.values()), default=0.0)

    def take(self, frame: Frame) -> None:
        """Enter the results of one frame."""
        chunk = self.in_flight.get(frame.chunk)
        if chunk is None:
            return
        first = chunk.start + frame.first
        try:
            said = [
                Checked(value, Outcome(o), message, seconds) for o, message, seconds, value in load_plain(frame.payload)
            ]
            if len(said) != frame.items:
                raise ValueError(f"{len(said)} results for {frame.items} items")
        except Exception as error:
            said = [Checked(None, Outcome.INSTRUMENT_ERROR, f"unreadable result: {error}")] * frame.items
        chunk.job.settle(first, said)
        chunk.left -= frame.items
        if chunk.left <= 0:
            del self.in_flight[frame.chunk]

    def recover(self) -> None:
        """The warden died: start another, and send it what has no result; the lock is held."""
        lost, self.in_flight = list(self.in_flight.values()), {}
        for job in {id(chunk.job): chunk.job for chunk in lost}.values():
            job.restarts += 1
            if job.restarts > _RESTARTS:
                job.fail("the verifier processes died again and again")
        for chunk in lost:
            job = chunk.job
            if job.done.done():
                continue
            for i in range(chunk.start, chunk.stop):
                if job.results[i] is None:
                    job.unsent.append((i, i + 1))
            if job not in self.jobs:
                self.jobs.append(job)
        self.channel.close()
        self.start()
        self.feed()

    def close(self) -> None:
        """End the warden, and it its workers."""
        if os.getpid() != self.owner:
            return
        with self.lock:
            self.closed = True
            jobs = [*self.jobs, *(chunk.job for chunk in self.in_flight.values())]
            self.jobs.clear()
            self.in_flight.clear()
            for job in jobs:
                job.fail("the pool was closed")
        with contextlib.suppress(OSError):
            self.channel.socket.shutdown(socket.SHUT_RDWR)
        try:
            self.process.wait(_CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.channel.close()


def _warden_environment() -> dict[str, str]:
    """The trainer's import path, one thread, no GPU."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {"PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "", **threads}


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
