"""Rewards on the SQL of a completion: that there is a query, that it runs, what it returns, what it names, how it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.database import ENGINES, Database, QueryResult, Status, find_database, run_queries
from guerdon.models.sql_parser import Profile, profile_sql
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.result_sets import same_result
from guerdon.rewards.textual import Textual, reference_texts
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.text.code import extract_sql
from guerdon.text.sql import has_outer_order, is_query, requote_sql
from guerdon.text.sql_syntax import SQLProfile, sql_words, words_jaccard

Variant = Literal["default", "official"]
Measure = Literal["recall", "precision", "f1"]

LONGEST = 20_000  # characters of a statement
MOST_ROWS = {"default": 10_000, "official": 5_000}

NO_QUERY = Note(Outcome.MALFORMED, "states no single SQL query")
TOO_LONG = Note(Outcome.MALFORMED, f"the SQL is longer than {LONGEST} characters")


@dataclass(frozen=True, repr=False)
class SQLReward(Textual):
    """A reward on the SQL of a completion, see :func:`guerdon.text.code.extract_sql`.

    A completion without exactly one query (SELECT, WITH, VALUES), or with one of more than 20,000 characters, gets the lowest
    value, noted ``malformed``. ``variant="official"`` reads as the released code of Reasoning-SQL: the last "```sql" block, or all
    of the text, whatever it is.
    """

    of: str = field(default="whole", kw_only=True)
    variant: Variant = field(default="default", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in MOST_ROWS:
            raise UserError(f"variant={self.variant!r} is unknown; choices: {', '.join(MOST_ROWS)}")

    @property
    def official(self) -> bool:
        """Whether the released code is followed."""
        return self.variant == "official"

    def queries(self, batch: Batch) -> tuple[list[str], list[Note | None]]:
        """The SQL of each completion, and a note where it cannot be used."""
        return batch.cached(("sql", self.of, self.variant), lambda: self._queries(batch))

    def _queries(self, batch: Batch) -> tuple[list[str], list[Note | None]]:
        texts, notes = self.legible(batch)
        found = [extract_sql(text, variant=self.variant) for text in texts]
        for i, sql in enumerate(found):
            if len(sql) > LONGEST:
                notes[i] = TOO_LONG
            elif self.official:
                notes[i] = None
            elif notes[i] is None and not is_query(sql):
                notes[i] = NO_QUERY
        return found, notes

    def selects(self, sql: str) -> bool:
        """Whether the released code takes the text for a query: it holds SELECT in upper case."""
        return not self.official or "SELECT" in sql


@register("reward")
@dataclass(frozen=True, repr=False)
class SQLQuery(SQLReward):
    """Whether the completion states one SQL query: 1 or 0.

    One statement that starts with SELECT, WITH or VALUES; whether it is valid is not asked. ``variant="official"``: the upper-case
    word SELECT occurs. Range [0, 1]. Reads no column; never NaN.

    Source: Pourreza et al. 2025, Reasoning-SQL (arXiv 2503.23157), released code.

    >>> SQLQuery().score(Batch(["```sql\\nSELECT 1\\n```", "I do not know.", "SELECT 1; DROP TABLE t"])).values.tolist()
    [1.0, 0.0, 0.0]
    """

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        found, notes = self.queries(batch)
        values = np.array([note is None and self.selects(sql) for sql, note in zip(found, notes, strict=True)], dtype=np.float64)
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, _HACKS)


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
                values[i], notes = np.nan, _noted(notes, i, self.no_database(batch[self.database][i]))
            elif note is None:
                jobs.append((i, database))
        results = self.run([(database, found[i]) for i, database in jobs], 1 if self.official else None)
        for (i, _), result in zip(jobs, results, strict=True):
            values[i] = np.nan if result.status is Status.BROKEN else float(result.ok)
            notes = _noted(notes, i, _ended(result, found[i]))
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, _HACKS)


@register("reward")
@dataclass(frozen=True, repr=False)
class SQLExecution(Executed):
    """Whether the query returns what the gold query returns: 1 or 0.

    The same rows, each as often, columns by position; in the same order if the gold query ends in ORDER BY. NULL equals NULL, 2
    equals 2.0, numbers are equal within ``tolerance`` (relative). Two empty results of one width are equal unless
    ``empty_matches=False``. ``variant="official"``: the sets of the first 5,000 rows, exactly; empty results never match; SQL
    without the upper-case word SELECT scores 0; quotes are rewritten; a gold query that fails scores 0.

    Range [0, 1]. Columns ``gold_sql``, ``database``. A query that the engine refuses, or that runs out of its time or memory, scores
    0 with a note: it is the policy's. NaN with ``missing_data`` without a gold query or database or where the gold query fails,
    ``timed_out`` where that runs out of time, ``instrument_error`` where its result has more than 10,000 rows, the database cannot
    be read or the worker dies.

    Source: Pourreza et al. 2025, Reasoning-SQL (arXiv 2503.23157), released code; the multiset comparison is ours.

    >>> shop = ["CREATE TABLE t(a, b)", "INSERT INTO t VALUES (1, 'x'), (2, NULL)"]
    >>> batch = Batch(["SELECT a FROM t WHERE b IS NULL", "SELECT a FROM t"], gold_sql=["SELECT 2.0"] * 2, database=[shop] * 2)
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
                values[i], notes = np.nan, _noted(notes, i, self.no_database(batch[self.database][i]))
            elif not gold:
                values[i], notes = np.nan, _noted(notes, i, Note(Outcome.MISSING_DATA, f"no {self.gold}"))
            elif notes[i] is None and self.selects(found[i]):
                rows.append((i, database))
        jobs = list(dict.fromkeys((database, sql) for i, database in rows for sql in (golds[i], found[i])))
        results = dict(zip(jobs, self.run(jobs), strict=True))
        judged: dict[tuple[Database, str, str], tuple[float, Note]] = {}
        for i, database in rows:
            key = (database, golds[i], found[i])
            if key not in judged:
                judged[key] = self._judged(*key[1:], results[database, golds[i]], results[database, found[i]])
            values[i], note = judged[key]
            notes = _noted(notes, i, note)
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
        return Example(_HONEST, _HACKS)


