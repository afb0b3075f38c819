"""SQL as its parser sees it: the tables and columns it names, its aliases, its canonical text. Needs sqlglot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.text.ngrams import ngrams

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class SQLProfile:
    """What a parser finds in one statement.

    Attributes:
        query: whether the statement only reads.
        tables, columns: plain names as written; aliases resolved, names of common table expressions included.
        aliases: lower-case aliases of tables and of selected columns.
        derived: lower-case aliases of subqueries in FROM.
        text: the statement written anew by the parser.
    """

    query: bool
    tables: frozenset[str]
    columns: frozenset[str]
    aliases: frozenset[str]
    derived: frozenset[str]
    text: str

    @property
    def schema_items(self) -> frozenset[str]:
        """Names of tables and columns."""
        return self.tables | self.columns


def parse_sql(item: tuple[str, str]) -> tuple[Any, ...] | None:
    """The fields of an :class:`SQLProfile` as plain data for ``(sql, dialect)``; None where it is not one parseable statement.

    The parser's time is exponential in the length of some texts: run it on what a policy wrote where it can be stopped.

    >>> parse_sql(("SELECT a FROM t AS x", "sqlite"))
    (True, ['t'], ['a'], ['x'], [], 'SELECT a FROM t AS x')
    """
    from sqlglot import exp, parse
    from sqlglot.errors import SqlglotError

    sql, dialect = item
    try:
        statements = [statement for statement in parse(sql, read=dialect) if statement is not None]
        if len(statements) != 1:
            return None
        statement = statements[0]
        tables = list(statement.find_all(exp.Table))
        return (
            isinstance(statement, exp.Query),
            sorted({table.name for table in tables}),
            sorted({column.name for column in statement.find_all(exp.Column)}),
            sorted(_aliases([*tables, *statement.find_all(exp.Alias)])),
            sorted(_aliases(statement.find_all(exp.Subquery))),
            statement.sql(dialect=dialect),
        )
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, LookupError):
        return None


def _aliases(nodes: Any) -> set[str]:
    return {node.alias.lower() for node in nodes if node.alias}


def preload() -> None:
    """Import the parser and use it once, so that workers start with it."""
    parse_sql(("SELECT 1", "sqlite"))


def profile_from(parsed: Sequence[Any] | None) -> SQLProfile | None:
    """The profile that :func:`parse_sql` described."""
    if parsed is None:
        return None
    query, tables, columns, aliases, derived, text = parsed
    return SQLProfile(query, frozenset(tables), frozenset(columns), frozenset(aliases), frozenset(derived), text)


def sql_words(sql: str, profile: SQLProfile | None, *, derived: bool = True) -> list[str]:
    """The lower-case words of a statement without its aliases and without "as"; of the text itself where it has no profile.

    ``derived=False`` keeps the aliases of subqueries.

    >>> sql_words("SELECT u.a AS x FROM users u", profile_from(parse_sql(("SELECT u.a AS x FROM users u", "sqlite"))))
    ['select', 'a', 'from', 'users']
    """
    dropped = {"as"}
    if profile is not None:
        dropped |= profile.aliases | (profile.derived if derived else frozenset())
    return [word for word in _WORD.findall((sql if profile is None else profile.text).lower()) if word not in dropped]


def words_jaccard(first: Sequence[str], second: Sequence[str], n: int = 2) -> float:
    """Jaccard index of the sets of n-grams of two lists of words, in [0, 1]; 0 where neither has an n-gram.

    >>> words_jaccard(["select", "a"], ["select", "a"])
    1.0
    """
    a, b = set(ngrams(first, n)), set(ngrams(second, n))
    union = len(a | b)
    return len(a & b) / union if union else 0.0
