"""The warden: a small process that forks workers, hands them items, and kills those that overrun their deadline.

It is started anew (never forked from the trainer), holds no threads and no models, and so can fork a worker in a few
milliseconds at any time. One worker is one process group; nothing it starts outlives it.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import pickle
import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from guerdon.verifying.frames import Channel, Frame, Kind
from guerdon.verifying.worker import OUT_OF_MEMORY, Ledger, Said, described, resolve, serve

_BEAT = 2.0  # seconds between two looks at whether the trainer lives
_IDLE_SECONDS = 30.0
_SLICE_SECONDS = 0.02  # of work handed to a worker at once
_SLICE_ITEMS = 32
_FIRST_SLICE = 4
_ATTEMPTS = 2


class Settings(NamedTuple):
    """What the pool was made with: how many workers, bytes of memory for each, items after which one is replaced."""

    workers: int
    memory: int
    recycle: int


@dataclass(eq=False)
class Task:
    """Consecutive items of a chunk that have no result yet; ``attempt`` counts the workers that died over them."""

    chunk: int
    first: int
    items: list[bytes]
    function: str
    deadline: float
    attempt: int = 1

    def part(self, start: int, stop: int, attempt: int | None = None) -> Task:
        """The items from ``start`` to ``stop``."""
        items = self.items[start:stop]
        return Task(self.chunk, self.first + start, items, self.function, self.deadline, attempt or self.attempt)


@dataclass(eq=False)
class Worker:
    """A forked process and what it is busy with; ``done`` of the task's items have come back."""

    pid: int
    channel: Channel
    ledger: Ledger
    generation: int
    task: Task | None = None
    done: int = 0
    given: float = 0.0
    idle_since: float = field(default_factory=time.monotonic)


