"""Engine: what scores the chunks of a run, in their order. The local one does it here; others hand chunks to workers."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from guerdon.errors import GuerdonError
from guerdon.reward import Reward
from guerdon.runtime import score, score_all
from guerdon.scores import Scores
from guerdon.scoring.chunks import Chunk
from guerdon.scoring.job import Job
from guerdon.scoring.layout import Layout

Records = Sequence[Mapping[str, Any]]
Results = Generator[tuple[Chunk, list[Scores]], None, None]


class FailedReward(GuerdonError, RuntimeError):
    """A reward raised where it should have scored."""


@dataclass(frozen=True)
class Work:
    """What is done with every chunk of a job; small, and pickles, so that it can be sent to workers."""

    reward: Reward
    terms: tuple[Reward, ...]
    layout: Layout
    step: int | None
    unit: str

    @classmethod
    def of(cls, job: Job) -> Work:
        """The work of a job."""
        return cls(job.reward, job.terms, job.layout, job.step, job.data.unit)

    def scores(self, records: Records, where: str) -> list[Scores]:
        """The scores of the reward and of its terms; none where there are no records.

        Raises:
            FailedReward: the reward raised; ``where`` tells which rows it was scoring.
        """
        if not records:
            return []
        batch = self.layout.batch(records, self.step)
        try:
            return score_all([self.reward, *self.terms], batch) if self.terms else [score(self.reward, batch)]
        except GuerdonError:
            raise
        except Exception as error:
            raise self.failed(where, f"{type(error).__name__}: {error}") from error

    def failed(self, where: str, why: str) -> FailedReward:
        """The error that says where and why the reward failed."""
        return FailedReward(
            f"reward {self.reward.name!r} failed on {where}: {why}. What was scored before is kept: go on with --resume"
        )

    def where(self, chunk: Chunk) -> str:
        """Which rows a chunk holds, in words."""
        return f"{self.unit}s {chunk.rows[0].after.number} to {chunk.after.number}"


class Engine(Protocol):
    """Scores the chunks of a job, whose rows are checked, and gives them back in their order."""

    def scored(self, job: Job, chunks: Iterable[Chunk]) -> Results:
        """Each chunk with the scores of its rows without fault: of the reward, then of its terms; empty where no row is good."""


class LocalEngine:
    """Scores one chunk after the other in this process."""

    def scored(self, job: Job, chunks: Iterable[Chunk]) -> Results:
        work = Work.of(job)
        for chunk in chunks:
            yield chunk, work.scores(records_of(chunk), work.where(chunk))


def records_of(chunk: Chunk) -> list[Mapping[str, Any]]:
    """The records of a chunk that can be scored."""
    return [row.record for row in chunk.rows if not row.fault]
