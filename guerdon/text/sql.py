"""SQL read as words, without a parser: statements, outer order, a normal form, a description in plain words. All linear."""

from __future__ import annotations

import re
from itertools import pairwise

# A quotation or comment that is never closed runs to the end of the text, so that no character is read twice.
_TOKEN = re.compile(
    r"--[^\n]*+|/\*(?s:.*?)(?:\*/|\Z)"
    r"|'(?:[^']|'')*+(?:'|\Z)|\"(?:[^\"]|\"\")*+(?:\"|\Z)|`[^`]*+(?:`|\Z)|\[[\w ]*+\]"
    r"|\d[\w.]*+(?:(?<=[eE])[+-]\d++)?|\w++|<>|[<>=!]=|\|\||::|\S"
)
_ESCAPED_QUOTE = re.compile(r"(?<!\\)\\++(['\"])")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")

QUERY_KEYWORDS = frozenset({"SELECT", "WITH", "VALUES", "FROM"})

_SAID = {
    "select": "show",
    "count": "number of",
    "avg": "average",
    "sum": "total",
    "max": "highest",
    "min": "lowest",
    "group": "for each",
    "order": "sorted",
    "desc": "descending",
    "asc": "ascending",
    "limit": "first",
    "having": "where",
    "distinct": "different",
    "join": "with",
    "like": "like",
    "between": "between",
    "exists": "there is",
    "union": "together with",
    "except": "but not",
    "intersect": "that are also",
    "=": "is",
    "==": "is",
    "!=": "is not",
    "<>": "is not",
    ">": "more than",
    "<": "less than",
    ">=": "at least",
    "<=": "at most",
    "*": "all",
}
_SILENT = frozenset("as on using inner left right full outer cross natural by case when then else end cast".split())
_JOINED = frozenset({"on", "using"})
_CLAUSES = frozenset("where group order having limit union except intersect join select".split())


def sql_tokens(sql: str) -> list[str]:
    """The tokens of an SQL text: words, numbers, quotations with their quotes, operators; comments are left out.

    >>> sql_tokens("SELECT a -- note\\nFROM t WHERE b>='x''y'")
    ['SELECT', 'a', 'FROM', 't', 'WHERE', 'b', '>=', "'x''y'"]
    """
    return [token for token in _TOKEN.findall(sql) if not token.startswith(("--", "/*"))]


def count_statements(sql: str) -> int:
    """How many statements the text holds; empty ones are not counted.

    >>> count_statements("SELECT 1; -- and\\n"), count_statements("SELECT ';'; DROP TABLE t")
    (1, 2)
    """
    tokens = [";", *sql_tokens(sql)]
    return sum(before == ";" != after for before, after in pairwise(tokens))


def first_keyword(sql: str) -> str:
    """The word a text starts with, in upper case; opening brackets and comments before it are skipped, "" if there is none.

    >>> first_keyword("/* hi */ (select 1)")
    'SELECT'
    """
    for token in _TOKEN.finditer(sql):
        text = token.group()
        if not text.startswith(("--", "/*")) and text not in ("(", ";"):
            return text.upper()
    return ""


def is_query(sql: str) -> bool:
    """Whether the text is one statement that can only read: it starts with SELECT, WITH, VALUES or FROM.

    >>> is_query("WITH a AS (SELECT 1) SELECT * FROM a;"), is_query("SELECT 1; DROP TABLE t"), is_query("I do not know")
    (True, False, False)
    """
    return first_keyword(sql) in QUERY_KEYWORDS and count_statements(sql) == 1


def has_outer_order(sql: str) -> bool:
    """Whether the result as a whole is ordered: an ORDER BY that stands in no bracket.

    >>> has_outer_order("SELECT a FROM t ORDER BY a"), has_outer_order("SELECT rank() OVER (ORDER BY a) FROM t")
    (True, False)
    """
    depth, before = 0, ""
    for token in sql_tokens(sql):
        depth += (token == "(") - (token == ")")
        if depth == 0 and before == "order" and token.lower() == "by":
            return True
        before = token.lower()
    return False


def normalize_sql(sql: str) -> str:
    """A form equal for queries written alike: no comments, one space between tokens, words in lower case, no last semicolon.

    >>> normalize_sql("SELECT  Name FROM t;") == normalize_sql("select name\\nfrom t")
    True
    """
    tokens = [token if token.startswith("'") else token.lower() for token in sql_tokens(sql)]
    while tokens and tokens[-1] == ";":
        tokens.pop()
    return " ".join(tokens)


def requote_sql(sql: str) -> str:
    """Reasoning-SQL's cleaning before execution: line breaks become spaces, double quotes single ones, escaped quotes plain ones.

    It breaks quoted identifiers and everything after a ``--`` comment; for parity only.

    >>> requote_sql('SELECT a\\nFROM t WHERE b="x"')
    "SELECT a FROM t WHERE b='x'"
    """
    return _ESCAPED_QUOTE.sub(r"\1", sql.replace("\n", " ").replace('"', "'"))


def describe_sql(sql: str) -> str:
    """A query in plain words, for encoders that know no SQL: keywords said, identifiers split, aliases and join keys left out.

    Our own template; no paper gives one.

    >>> describe_sql("SELECT COUNT(T1.shipCity) FROM user_orders AS T1 WHERE T1.total >= 5")
    'show number of ship city from user orders where total at least 5'
    """
    tokens = sql_tokens(sql)
    said: list[str] = []
    joining = False
    for i, token in enumerate(tokens):
        word = token.lower()
        before = tokens[i - 1].lower() if i else ""
        after = tokens[i + 1] if i + 1 < len(tokens) else ""
        if word in _CLAUSES:
            joining = False
        if word in _JOINED:
            joining = True
        # What stands before a dot names a table or its alias, what follows AS a new name.
        if joining or after == "." or before == "as":
            continue
        if word in _SAID:
            said.append(_SAID[word])
        elif word not in _SILENT and (token[0].isalnum() or token[0] in "_'\"`["):
            said.extend(part.lower() for part in _WORDS.findall(token))
    return " ".join(said)
