"""Job: what is scored with which reward into which file, and how its rows are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from guerdon.combine import Combine
from guerdon.reward import Reward
from guerdon.scoring.chunks import BATCH_SIZE, chunks
from guerdon.scoring.layout import COMPLETION, Layout, find_layout
from guerdon.scoring.output import Columns, Output, find_output
from guerdon.scoring.rows import Row, Source


@dataclass(frozen=True)
class Job:
    """What to score: ``data`` with ``reward`` into ``out``.

    Attributes:
        prompt, completion, group: columns of the data; ``prompt=None`` takes ``"prompt"`` if it is there, ``group=None`` takes
            rows of equal prompts as siblings.
        value: name of the column for the reward, and beginning of the names of the others.
        step: the training step, for rewards with a schedule.
        limit: score only so many rows from the beginning.
        batch_size: rows scored together; more where a group would be cut.
    """

    data: Source
    reward: Reward
    out: Path
    prompt: str | None = None
    completion: str = COMPLETION
    group: str | None = None
    value: str = "reward"
    step: int | None = None
    limit: int | None = None
    batch_size: int = BATCH_SIZE

    @cached_property
    def columns(self) -> Columns:
        """The columns that scoring adds."""
        return Columns(self.value, tuple(self.reward.part_owners))

    @cached_property
    def terms(self) -> tuple[Reward, ...]:
        """The terms of the reward, where it is a weighted sum."""
        weighted = isinstance(self.reward, Combine) and self.reward.rule == "weighted_sum"
        return self.reward.terms if weighted and isinstance(self.reward, Combine) else ()

    @cached_property
    def layout(self) -> Layout:
        """Which column is what, found from the first rows."""
        head: Sequence[Row] = ()
        for chunk in chunks(islice(self.data.rows(), self.limit)):
            head = chunk.rows
            if not all(row.fault for row in head):
                break
        return find_layout(
            self.reward,
            head,
            declared=self.data.columns,
            prompt=self.prompt,
            completion=self.completion,
            group=self.group,
            added=frozenset(self.columns.names),
        )

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What must be the same when a run goes on."""
        return {
            "data": self.data.fingerprint(),
            "reward": self.reward.fingerprint,
            "prompt": self.prompt,
            "completion": self.completion,
            "group": self.group,
            "as": self.value,
            "step": self.step,
            "limit": self.limit,
        }

    @cached_property
    def output(self) -> Output:
        """The kind of file that is written."""
        return find_output(self.out, self.data.schema, self.columns)

    def beside(self, suffix: str) -> Path:
        """A path next to the output."""
        return self.out.with_name(self.out.name + suffix)

    @property
    def record(self) -> Path:
        """Where the record of a finished run lies."""
        return self.beside(".run.json")

    @property
    def rejected(self) -> Path:
        """Where refused rows are kept."""
        return self.beside(".rejected.jsonl")

    @property
    def folder(self) -> Path:
        """Where a run under way keeps its files."""
        return self.beside(".partial")