@dataclass(frozen=True, repr=False)
class Parsed(SQLReward):
    """A reward that compares the parsed query with the parsed gold query. Needs sqlglot; ``dialect`` is one of its names."""

    gold: str = column("gold_sql", expects="the gold query")
    dialect: str = field(default="sqlite", kw_only=True)

    bounds = (0.0, 1.0)
    heavy = True

    def _score(self, batch: Batch) -> Scores:
        found, notes = self.queries(batch)
        golds = [next(iter(reference_texts(value)), "") for value in self.read(batch, self.gold)]
        values = np.zeros(len(batch))
        rows: list[int] = []
        for i, gold in enumerate(golds):
            if not gold or len(gold) > LONGEST:
                values[i], notes = np.nan, _noted(notes, i, Note(Outcome.MISSING_DATA, f"no usable {self.gold}"))
            elif notes[i] is None:
                rows.append(i)
        texts = list(dict.fromkeys(sql for i in rows for sql in (golds[i], found[i])))
        profiles = dict(zip(texts, profile_sql(texts, self.dialect) if texts else [], strict=True))
        for i in rows:
            gold_profile, profile = profiles[golds[i]], profiles[found[i]]
            broken = next((said for said in (gold_profile, profile) if isinstance(said, str)), None)
            if broken is not None:
                values[i], note = np.nan, Note(Outcome.INSTRUMENT_ERROR, broken)
            else:
                values[i], note = self._compared(golds[i], found[i], gold_profile, profile)
            notes = _noted(notes, i, note)
        return Scores(values, notes={"": tuple(notes)})

    def _compared(self, gold_sql: str, sql: str, gold: Profile, profile: Profile) -> tuple[float, Note]:
        raise TypeError(f"{type(self).__name__} has no _compared; write it")


@register("reward")
@dataclass(frozen=True, repr=False)
class SchemaLinking(Parsed):
    """Share of the gold query's tables and columns that the query names: |S* and S| / |S*|.

    S holds the plain names of tables and columns, aliases resolved, any case; names of common table expressions, and select aliases
    used later, count. ``measure="precision"`` divides by |S|, ``"f1"`` is the harmonic mean of both, which recall alone lacks: it
    pays for naming everything. ``variant="official"``: names are compared with their case, and SQL without the upper-case word
    SELECT, or a gold query that does not parse or names nothing, scores 0.

    Range [0, 1]. Column ``gold_sql``. A query that does not parse scores 0. NaN with ``missing_data`` where the gold query is
    missing, does not parse or names nothing.

    Source: Pourreza et al. 2025, Reasoning-SQL (arXiv 2503.23157), released code.

    >>> batch = Batch(["SELECT u.name FROM users u"], gold_sql=["SELECT name FROM users WHERE age > 3"])
    >>> SchemaLinking().score(batch).values.round(3).tolist()
    [0.667]
    """

    measure: Measure = field(default="recall", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.measure not in ("recall", "precision", "f1"):
            raise UserError(f"measure={self.measure!r} is unknown; choices: recall, precision, f1")

    def _compared(self, gold_sql: str, sql: str, gold: Profile, profile: Profile) -> tuple[float, Note]:
        wanted = self._items(gold)
        if not wanted and not self.official:
            return np.nan, Note(Outcome.MISSING_DATA, f"{self.gold} does not parse or names no table or column")
        named = self._items(profile)
        if not isinstance(profile, SQLProfile) or not (self.official or profile.query):
            return 0.0, Note(Outcome.MALFORMED, "the query does not parse", sql)
        if not wanted or not self.selects(sql):
            return 0.0, Note(answer=sql)
        return overlap(wanted, named, self.measure), Note(answer=sql)

    def _items(self, profile: Profile) -> frozenset[str]:
        items = profile.schema_items if isinstance(profile, SQLProfile) else frozenset()
        return items if self.official else frozenset(name.lower() for name in items)

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, _HACKS)


