"""Scoring ahead: while a slow judge answers for one chunk, the next ones are under way; they come back in order all the same."""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass

from guerdon.reward import Reward
from guerdon.scores import Scores
from guerdon.scoring.chunks import Chunk
from guerdon.scoring.engine import Results, Work, records_of
from guerdon.scoring.job import Job


def waits(reward: Reward) -> bool:
    """Whether a reward spends its time waiting for others, so that chunks gain from being scored side by side."""
    return any(inspect.iscoroutinefunction(part._score) for part in reward.walk())


@dataclass(frozen=True)
class AheadEngine:
    """Scores in this process up to ``most`` chunks at once, and gives them back in their order; no more are held in memory."""

    most: int = 3

    def scored(self, job: Job, chunks: Iterable[Chunk]) -> Results:
        work = Work.of(job)
        under_way: deque[tuple[Chunk, Future[list[Scores]]]] = deque()
        for chunk in chunks:
            under_way.append((chunk, _started(work, chunk)))
            if len(under_way) >= self.most:
                first, scores = under_way.popleft()
                yield first, scores.result()
        while under_way:
            first, scores = under_way.popleft()
            yield first, scores.result()


def _started(work: Work, chunk: Chunk) -> Future[list[Scores]]:
    """The scores of a chunk, made in a thread that does not keep a stopped process from ending."""
    scores: Future[list[Scores]] = Future()

    def run() -> None:
        try:
            scores.set_result(work.scores(records_of(chunk), work.where(chunk)))
        except BaseException as error:
            scores.set_exception(error)

    threading.Thread(target=run, name="guerdon-chunk", daemon=True).start()
    return scores
