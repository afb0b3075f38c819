"""The trainer's end of the verifier pool: feeds the warden, takes its results, replaces it where it dies."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import select
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any

from guerdon.scores import Outcome
from guerdon.verifying.frames import Channel, Frame, Kind, load_plain

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


class Job:
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
class Chunk:
    """Items of a job that the warden has, ``start`` to ``stop``; ``left`` of them without a result."""

    job: Job
    start: int
    stop: int
    left: int


class Dispatch:
    """The trainer's end: feeds the warden a bounded number of chunks, in turn from all jobs, and takes the results."""

    def __init__(self, workers: int, memory: int, recycle: int) -> None:
        self.settings = (workers, memory, recycle)
        self.most_in_flight = 2 * workers + 1
        self.owner = os.getpid()
        self.lock = threading.RLock()
        self.jobs: deque[Job] = deque()
        self.in_flight: dict[int, Chunk] = {}
        self.numbered = 0
        self.closed = self.running = False
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
        self.channel, self.running = Channel(ours), True
        listener = threading.Thread(
            target=self.listen, args=(self.channel, self.process), name="guerdon-verifier", daemon=True
        )
        listener.start()

    def submit(self, job: Job) -> None:
        """Take on a job."""
        with self.lock:
            if not self.running:
                self.start()
            self.jobs.append(job)
            self.feed()
        job.done.add_done_callback(lambda done: self.cancel(job) if done.cancelled() else None)

    def cancel(self, job: Job) -> None:
        """Have the warden forget what of a job has not begun."""
        with self.lock, contextlib.suppress(OSError):
            for number, chunk in self.in_flight.items():
                if chunk.job is job:
                    self.channel.send(Frame(Kind.CANCEL, number, 0, 0, b""))

    def feed(self) -> None:
        """Send chunks while the warden may have more; the lock is held."""
        while self.jobs and len(self.in_flight) < self.most_in_flight and not self.closed:
            job = self.jobs.popleft()
            if job.done.done() or not job.unsent:
                continue
            start, stop = job.unsent.popleft()
            size = min(_CHUNK_ITEMS, math.ceil((stop - start) / self.settings[0]))
            if start + size < stop:
                job.unsent.appendleft((start + size, stop))
            if job.unsent:
                self.jobs.append(job)
            self.numbered += 1
            self.in_flight[self.numbered] = Chunk(job, start, start + size, size)
            payload = pickle.dumps((job.function, job.deadline, job.items[start : start + size]))
            with contextlib.suppress(OSError):  # the listener sees that the warden is gone, and sends it anew
                self.channel.send(Frame(Kind.WORK, self.numbered, 0, size, payload))

    def listen(self, channel: Channel, process: subprocess.Popen[bytes]) -> None:
        """Take results until the warden is gone or has been silent for too long."""
        heard = select.poll()
        heard.register(channel, select.POLLIN)
        while True:
            if not heard.poll(1000 * self.patience()):
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
            channel.close()
            if not self.closed:
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
        """The warden died: start another if there is work for it, and send it what has no result; the lock is held."""
        self.running = False
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
        if not self.jobs:
            return
        try:
            self.start()
        except OSError as error:
            for job in self.jobs:
                job.fail(f"no verifier process can be started: {error}")
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
