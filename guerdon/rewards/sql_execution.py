"""Rewards on what SQL does: that it runs, and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.database import ENGINES, Database, QueryResult, Status, find_database, run_queries
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.result_sets import same_result
from guerdon.rewards.sql import HACKS, HONEST, SQLReward
from guerdon.rewards.textual import reference_texts
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.sql import has_outer_order, requote_sql

MOST_ROWS = {"default": 10_000, "official": 5_000}


@dataclass(frozen=True, repr=False)
class Executed(SQLReward):
    """A reward that runs SQL on the sample's database, which nothing can change (see :mod:`guerdon.models.database`).

    Attributes:
        database: column of a path, a list of statements that builds the database, or, with ``root``, its name (``db_id``).
        root: folder of the databases, for columns of names: ``root/name/name.sqlite`` or ``root/name.sqlite``.
        engine: of databases built from statements, ``"sqlite"`` or ``"duckdb"``; files say themselves.
        seconds: processor time of one statement.
    """

    database: str = column("database", expects="path or name of a database, or the statements that build one")
    root: str = field(default="", kw_only=True)
    engine: str = field(default="sqlite", kw_only=True)
    seconds: float = field(default=30.0, kw_only=True)

    heavy = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.engine not in ENGINES:
            raise UserError(f"engine={self.engine!r} is unknown; choices: {', '.join(ENGINES)}")
        if not self.seconds > 0:
            raise UserError(f"seconds={self.seconds!r} must be positive")

    def databases(self, batch: Batch) -> list[Database | None]:
        """The database of each sample, None where there is none."""
        known: dict[Any, Database | None] = {}
        found = []
        for value in self.read(batch, self.database):
            key = value if isinstance(value, (str, Database)) else repr(value)
            if key not in known:
                known[key] = find_database(value, root=self.root, engine=self.engine)
            found.append(known[key])
        return found

    def run(self, jobs: Sequence[tuple[Database, str]], most_rows: int | None = None) -> list[QueryResult]:
        """The results of these statements."""
        cleaned = [(database, requote_sql(sql) if self.official else sql) for database, sql in jobs]
        return run_queries(cleaned, seconds=self.seconds, most_rows=most_rows or MOST_ROWS[self.variant])

    def no_database(self, value: Any) -> Note:
        """The note of a sample whose database is not there."""
        return Note(Outcome.MISSING_DATA, f"no database {value!r:.80}")


@register("reward")
@dataclass(frozen=True, repr=False)
class SQLSyntax(Executed):
    """Whether the query runs on the database: 1 or 0.

    A query that the engine refuses, or that runs out of its time or memory, scores 0 with a note. ``variant="official"``: its first
    row is enough. Range [0, 1]. Column ``database``. NaN with ``missing_data`` without a database and with ``instrument_error``
    where it cannot be read.

    Source: Pourreza et al. 2025, Reasoning-SQL (arXiv 2503.23157), released code.

    >>> batch = Batch(["SELECT a FROM t", "SELECT b FROM t"], database=[["CREATE TABLE t(a)"]] * 2)
    >>> SQLSyntax().score(batch).values.tolist()
    [1.0, 0.0]
    """

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        found, notes = self.queries(batch)
        databases = self.databases(batch)
        values = np.zeros(len(batch))
        jobs: list[tuple[int, Database]] = []
        for i, (note, database) in enumerate(zip(notes, databases, strict=True)):
            if database is None:
                values[i], notes[i] = np.nan, self.no_database(batch[self.database][i])
            elif note is None:
                jobs.append((i, database))
        results = self.run([(database, found[i]) for i, database in jobs], 1 if self.official else None)
        for (i, _), result in zip(jobs, results, strict=True):
            values[i] = np.nan if result.status is Status.BROKEN else float(result.ok)
            notes[i] = _ended(result, found[i])
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


@register("reward")
@dataclass(frozen=True, repr=False)
class SQLExecution(Executed):
    """Whether the query returns what the gold query returns: 1 or 0.

    The same rows, each as often, columns by position; in the same order if the gold query ends in ORDER BY. NULL equals NULL, 2
    equals 2.0, numbers are equal within ``tolerance`` (relative). Two empty results of one width are equal unless
    ``empty_matches=False``. ``variant="official"``: the sets of the first 5,000 rows, exactly; empty results never match; SQL
    without the upper-case word SELECT scores 0; quotes are rewritten; a gold query that fails scores 0.

    Range [0, 1]. Columns ``gold_sql``, ``database``. A query that the engine refuses, or that runs out of its time or memory,
    scores 0 with a note: it is the policy's. NaN with ``missing_data`` without a gold query or database and where the gold query
    fails, ``timed_out`` where that runs out of time, ``instrument_error`` where its result has more than 10,000 rows, the database
    cannot be read or the worker dies.

    Source: Pourreza et al. 2025, Reasoning-SQL (arXiv 2503.23157), released code; the multiset comparison is ours.

    >>> shop = ["CREATE TABLE t(a, b)", "INSERT INTO t VALUES (1, 'x'), (2, NULL)"]
    >>> batch = Batch(
    ...     ["SELECT a FROM t WHERE b IS NULL", "SELECT a FROM t"], gold_sql=["SELECT 2.0"] * 2, database=[shop] * 2
    ... )
    >>> SQLExecution().score(batch).values.tolist()
    [1.0, 0.0]
    """

    gold: str = column("gold_sql", expects="the gold query")
    tolerance: float = field(default=1e-9, kw_only=True)
    empty_matches: bool = field(default=True, kw_only=True)

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        found, notes = self.queries(batch)
        databases = self.databases(batch)
        golds = [next(iter(reference_texts(value)), "") for value in self.read(batch, self.gold)]
        values = np.zeros(len(batch))
        rows: list[tuple[int, Database]] = []
        for i, (database, gold) in enumerate(zip(databases, golds, strict=True)):
            if database is None:
                values[i], notes[i] = np.nan, self.no_database(batch[self.database][i])
            elif not gold:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {self.gold}")
            elif notes[i] is None and self.selects(found[i]):
                rows.append((i, database))
        jobs = list(dict.fromkeys((database, sql) for i, database in rows for sql in (golds[i], found[i])))
        results = dict(zip(jobs, self.run(jobs), strict=True))
        judged: dict[tuple[Database, str, str], tuple[float, Note]] = {}
        for i, database in rows:
            key = (database, golds[i], found[i])
            if key not in judged:
                judged[key] = self._judged(*key[1:], results[database, golds[i]], results[database, found[i]])
            values[i], notes[i] = judged[key]
        return Scores(values, notes={"": tuple(notes)})

    def _judged(self, gold_sql: str, sql: str, gold: QueryResult, result: QueryResult) -> tuple[float, Note]:
        if gold.status is Status.BROKEN or result.status is Status.BROKEN:
            return np.nan, _ended(gold if gold.status is Status.BROKEN else result, sql)
        if self.official:
            matched = gold.ok and result.ok and bool(gold.rows and result.rows)
            matched = matched and same_result(gold.rows, result.rows, compare="set", tolerance=0.0)
            return float(matched), _ended(result, sql)
        if not gold.ok:
            outcome = Outcome.TIMED_OUT if gold.status is Status.OVERRAN else Outcome.MISSING_DATA
            return np.nan, Note(outcome, f"the gold query: {gold.message}")
        if gold.more:
            return np.nan, Note(Outcome.INSTRUMENT_ERROR, f"the gold query gives more than {len(gold.rows)} rows")
        matched = result.ok and not result.more and result.width == gold.width
        if matched and not gold.rows and not result.rows:
            return float(self.empty_matches), Note(message="both results are empty", answer=sql)
        compare: Literal["rows", "ordered"] = "ordered" if has_outer_order(gold_sql) else "rows"
        matched = matched and same_result(gold.rows, result.rows, compare=compare, tolerance=self.tolerance)
        return float(matched), _ended(result, sql)

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


def _ended(result: QueryResult, sql: str) -> Note:
    """What a statement came to, as a note."""
    if result.status is Status.BROKEN:
        return Note(Outcome.INSTRUMENT_ERROR, result.message)
    return Note(Outcome.SCORED if result.ok else Outcome.MALFORMED, result.message, sql)