def overlap(wanted: frozenset[str], named: frozenset[str], measure: Measure = "recall") -> float:
    """|wanted and named| over |wanted| (recall), |named| (precision), or their harmonic mean (f1); 0 where the divisor is.

    >>> overlap(frozenset("ab"), frozenset("abcd")), overlap(frozenset("ab"), frozenset("abcd"), "precision")
    (1.0, 0.5)
    """
    size = {"recall": len(wanted), "precision": len(named), "f1": (len(wanted) + len(named)) / 2}[measure]
    return len(wanted & named) / size if size else 0.0


@register("reward")
@dataclass(frozen=True, repr=False)
class SQLNgram(Parsed):
    """How alike the query and the gold query are written: Jaccard index of their sets of word n-grams.

    Both are written anew by the parser, in lower case, without aliases and the word "as", so that renaming an alias changes nothing
    while names and literals count; a text that does not parse is taken as it is. 0 where neither has an n-gram.
    ``variant="official"``: aliases of subqueries stay.

    Range [0, 1]. Column ``gold_sql``. NaN without a gold query.

    Source: Pourreza et al. 2025, Reasoning-SQL (arXiv 2503.23157), released code, n = 2.

    >>> batch = Batch(["SELECT T1.a FROM t AS T1 WHERE T1.b = 2"], gold_sql=["SELECT a FROM t WHERE b = 1"])
    >>> SQLNgram().score(batch).values.round(3).tolist()
    [0.4]
    """

    n: int = field(default=2, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n < 1:
            raise UserError(f"n={self.n!r} must be at least 1")

    def _compared(self, gold_sql: str, sql: str, gold: Profile, profile: Profile) -> tuple[float, Note]:
        sides = ((gold_sql, gold), (sql, profile))
        words = [
            sql_words(text, side if isinstance(side, SQLProfile) else None, derived=not self.official) for text, side in sides
        ]
        outcome = Outcome.SCORED if isinstance(profile, SQLProfile) else Outcome.MALFORMED
        return words_jaccard(*words, n=self.n), Note(outcome, "" if profile else "the query does not parse", sql)

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, _HACKS)


def _noted(notes: list[Note | None], i: int, note: Note) -> list[Note | None]:
    """The notes with one changed; they are shared between rewards and stay as they are."""
    return [*notes[:i], note, *notes[i + 1 :]]


def _ended(result: QueryResult, sql: str) -> Note:
    """What a statement came to, as a note."""
    if result.status is Status.BROKEN:
        return Note(Outcome.INSTRUMENT_ERROR, result.message)
    return Note(Outcome.SCORED if result.ok else Outcome.MALFORMED, result.message, sql)


_SHOP = (
    "CREATE TABLE users(id INTEGER, name TEXT, city TEXT)",
    "INSERT INTO users VALUES (1, 'Ann', 'Rome'), (2, 'Bob', 'Oslo'), (3, 'Cy', 'Rome')",
)
_HONEST = Batch(
    ["Those in Rome:\n```sql\nSELECT name FROM users WHERE city = 'Rome'\n```", "```sql\nSELECT count(*) FROM users\n```"],
    ["Who lives in Rome?", "How many users are there?"],
    gold_sql=["SELECT u.name FROM users AS u WHERE u.city = 'Rome'", "SELECT count(*) FROM users"],
    database=[_SHOP, _SHOP],
)
_HACKS = {
    "empty": ["", ""],
    "question": ["Who lives in Rome?", "How many users are there?"],
    "everything": ["SELECT * FROM users", "SELECT * FROM users"],
    "several": ["SELECT name FROM users WHERE city = 'Rome'; SELECT 1", "SELECT 1; SELECT count(*) FROM users"],
    "keywords": ["SELECT FROM WHERE JOIN GROUP BY users name city", "SELECT count users"],
    "hidden in thought": ["<think>```sql\nSELECT name FROM users\n```</think>Rome", "<think>SELECT 3</think>three"],
    "writes": ["DELETE FROM users", "PRAGMA writable_schema = 1"],
}
