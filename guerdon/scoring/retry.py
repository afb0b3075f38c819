"""Retrying: rows of a finished file that an instrument failed on are scored again, all others stay as they are, byte for byte.

Siblings of such a row are scored again too where the reward compares siblings. A retry that is stopped goes on when asked again.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from guerdon.errors import UserError
from guerdon.report import Report
from guerdon.scores import Floats, Outcome, Scores
from guerdon.scoring.chunks import Chunk, tie_keys
from guerdon.scoring.data import open_data
from guerdon.scoring.engine import LocalEngine, Results
from guerdon.scoring.job import Job
from guerdon.scoring.journal import is_begun
from guerdon.scoring.jsonl import file_fingerprint
from guerdon.scoring.output import Columns
from guerdon.scoring.recorded import floats, recorded_values
from guerdon.scoring.rows import Row
from guerdon.scoring.run import CHECKPOINT_SECONDS, Finished, Progress, Run, Start
from guerdon.scoring.summary import Summary

#: The outcomes that are worth another try: the instrument could not be reached, or broke.
FAULTS = frozenset({Outcome.TIMED_OUT, Outcome.TRANSPORT_ERROR, Outcome.INSTRUMENT_ERROR})

Records = Sequence[Mapping[str, Any]]


def noted_outcomes(note: str | None, paths: Sequence[str]) -> dict[str, Outcome]:
    """The outcome of each part that the note of a row tells of.

    >>> noted_outcomes("judge: timed_out: no reply | cosine: scored", ["judge", "cosine", "match"])
    {'judge': <Outcome.TIMED_OUT: 'timed_out'>, 'cosine': <Outcome.SCORED: 'scored'>}
    """
    told: dict[str, Outcome] = {}
    for clause in (note or "").split(" | "):
        path = next((path for path in paths if clause.startswith(f"{path}: ")), None)
        word = None if path is None else re.match(r"\w+", clause[len(path) + 2 :])
        if path is not None and word is not None and word[0] in set(Outcome):
            told.setdefault(path, Outcome(word[0]))
    return told


def is_failed(record: Mapping[str, Any], columns: Columns) -> bool:
    """Whether a scored row lacks a number that an instrument should have given."""
    numbers = [record.get(columns.value), *(record.get(columns.part(path)) for path in columns.paths)]
    if all(number is not None for number in numbers):
        return False
    return not FAULTS.isdisjoint(noted_outcomes(record.get(columns.note), columns.paths).values())


@dataclass(frozen=True, eq=False)
class MergedScores(Scores):
    """Scores of rows some of which were scored earlier, so that of their notes only the text is known."""

    texts: tuple[str | None, ...] = ()

    def note(self, i: int) -> str:
        return self.texts[i] or ""


@dataclass(frozen=True)
class RetryJob(Job):
    """A job that scores failed rows of its own finished output again; kept apart from an unfinished run of the whole."""

    @cached_property
    def identity(self) -> dict[str, Any]:
        return {**super().identity, "retried": file_fingerprint(self.out)}

    @property
    def folder(self) -> Path:
        return self.beside(".retry.partial")


@dataclass
class RetryEngine:
    """Gives what the output says of each row, and scores those again that failed.

    Attributes:
        skip: rows of the output that are through.
        retried, left: rows that were scored again, and those of them that failed again. before: outcomes that they had.
    """

    skip: int = 0
    retried: int = 0
    left: int = 0
    before: dict[str, Counter[str]] = field(default_factory=dict)

    def scored(self, job: Job, chunks: Iterable[Chunk]) -> Results:
        rows = islice(open_data(str(job.out)).rows(), self.skip, None)
        for chunk in chunks:
            good = [row for row in chunk.rows if not row.fault]
            known = [row.record for row in islice(rows, len(good))]
            if len(known) < len(good) or not all(set(job.columns.names) <= set(record) for record in known):
                raise UserError(
                    f"{job.out} does not hold the scored rows of {job.data.name}; score anew with --overwrite"
                )
            yield chunk, self._scores(job, chunk, good, known) if good else []

    def _scores(self, job: Job, chunk: Chunk, good: Sequence[Row], known: Records) -> list[Scores]:
        again = self._again(job, good, known)
        columns = job.columns
        texts = [record[columns.note] for record in known]
        values = floats([record[columns.value] for record in known])
        parts = {path: floats([record[columns.part(path)] for record in known]) for path in columns.paths}
        terms = _recorded_terms(job, good, known)
        report = Report()
        if again:
            self._note_before(job, [known[i] for i in again])
            part = Chunk(tuple(good[i] for i in again), chunk.after)
            ((_, (fresh, *fresh_terms)),) = LocalEngine().scored(job, [part])
            values[again] = fresh.values
            for path in columns.paths:
                parts[path][again] = fresh.parts[path]
            for term, found in zip(terms, fresh_terms, strict=True):
                term[again] = found.values
            added = columns.of(fresh)
            for k, i in enumerate(again):
                texts[i] = added[columns.note][k]
                self.left += is_failed({name: added[name][k] for name in columns.names}, columns)
            report = fresh.report if fresh.report is not None else report
        self.retried += len(again)
        merged = MergedScores(values, parts=parts, report=report, texts=tuple(texts))
        return [merged, *(Scores(term) for term in terms)]

    def _again(self, job: Job, good: Sequence[Row], known: Records) -> list[int]:
        """The rows to score again: those that failed, and where the reward compares siblings, theirs."""
        bad = [i for i, record in enumerate(known) if is_failed(record, job.columns)]
        if job.reward.siblings is None or not bad:
            return bad
        groups = [job.layout.group_key(row) for row in good]
        ties = tie_keys(job.reward, job.layout, good, groups)
        tied, grouped = {ties[i] for i in bad}, {groups[i] for i in bad}
        return [i for i in range(len(good)) if ties[i] in tied or groups[i] in grouped]

    def _note_before(self, job: Job, records: Records) -> None:
        for record in records:
            for path, outcome in noted_outcomes(record[job.columns.note], job.columns.paths).items():
                self.before.setdefault(path, Counter())[outcome.value] += 1


def _recorded_terms(job: Job, good: Sequence[Row], known: Records) -> list[Floats]:
    if not job.terms:
        return []
    names = job.columns.names
    records = [{**row.record, **{name: old[name] for name in names}} for row, old in zip(good, known, strict=True)]
    found = recorded_values(job.terms, job.layout.batch(records, job.step), job.columns)
    return [np.full(len(good), np.nan) if values is None else values.copy() for values in found]


class RetryRun(Run):
    """Scores the failed rows of a finished run again, a context manager as :class:`~guerdon.scoring.run.Run` is.

    Raises:
        UserError: there is no finished run of this job, or the data or another option is not what it was.
    """

    def __init__(self, job: Job, *, checkpoint_seconds: float = CHECKPOINT_SECONDS) -> None:
        if is_begun(job.folder):
            raise UserError(f"an unfinished run is in {job.folder}; go on with --resume before retrying failed rows")
        self._record = _record_of(job)
        known = self._record["run"]
        differs = [
            f"{name} was {known.get(name)!r} and is now {value!r}"
            for name, value in job.identity.items()
            if name != "reward" and known.get(name) != value
        ]
        if differs:
            raise UserError(
                f"{job.out} was scored otherwise: {'; '.join(differs)}. Retry as it was scored, or use --overwrite"
            )
        self._other_reward = known.get("reward") != job.reward.fingerprint
        mine = RetryJob(**{item.name: getattr(job, item.name) for item in fields(Job)})
        self.retry = RetryEngine()
        start = Start.RESUME if is_begun(mine.folder) else Start.OVERWRITE
        try:
            super().__init__(mine, start, checkpoint_seconds=checkpoint_seconds, engine=self.retry)
        except UserError:
            if start is Start.OVERWRITE:
                raise
            super().__init__(mine, Start.OVERWRITE, checkpoint_seconds=checkpoint_seconds, engine=self.retry)
        if self._journal is not None and self._journal.entry is not None:
            self.retry.skip = self._journal.entry["rows"]

    def finish(self, watch: Callable[[Progress], None] = lambda progress: None) -> Finished:
        finished = super().finish(watch)
        said = f"{self.retry.retried} rows were scored again"
        said += f", and {self.retry.left} of them failed again" if self.retry.left else ""
        other = ("the reward is not quite the one that scored the rest",) if self._other_reward else ()
        return replace(finished, summary=self._whole(finished.summary), warnings=(*finished.warnings, *other, said))

    def _publish_record(self, summary: Summary) -> None:
        super()._publish_record(self._whole(summary))

    def _whole(self, summary: Summary) -> Summary:
        """The summary with what the run and its retries took; outcomes of rows that were scored again count once."""
        first = Summary.from_dict(self._record["summary"])
        outcomes = {
            path: dict(Counter(counts) - self.retry.before.get(path, Counter()))
            for path, counts in first.report.outcomes.items()
        }
        report = replace(first.report, outcomes=outcomes) + summary.report
        return replace(summary, report=report, seconds=first.seconds + summary.seconds)


def _record_of(job: Job) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(job.record.read_text(encoding="utf-8"))
        if job.out.is_file() and {"run", "summary"} <= set(record):
            return record
    except (OSError, ValueError):
        pass
    raise UserError(f"there is no finished run to retry: {job.out} and its record {job.record} are needed")
