"""Rewards on the text of SQL: that there is a query, which tables and columns it names, how it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.sql_parser import Profile, profile_sql
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual, reference_texts
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.code import extract_sql
from guerdon.text.sql import is_query
from guerdon.text.sql_syntax import SQLProfile, sql_words, words_jaccard

Variant = Literal["default", "official"]
Measure = Literal["recall", "precision", "f1"]

LONGEST = 20_000  # characters of a statement
VARIANTS = ("default", "official")

NO_QUERY = Note(Outcome.MALFORMED, "states no single SQL query")
TOO_LONG = Note(Outcome.MALFORMED, f"the SQL is longer than {LONGEST} characters")

SHOP = (
    "CREATE TABLE users(id INTEGER, name TEXT, city TEXT)",
    "INSERT INTO users VALUES (1, 'Ann', 'Rome'), (2, 'Bob', 'Oslo'), (3, 'Cy', 'Rome')",
)
HONEST = Batch(
    [
        "Those in Rome:\n```sql\nSELECT name FROM users WHERE city = 'Rome'\n```",
        "```sql\nSELECT count(*) FROM users\n```",
    ],
    ["Who lives in Rome?", "How many users are there?"],
    gold_sql=["SELECT u.name FROM users AS u WHERE u.city = 'Rome'", "SELECT count(*) FROM users"],
    database=[SHOP, SHOP],
)
HACKS = {
    "empty": ["", ""],
    "question": ["Who lives in Rome?", "How many users are there?"],
    "everything": ["SELECT * FROM users", "SELECT * FROM users"],
    "several": ["SELECT name FROM users WHERE city = 'Rome'; SELECT 1", "SELECT 1; SELECT count(*) FROM users"],
    "keywords": ["SELECT FROM WHERE JOIN GROUP BY users name city", "SELECT count users"],
    "hidden in thought": ["<think>```sql\nSELECT name FROM users\n```</think>Rome", "<think>SELECT 3</think>three"],
    "writes": ["DELETE FROM users", "PRAGMA writable_schema = 1"],
}


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
        if self.variant not in VARIANTS:
            raise UserError(f"variant={self.variant!r} is unknown; choices: {', '.join(VARIANTS)}")

    @property
    def official(self) -> bool:
        """Whether the released code is followed."""
        return self.variant == "official"

    def queries(self, batch: Batch) -> tuple[list[str], list[Note | None]]:
        """The SQL of each completion, and a note where it cannot be used."""
        found, notes = batch.cached(("sql", self.of, self.variant), lambda: self._queries(batch))
        return found, list(notes)

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
        values = np.array(
            [note is None and self.selects(sql) for sql, note in zip(found, notes, strict=True)], dtype=np.float64
        )
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


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
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no usable {self.gold}")
            elif notes[i] is None:
                rows.append(i)
        texts = list(dict.fromkeys(sql for i in rows for sql in (golds[i], found[i])))
        profiles = dict(zip(texts, profile_sql(texts, self.dialect) if texts else [], strict=True))
        for i in rows:
            gold_profile, profile = profiles[golds[i]], profiles[found[i]]
            broken = next((said for said in (gold_profile, profile) if isinstance(said, str)), None)
            if broken is not None:
                values[i], notes[i] = np.nan, Note(Outcome.INSTRUMENT_ERROR, broken)
            else:
                values[i], notes[i] = self._compared(golds[i], found[i], gold_profile, profile)
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
        return Example(HONEST, HACKS)


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
    [0.714]
    """

    n: int = field(default=2, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n < 1:
            raise UserError(f"n={self.n!r} must be at least 1")

    def _compared(self, gold_sql: str, sql: str, gold: Profile, profile: Profile) -> tuple[float, Note]:
        wanted = sql_words(gold_sql, _parsed(gold), derived=not self.official)
        words = sql_words(sql, _parsed(profile), derived=not self.official)
        outcome = Outcome.SCORED if isinstance(profile, SQLProfile) else Outcome.MALFORMED
        return words_jaccard(wanted, words, self.n), Note(outcome, "" if profile else "the query does not parse", sql)

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


def _parsed(profile: Profile) -> SQLProfile | None:
    return profile if isinstance(profile, SQLProfile) else None
