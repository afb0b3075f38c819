"""Recorded scores: what a scored file says of its rows, read back so that nothing has to be scored twice."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import CompositionError
from guerdon.reward import Reward
from guerdon.runtime import Evaluation, Rows, run_blocking
from guerdon.scores import Floats, Scores
from guerdon.scoring.chunks import chunks, find_cuts, tie_keys
from guerdon.scoring.data import open_data
from guerdon.scoring.job import Job
from guerdon.scoring.ledger import Ledger
from guerdon.scoring.output import Columns
from guerdon.scoring.run import Finished


class Recorded(Evaluation):
    """An evaluation over a scored file's rows: what has a part of its own gives what it gave then, other rules are applied anew."""

    def __init__(self, batch: Batch, columns: Columns) -> None:
        super().__init__(batch)
        self.columns = columns

    async def _evaluate(self, reward: Reward, view: Batch, rows: Rows | None) -> Scores:
        if not reward.own_parts:
            return await super()._evaluate(reward, view, rows)
        parts = {path: floats(view[self.columns.part(path)]) for path in reward.part_owners}
        return Scores(parts[reward.own_parts[0]], parts=parts)


def floats(values: Sequence[Any]) -> Floats:
    """Recorded numbers; NaN where there is none."""
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def recorded_values(nodes: Sequence[Reward], batch: Batch, columns: Columns) -> list[Floats | None]:
    """The values that parts of a reward's tree had, from the columns of a scored file; None where they do not tell."""
    evaluation = Recorded(batch, columns)

    async def value(node: Reward) -> Floats | None:
        try:
            return (await evaluation.scores(node)).values
        except CompositionError:  # step rewards are not recorded
            return None

    async def every() -> list[Floats | None]:
        return [await value(node) for node in nodes]

    return run_blocking(every())


@contextmanager
def open_ledger(finished: Finished) -> Iterator[Ledger]:
    """The ledger of a finished run, made anew from its output where an earlier process had it."""
    if finished.ledger is not None:
        yield finished.ledger
        return
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger", finished.job.columns.paths, len(finished.job.terms))
        with ledger.path.open("wb") as file:
            for block in _blocks(finished.job, ledger):
                file.write(block)
        yield ledger


def _blocks(job: Job, ledger: Ledger) -> Iterator[bytes]:
    source = open_data(str(job.out))
    layout = replace(job.layout, added=frozenset())
    for chunk in chunks(source.rows(), cuts=find_cuts(source, layout, job.reward)):
        batch = layout.batch([row.record for row in chunk.rows])
        groups = [layout.group_key(row) for row in chunk.rows]
        parts = {path: floats(batch[job.columns.part(path)]) for path in job.columns.paths}
        terms = recorded_values(job.terms, batch, job.columns)
        yield ledger.encode(
            batch,
            Scores(floats(batch[job.columns.value]), parts=parts),
            [Scores(np.full(len(batch), math.nan) if values is None else values) for values in terms],
            groups=groups,
            ties=tie_keys(job.reward, layout, chunk.rows, groups),
            offsets=[max(0, row.after.offset - row.size) for row in chunk.rows],
        )
