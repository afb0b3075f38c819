"""Scoring files on a Ray cluster: chunks go to actors that hold the reward, and come back in their order.

The driver reads the data and writes the output, as the local engine does, and so keeps its journal: a run can be resumed by
either engine, and both write the same bytes. Actors, not Ray Data: its blocks are cut by size, which would part siblings, and a
dataset that is written has no place from which it could go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guerdon.errors import GuerdonError, UserError
from guerdon.integrations.ray_cluster import check_least, connected
from guerdon.scores import Scores
from guerdon.scoring.chunks import Chunk
from guerdon.scoring.engine import Results, Work, records_of
from guerdon.scoring.job import Job

_QUEUED = 2  # chunks at one worker: the one it scores and the next
_AHEAD = 4  # chunks per worker between the first that is not back and the last that was sent


class _Scoring:
    """What runs in a worker: the reward, loaded once."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def scores(self, records: Sequence[Mapping[str, Any]], where: str) -> list[Scores] | GuerdonError:
        try:
            return self.work.scores(records, where)
        except GuerdonError as error:
            return error.with_traceback(None)


@dataclass(eq=False)
class _Worker:
    """An actor, and how many chunks it has."""

    actor: Any
    chunks: int = 0


@dataclass(eq=False)
class _Sent:
    """A chunk, with whom it is, and what came of it."""

    chunk: Chunk
    records: Any
    worker: _Worker | None = None
    result: Any = None
    scores: list[Scores] | None = None
    deaths: int = field(default=0)


class RayEngine:
    """Scores the chunks of a run in Ray actors.

    A worker that dies is replaced, and what it had is scored again; a chunk on which ``tries`` workers died ends the run.

    Args:
        workers: how many actors; None: as many as the cluster has CPUs (or GPUs, if they need some) for.
        cpus, gpus: what each actor needs; parts of a GPU can be shared.
        tries: workers that may die on one chunk.

    Raises:
        UserError: numbers out of range, or a cluster without room for one worker.
        MissingExtra: Ray is not installed.
    """

    def __init__(self, workers: int | None = None, *, cpus: float = 1.0, gpus: float = 0.0, tries: int = 3) -> None:
        check_least(workers=(workers, 1), cpus=(cpus, 0), gpus=(gpus, 0), tries=(tries, 1))
        self.workers, self.cpus, self.gpus, self.tries = workers, cpus, gpus, tries

    def scored(self, job: Job, chunks: Iterable[Chunk]) -> Results:
        """The chunks of a job with their scores, in order; a few per worker are held at a time."""
        team = _Team(self, Work.of(job))
        try:
            yield from team.scored(chunks)
        finally:
            team.dismiss()

    def size(self, ray: Any) -> int:
        """How many workers the cluster has room for."""
        if self.workers is not None:
            return self.workers
        there = ray.cluster_resources()
        rooms = [int(there.get(kind, 0.0) / each) for kind, each in (("CPU", self.cpus), ("GPU", self.gpus)) if each]
        if rooms and min(rooms) < 1:
            raise UserError(
                f"a worker needs {self.cpus:g} CPUs and {self.gpus:g} GPUs, and the cluster has {there.get('CPU', 0):g} and "
                f"{there.get('GPU', 0):g}; ask for less, or add nodes"
            )
        return min(rooms, default=1)


class _Team:
    """The workers of one run."""

    def __init__(self, engine: RayEngine, work: Work) -> None:
        self.engine, self.work = engine, work
        self.ray = connected()
        self.shared = self.ray.put(work)
        self.workers = [_Worker(self._hired()) for _ in range(engine.size(self.ray))]
        self.pending: deque[_Sent] = deque()

    def scored(self, chunks: Iterable[Chunk]) -> Results:
        ahead = iter(chunks)
        more = True
        while more or self.pending:
            while more and self._room():
                chunk = next(ahead, None)
                if chunk is None:
                    more = False
                else:
                    self._add(chunk)
            while self.pending and self.pending[0].scores is not None:
                first = self.pending.popleft()
                yield first.chunk, first.scores or []
            if self.pending and not (more and self._room()):
                self._wait()

    def _room(self) -> bool:
        few = len(self.pending) < _AHEAD * len(self.workers)
        return few and min(worker.chunks for worker in self.workers) < _QUEUED

    def _add(self, chunk: Chunk) -> None:
        sent = _Sent(chunk, records_of(chunk))
        self.pending.append(sent)
        if sent.records:
            self._send(sent)
        else:
            sent.scores = []

    def _send(self, sent: _Sent) -> None:
        sent.worker = min(self.workers, key=lambda worker: worker.chunks)
        sent.worker.chunks += 1
        sent.result = sent.worker.actor.scores.remote(sent.records, self.work.where(sent.chunk))

    def _wait(self) -> None:
        """Take what comes back first."""
        out = {sent.result: sent for sent in self.pending if sent.scores is None}
        if out:
            back, _ = self.ray.wait(list(out), num_returns=1)
            self._take(out[back[0]])

    def _take(self, sent: _Sent) -> None:
        worker = sent.worker
        if worker is None:
            return
        worker.chunks -= 1
        try:
            scores = self.ray.get(sent.result)
        except self.ray.exceptions.RayActorError as error:
            self._died(sent, worker, str(error).strip().splitlines()[0])
            return
        except self.ray.exceptions.RayTaskError as error:
            raise self.work.failed(self.work.where(sent.chunk), str(error.cause or error)) from error
        if isinstance(scores, GuerdonError):
            raise scores
        sent.scores, sent.result, sent.records = scores, None, None

    def _died(self, sent: _Sent, worker: _Worker, why: str) -> None:
        """Replace a worker, and send its chunk to another."""
        sent.deaths += 1
        if sent.deaths >= self.engine.tries:
            raise self.work.failed(self.work.where(sent.chunk), f"{sent.deaths} workers died on them; the last: {why}")
        if worker in self.workers:
            self.workers[self.workers.index(worker)] = _Worker(self._hired())
        self._send(sent)

    def _hired(self) -> Any:
        engine = self.engine
        return self.ray.remote(_Scoring).options(num_cpus=engine.cpus, num_gpus=engine.gpus).remote(self.shared)

    def dismiss(self) -> None:
        for worker in self.workers:
            self.ray.kill(worker.actor)