class Warden:
    """Runs tasks that come over ``pool`` on at most ``settings.workers`` workers."""

    def __init__(self, pool: Channel, settings: Settings) -> None:
        self.pool, self.settings = pool, settings
        self.workers: list[Worker] = []
        self.queue: deque[Task] = deque()
        self.prepared: dict[str, str] = {}  # function -> why it cannot be used, or ""
        self.modules: set[str] = set()
        self.generation = 0  # of what has been imported; workers forked before lack it
        self.seconds: dict[str, float] = {}  # per item, by function
        self.parent = os.getppid()
        self.selector = selectors.DefaultSelector()
        self.selector.register(pool, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until the pool goes away, then leave no worker behind."""
        try:
            while os.getppid() == self.parent:
                for key, events in self.selector.select(self.patience()):
                    if events & selectors.EVENT_READ:
                        if key.data is not None:
                            self.hear(key.data)
                        elif not self.obey():
                            return
                self.punish()
                self.assign()
                self.push()
        finally:
            for worker in list(self.workers):
                self.bury(worker)

    def patience(self) -> float:
        """Seconds until something has to be looked at."""
        now = time.monotonic()
        ends = [
            self.overrun(worker.task, at[1]) for worker in self.workers if worker.task and (at := worker.ledger.read())
        ]
        ends += [worker.given + worker.task.deadline for worker in self.workers if worker.task]
        return min(max(min((end - now for end in ends if end > now), default=_BEAT), 0.001), _BEAT)

    @staticmethod
    def overrun(task: Task, since: float) -> float:
        """When an item of the task that began at ``since`` is over its deadline."""
        return since + task.deadline

    def push(self) -> None:
        """Send on what was kept, and have the selector watch for room where that is not all."""
        for channel, worker in [(self.pool, None), *((w.channel, w) for w in self.workers)]:
            if channel.waiting:
                with contextlib.suppress(OSError):
                    channel.flush()
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.waiting else 0)
            if self.selector.get_key(channel).events != events:
                self.selector.modify(channel, events, worker)

    # -- work in ------------------------------------------------------------------------------------------------------

    def obey(self) -> bool:
        """Take what the pool sent; False if it is gone."""
        frames = self.pool.receive()
        for frame in frames or ():
            if frame.kind is Kind.CANCEL:
                self.drop(frame.chunk)
                continue
            function, deadline, items = pickle.loads(frame.payload)
            task = Task(frame.chunk, frame.first, items, function, deadline)
            fault = self.prepare(function)
            if fault:
                self.report(task, [("instrument_error", fault, 0.0, None)] * len(items))
            else:
                self.queue.append(task)
        return frames is not None

    def drop(self, chunk: int) -> None:
        """Forget the items of a chunk that have not begun."""
        for task in [task for task in self.queue if task.chunk == chunk]:
            self.queue.remove(task)
            self.report(task, [("instrument_error", "cancelled", 0.0, None)] * len(task.items))

    def prepare(self, function: str) -> str:
        """Import a function's module, so that workers are forked with it; why that fails, or nothing.

        A module's own ``preload()`` is called once: it imports what the function needs and runs it on something easy.
        """
        if function not in self.prepared:
            module = function.partition(":")[0]
            self.prepared[function] = ""
            try:
                resolve(function)
                if module not in self.modules:
                    self.modules.add(module)
                    self.generation += 1
                    getattr(sys.modules[module], "preload", lambda: None)()
                    gc.collect()
                    gc.freeze()
            except BaseException as error:
                self.prepared[function] = f"{function} cannot be loaded: {described(error)}"
        return self.prepared[function]

    def assign(self) -> None:
        """Give the waiting tasks to idle workers, forking more where there may be more."""
        now = time.monotonic()
        for worker in [w for w in self.workers if w.task is None]:
            stale = worker.generation != self.generation
            if stale or (not self.queue and now - worker.idle_since > _IDLE_SECONDS):
                self.bury(worker)
        while self.queue:
            idle = next((w for w in self.workers if w.task is None), None)
            if idle is None:
                if len(self.workers) >= self.settings.workers:
                    return
                idle = self.fork()
            self.give(idle, self.slice())

    def slice(self) -> Task:
        """A piece of the first waiting task: about 20 ms of work, and no more than a fair share of all that waits."""
        task = self.queue.popleft()
        known = self.seconds.get(task.function)
        share = math.ceil(sum(len(waiting.items) for waiting in (task, *self.queue)) / self.settings.workers)
        pace = _FIRST_SLICE if known is None else int(_SLICE_SECONDS / max(known, 1e-6))
        size = max(1, min(_SLICE_ITEMS, share, pace))
        if size < len(task.items):
            self.queue.appendleft(task.part(size, len(task.items)))
            task = task.part(0, size)
        return task

    def give(self, worker: Worker, task: Task) -> None:
        """Send a task to an idle worker; one that has just retired hands it back when its end is noticed."""
        worker.task, worker.done, worker.given = task, 0, time.monotonic()
        payload = pickle.dumps((task.function, task.items))
        with contextlib.suppress(OSError):
            worker.channel.send(Frame(Kind.WORK, task.chunk, task.first, len(task.items), payload))

    def fork(self) -> Worker:
        """A new worker."""
        ours, theirs = socket.socketpair()
        ledger = Ledger()
        pid = os.fork()
        if pid == 0:
            try:
                ours.close()
                self.selector.close()
                for channel in (self.pool, *(worker.channel for worker in self.workers)):
                    channel.close()
                serve(Channel(theirs), ledger, self.settings.memory, self.settings.recycle)
            finally:
                os._exit(1)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        theirs.close()
        worker = Worker(pid, Channel(ours, blocking=False), ledger, self.generation)
        self.workers.append(worker)
        self.selector.register(worker.channel, selectors.EVENT_READ, worker)
        return worker

    # -- results out --------------------------------------------------------------------------------------------------

    def hear(self, worker: Worker) -> None:
        """Pass on what a worker sent; where it is gone, see to what it was busy with."""
        if self.pass_on(worker) >= 0:
            return
        at = worker.ledger.read()
        status = self.bury(worker)
        task, done = worker.task, worker.done
        if task is None:
            return
        if at is None or at[0] < done:
            if task.attempt <= _ATTEMPTS:
                retired = os.waitstatus_to_exitcode(status) == 0 and done == 0
                self.queue.appendleft(task.part(done, len(task.items), task.attempt + (not retired)))
            else:
                rest = task.part(done, len(task.items))
                self.report(rest, [("instrument_error", obituary(status), 0.0, None)] * len(rest.items))
            return
        culprit = at[0]
        self.requeue(task, done, culprit)
        if task.attempt < _ATTEMPTS:
            self.queue.append(task.part(culprit, culprit + 1, task.attempt + 1))
        else:
            seconds = time.monotonic() - at[1]
            self.report(task.part(culprit, culprit + 1), [("instrument_error", obituary(status), seconds, None)])

    def pass_on(self, worker: Worker) -> int:
        """Forward the results a worker has sent; how many frames, -1 if it is gone or talks nonsense."""
        frames = worker.channel.receive()
        for frame in frames or ():
            task = worker.task
            if task is None or frame.first != worker.done or worker.done + frame.items > len(task.items):
                return -1
            self.tell(Frame(Kind.RESULTS, task.chunk, task.first + frame.first, frame.items, frame.payload))
            worker.done += frame.items
            if worker.done == len(task.items):
                self.learn(task, time.monotonic() - worker.given)
                worker.task, worker.idle_since = None, time.monotonic()
        return -1 if frames is None else len(frames)

    def learn(self, task: Task, seconds: float) -> None:
        """Note how long the items of a function take: a running mean."""
        each = seconds / len(task.items)
        known = self.seconds.get(task.function, each)
        self.seconds[task.function] = 0.8 * known + 0.2 * each

    def punish(self) -> None:
        """Kill every worker whose item has overrun, say so of that item, and give the others of its task to another."""
        now = time.monotonic()
        for worker in list(self.workers):
            task, at = worker.task, worker.ledger.read()
            if task is None or at is None or now < self.overrun(task, at[1]):
                continue
            culprit, since = at
            self.bury(worker)
            done = worker.done
            if worker.task is None or done > culprit:
                self.requeue(task, done, len(task.items))
                continue
            self.requeue(task, done, culprit)
            said = f"over its deadline of {task.deadline:g} s"
            self.report(task.part(culprit, culprit + 1), [("timed_out", said, now - since, None)])

    def requeue(self, task: Task, done: int, culprit: int) -> None:
        """Put the innocent items of a task back, those before and those after the culprit."""
        for start, stop in ((culprit + 1, len(task.items)), (done, culprit)):
            if start < stop:
                self.queue.appendleft(task.part(start, stop))

    def report(self, task: Task, said: Sequence[Said]) -> None:
        """Tell the pool of items that have no value."""
        self.tell(Frame(Kind.RESULTS, task.chunk, task.first, len(said), pickle.dumps(list(said))))

    def tell(self, frame: Frame) -> None:
        """Send the pool a frame; that it is gone shows where it is read from."""
        with contextlib.suppress(OSError):
            self.pool.send(frame)

    def bury(self, worker: Worker) -> int:
        """End a worker and all it started, pass on what it still had sent, give back what was held for it; its wait status."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(worker.pid, signal.SIGKILL)
        status = os.waitpid(worker.pid, 0)[1]
        while self.pass_on(worker) > 0:
            pass
        self.workers.remove(worker)
        self.selector.unregister(worker.channel)
        worker.channel.close()
        worker.ledger.close()
        return status


def obituary(status: int) -> str:
    """What a wait status says of the death of a worker."""
    code = os.waitstatus_to_exitcode(status)
    if code == OUT_OF_MEMORY:
        return "the check came to its memory limit"
    if code < 0:
        return f"the check killed its process ({signal.Signals(-code).name})"
    return f"the check ended its process (exit status {code})"


def main() -> None:
    """Serve the pool at the other end of a socket. Arguments: its number, workers, bytes of memory, items per worker."""
    descriptor, workers, memory, recycle = map(int, sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.environ.pop("PYTHONPATH", None)
    pool = Channel(socket.socket(fileno=descriptor), blocking=False)
    Warden(pool, Settings(workers, memory, recycle)).run()


if __name__ == "__main__":
    main()
