"""Run: scores a file chunk by chunk, so that memory stays flat and a run that was stopped at any moment can go on.

While a run is under way its files are in ``OUT.partial/`` (see :mod:`guerdon.scoring.journal`). When it is through, ``OUT``
appears in one step, beside it ``OUT.run.json``, which says what was scored how, and ``OUT.rejected.jsonl`` if rows were refused.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from guerdon.errors import SpecError, UserError
from guerdon.report import Report
from guerdon.scores import Scores
from guerdon.scoring.chunks import Chunk, chunks, find_cuts, tie_keys
from guerdon.scoring.engine import Engine, LocalEngine
from guerdon.scoring.engine import FailedReward as FailedReward
from guerdon.scoring.job import Job
from guerdon.scoring.journal import Journal, is_begun, write_durably
from guerdon.scoring.jsonl import KEPT, line_of
from guerdon.scoring.ledger import Ledger
from guerdon.scoring.rows import START, Place, Row
from guerdon.scoring.summary import Summary, summarise
from guerdon.spec import to_spec

ROWS, REJECTED, LEDGER = "rows", "rejected", "ledger"
#: Seconds between checkpoints: at most this much work is done again after a kill.
CHECKPOINT_SECONDS = 2.0


class Start(StrEnum):
    """What to do about what an earlier run left."""

    NEW = "new"
    RESUME = "resume"
    RESTART = "restart"
    OVERWRITE = "overwrite"


@dataclass(frozen=True)
class Progress:
    """How far a run has come: rows scored and rejected in all, rows of this session, the share of the data that is done."""

    rows: int
    rejected: int
    session: int
    share: float | None


@dataclass(frozen=True)
class Finished:
    """A run that is through. ``ledger`` is None where it was finished by an earlier process; it is gone when the run is closed."""

    job: Job
    summary: Summary
    warnings: tuple[str, ...] = ()
    ledger: Ledger | None = None


class Run:
    """One scoring run, a context manager; leaving it unfinished keeps what was scored for the next.

    Raises:
        UserError: something is there already and ``start`` does not say what to do, or goes on with another job.
    """

    def __init__(
        self,
        job: Job,
        start: Start = Start.NEW,
        *,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
        engine: Engine | None = None,
    ) -> None:
        self.job, self.checkpoint_seconds = job, checkpoint_seconds
        self.engine: Engine = engine or LocalEngine()
        self._finished = False
        self._journal: Journal | None = None
        if job.batch_size < 1:
            raise UserError(f"--batch-size {job.batch_size} must be at least 1")
        if job.limit is not None and job.limit < 1:
            raise UserError(f"--limit {job.limit} must be at least 1")
        _check_paths(job)
        _ = job.output
        unfinished = is_begun(job.folder)
        if job.out.exists() and not unfinished and start in (Start.NEW, Start.RESTART):
            raise UserError(f"{job.out} exists; replace it with --overwrite, or choose another --out")
        if unfinished and start is Start.NEW:
            raise UserError(f"an unfinished run is in {job.folder}; go on with --resume, or begin anew with --restart")
        if job.out.exists() and not unfinished and start is Start.RESUME:
            self._check_identity(_read_record(job).get("run", {}), job.record, "--overwrite")
            return
        _ = job.layout
        self._journal = self._opened(start is not Start.RESUME)

    def _opened(self, anew: bool) -> Journal:
        journal = Journal(self.job.folder, (ROWS, REJECTED, LEDGER))
        if journal.header is not None and (anew or journal.entry is None):
            journal.remove()
            journal = Journal(self.job.folder, (ROWS, REJECTED, LEDGER))
        try:
            if journal.header is None:
                journal.begin({"format": 1, **self.job.identity})
            else:
                self._check_identity(journal.header, self.job.folder, "--restart")
        except BaseException:
            journal.close()
            raise
        return journal

    def _check_identity(self, known: Mapping[str, Any], where: Path, anew: str) -> None:
        differs = [
            f"{name} was {known.get(name)!r} and is now {value!r}"
            for name, value in self.job.identity.items()
            if known.get(name) != value
        ]
        if differs:
            raise UserError(
                f"{where} belongs to another run: {'; '.join(differs)}. "
                f"Go on as it was begun, or begin anew with {anew}"
            )

    def finish(self, watch: Callable[[Progress], None] = lambda progress: None) -> Finished:
        """Score all that is left, and write the finished files.

        Raises:
            UserError: no row could be scored.
            FailedReward: the reward raised; what was scored before is kept.
        """
        if self._journal is None:
            self._finished = True
            return Finished(self.job, Summary.from_dict(_read_record(self.job)["summary"]))
        journal = self._journal
        if not (journal.entry or {}).get("done"):
            self._score_rest(journal, watch)
        entry = journal.entry or {}
        ledger = self._ledger(journal)
        if not entry["rows"] and entry["rejected"]:
            self._finished = True
            raise UserError(_all_rejected(journal.path(REJECTED), entry["rejected"]))
        report = Report(**entry["report"])
        summary = summarise(ledger, rejected=entry["rejected"], report=report, seconds=entry["seconds"])
        warnings = self.job.output.publish(journal.path(ROWS), self.job.out)
        self._publish_rejected(journal.path(REJECTED), entry["rejected"])
        self._publish_record(summary)
        self._finished = True
        return Finished(self.job, summary, tuple(warnings), ledger)

    def _ledger(self, journal: Journal) -> Ledger:
        return Ledger(journal.path(LEDGER), self.job.columns.paths, len(self.job.terms))

    def _score_rest(self, journal: Journal, watch: Callable[[Progress], None]) -> None:
        job = self.job
        before = journal.entry or {"place": START, "rows": 0, "rejected": 0, "seconds": 0.0, "report": asdict(Report())}
        place, rows, rejected = Place(*before["place"]), before["rows"], before["rejected"]
        report = Report(**before["report"])
        started = last = time.monotonic()
        left = None if job.limit is None else job.limit - rows - rejected
        cuts = find_cuts(job.data, job.layout, job.reward, job.limit)
        ahead = chunks(islice(job.data.rows(place), left), size=job.batch_size, cuts=cuts)
        work = self.engine.scored(job, map(self._checked, ahead))
        try:
            for chunk, results in work:
                good, bad, data, cost = self._written(journal, chunk, results)
                rows, rejected, report = rows + good, rejected + bad, report + cost
                entry = {"place": chunk.after, "rows": rows, "rejected": rejected, "report": asdict(report)}
                journal.append(data, **entry, seconds=before["seconds"] + time.monotonic() - started, done=False)
                if time.monotonic() - last >= self.checkpoint_seconds:
                    journal.checkpoint()
                    last = time.monotonic()
                watch(
                    Progress(
                        rows,
                        rejected,
                        rows + rejected - before["rows"] - before["rejected"],
                        job.data.share(chunk.after),
                    )
                )
                place = chunk.after
        finally:
            work.close()
            journal.checkpoint()
        seconds = before["seconds"] + time.monotonic() - started
        journal.append({}, place=place, rows=rows, rejected=rejected, report=asdict(report), seconds=seconds, done=True)
        journal.checkpoint()

    def _checked(self, chunk: Chunk) -> Chunk:
        return replace(chunk, rows=tuple(map(self.job.layout.checked, chunk.rows)))

    def _written(
        self, journal: Journal, chunk: Chunk, results: Sequence[Scores]
    ) -> tuple[int, int, dict[str, bytes], Report]:
        """How many rows were scored and rejected, what to append to the files, and what it cost."""
        job = self.job
        good = [row for row in chunk.rows if not row.fault]
        bad = [row for row in chunk.rows if row.fault]
        data = {REJECTED: b"".join(_rejection(row, job.data.unit) for row in bad)}
        if not good:
            return 0, len(bad), data, Report()
        scores, *terms = results
        batch = job.layout.batch([row.record for row in good], job.step)
        encoded, starts = job.output.encode(good, job.columns.of(scores))
        groups = [job.layout.group_key(row) for row in good]
        base = journal.length(ROWS)
        data |= {
            ROWS: encoded,
            LEDGER: self._ledger(journal).encode(
                batch,
                scores,
                terms,
                groups=groups,
                ties=tie_keys(job.reward, job.layout, good, groups),
                offsets=[base + start for start in starts],
            ),
        }
        return len(good), len(bad), data, _cost(scores)

    def _publish_rejected(self, kept: Path, number: int) -> None:
        if not number:
            self.job.rejected.unlink(missing_ok=True)
        elif kept.exists():
            kept.replace(self.job.rejected)

    def _publish_record(self, summary: Summary) -> None:
        from guerdon import __version__

        try:
            spec = to_spec(self.job.reward)
        except SpecError:
            spec = repr(self.job.reward)
        record = {
            "guerdon": __version__,
            "data": self.job.data.name,
            "spec": spec,
            "run": self.job.identity,
            "summary": summary.as_dict(),
        }
        write_durably(self.job.record, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._journal is None:
            return
        if self._finished or self._journal.entry is None:
            self._journal.remove()
        else:
            self._journal.close()


def _check_paths(job: Job) -> None:
    if job.out.is_dir():
        raise UserError(f"--out {str(job.out)!r} is a folder; name a file")
    if job.data.path is not None:
        written = {path.resolve() for path in (job.out, job.rejected, job.record)}
        if job.data.path.resolve() in written:
            raise UserError(f"--out {str(job.out)!r} would overwrite the data; choose another name")


def _read_record(job: Job) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(job.record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(
            f"{job.out} exists, and no record {job.record} says what run it is of; replace it with --overwrite"
        ) from None
    return record


def _rejection(row: Row, unit: str) -> bytes:
    """A refused row as a line of the side file: its number, the reason, and the row itself."""
    said: dict[str, Any] = {unit: row.after.number, "reason": row.fault}
    if row.text or not row.record:
        return line_of({**said, "text": row.text})
    try:
        return line_of({**said, "row": row.record})
    except UserError:
        return line_of({**said, "text": repr(row.record)[:KEPT]})


def _all_rejected(kept: Path, number: int) -> str:
    with kept.open("rb") as file:
        first = json.loads(file.readline())
    unit = "line" if "line" in first else "row"
    return f"none of the {number} rows can be scored; the first, {unit} {first[unit]}: {first['reason']}"


def _cost(scores: Scores) -> Report:
    report: Report = scores.report if scores.report is not None else Report()
    return report
