"""Rewards on SQL: what is the policy's fault, what the instrument's, and what cannot be gamed."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, Outcome, Reward, Scores
from guerdon.errors import MissingExtra, UserError
from guerdon.models import sql_parser
from guerdon.models.database import Database
from guerdon.rewards import SchemaLinking, SQLExecution, SQLNgram, SQLQuery, SQLSyntax

SHOP = [
    "CREATE TABLE users(id INTEGER, name TEXT, age INTEGER, city TEXT)",
    "INSERT INTO users VALUES (1, 'Ann', 34, 'Rome'), (2, 'Bob', 19, 'Oslo'), (3, 'Cy', 51, 'Rome'), (4, 'Di', NULL, 'Bonn')",
    "CREATE TABLE orders(id INTEGER, uid INTEGER, total REAL)",
    "INSERT INTO orders VALUES (1, 1, 10.0), (2, 1, 5.5), (3, 3, 99.0)",
    "CREATE TABLE void(x INTEGER)",
]
CROSS = ", ".join(f"users u{i}" for i in range(30))


def scores(reward: Reward, *completions: str, gold: Any = "SELECT name FROM users", database: Any = SHOP) -> Scores:
    size = len(completions)
    return reward.score(Batch(completions, gold_sql=[gold] * size, database=[database] * size))


def values(reward: Reward, *completions: str, **columns: Any) -> list[float]:
    return scores(reward, *completions, **columns).values.tolist()


def outcome(result: Scores, part: str, i: int = 0) -> Outcome | None:
    note = result.notes[part][i]
    return None if note is None else note.outcome


# -- execution --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gold", "sql", "expected"),
    [
        ("SELECT name FROM users WHERE city = 'Rome'", "SELECT name FROM users WHERE city LIKE 'Rom%'", 1),
        ("SELECT name FROM users", "SELECT name FROM users ORDER BY age DESC", 1),
        ("SELECT name FROM users ORDER BY name", "SELECT name FROM users ORDER BY name DESC", 0),
        ("SELECT name FROM users ORDER BY name", "SELECT name FROM users ORDER BY id", 1),
        ("SELECT * FROM (SELECT name FROM users ORDER BY name)", "SELECT name FROM users ORDER BY name DESC", 1),
        ("SELECT name, age FROM users", "SELECT age, name FROM users", 0),
        ("SELECT name AS a FROM users", "SELECT name AS b FROM users", 1),
        ("SELECT age FROM users", "SELECT age FROM users", 1),
        ("SELECT age FROM users", "SELECT coalesce(age, 0) FROM users", 0),
        ("SELECT DISTINCT uid FROM orders", "SELECT uid FROM orders", 0),
        ("SELECT 2", "SELECT 2.0", 1),
        ("SELECT 2", "SELECT '2'", 0),
        ("SELECT 0.3", "SELECT 0.1 + 0.2", 1),
        ("SELECT x FROM void", "SELECT name FROM users WHERE 0", 1),
        ("SELECT x FROM void", "SELECT name, id FROM users WHERE 0", 0),
        ("SELECT x FROM void", "SELECT NULL", 0),
        (
            "SELECT name FROM users",
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
            0,
        ),
    ],
)
def test_execution(gold: str, sql: str, expected: float) -> None:
    assert values(SQLExecution(), sql, gold=gold) == [expected]


def test_the_last_query_of_the_visible_text_counts() -> None:
    right, wrong = "```sql\nSELECT name FROM users\n```", "```sql\nSELECT id FROM users\n```"
    completions = [
        f"{wrong} no: {right}",
        f"{right} no: {wrong}",
        f"<think>{right}</think>{wrong}",
        f"<think>{wrong}</think>{right}",
    ]
    assert values(SQLExecution(), *completions) == [1, 0, 0, 1]


def test_empty_results_may_be_told_not_to_match() -> None:
    assert values(SQLExecution(empty_matches=False), "SELECT x FROM void", gold="SELECT x FROM void") == [0]


def test_the_policys_fault_is_a_zero() -> None:
    reward = SQLExecution(seconds=0.2)
    result = scores(
        reward,
        *(
            "",
            "no idea",
            "SELECT nam FROM users",
            "SELECT name FROM users; SELECT 1",
            "DELETE FROM users",
            "EXPLAIN SELECT 1",
        ),
        *(
            f"SELECT count(*) FROM {CROSS}",
            "SELECT hex(zeroblob(900000000))",
            "SELECT " + "a," * 20_000 + "a FROM users",
        ),
    )
    assert result.values.tolist() == [0] * 9
    assert outcome(result, "sql_execution") is Outcome.EMPTY
    assert {outcome(result, "sql_execution", i) for i in range(1, 9)} == {Outcome.MALFORMED}
    assert "0.2 s" in result.note(6), "a statement over its budget is named as such"


def test_the_instruments_fault_is_nan(tmp_path: Path) -> None:
    reward = SQLExecution(seconds=0.2)
    for columns, expected in [
        ({"gold": None}, Outcome.MISSING_DATA),
        ({"gold": " "}, Outcome.MISSING_DATA),
        ({"database": None}, Outcome.MISSING_DATA),
        ({"database": "nowhere.sqlite"}, Outcome.MISSING_DATA),
        ({"database": ["CREATE TABLE ("]}, Outcome.INSTRUMENT_ERROR),
        ({"database": Database(str(tmp_path / "gone.sqlite"))}, Outcome.INSTRUMENT_ERROR),
        ({"gold": "SELECT nam FROM users"}, Outcome.MISSING_DATA),
        ({"gold": f"SELECT count(*) FROM {CROSS}"}, Outcome.TIMED_OUT),
        ({"gold": f"SELECT u0.id FROM {CROSS}"}, Outcome.INSTRUMENT_ERROR),
    ]:
        result = scores(reward, "SELECT name FROM users", **columns)
        assert np.isnan(result.values).all() and outcome(result, "sql_execution") is expected, columns


def test_official_execution() -> None:
    official = SQLExecution(variant="official")

    def value(sql: str, gold: str = "SELECT name FROM users", database: Any = SHOP) -> float:
        return values(official, f"```sql\n{sql}\n```", gold=gold, database=database)[0]

    assert value("SELECT name FROM users ORDER BY age", "SELECT name FROM users ORDER BY name") == 1, "order is ignored"
    assert value("SELECT uid FROM orders", "SELECT DISTINCT uid FROM orders") == 1, "duplicates are ignored"
    assert value("SELECT x FROM void", "SELECT x FROM void") == 0, "empty results are never right"
    assert value("select name from users") == 0, "upper-case SELECT is required"
    assert value('SELECT name FROM users WHERE city = "Rome"', "SELECT name FROM users WHERE city='Rome'") == 1
    assert value("SELECT 0.1 + 0.2", "SELECT 0.3") == 0, "no tolerance"
    assert value("SELECT name FROM users", "SELECT nam FROM users") == 0, "a gold query that fails scores 0"
    assert values(official, "```SQL\nSELECT name FROM users\n```") == [0], "only a lower-case fence is one"


# -- running ----------------------------------------------------------------------------------------------------------


def test_syntax() -> None:
    completions = [
        "SELECT name FROM users",
        "select nam from users",
        "VALUES (1)",
        "PRAGMA user_version",
        "DROP TABLE users",
        "",
        "a b",
    ]
    assert values(SQLSyntax(), *completions) == [1, 0, 1, 0, 0, 0, 0]
    assert np.isnan(values(SQLSyntax(), "SELECT 1", database=None)).all()
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
    assert values(SQLSyntax(), endless) == [1], "more rows than are fetched is no fault"


def test_official_syntax() -> None:
    official = SQLSyntax(variant="official")
    completions = [
        "select name from users",
        "```sql\nSELECT name\nFROM users\n```",
        "SELECT nam FROM users",
        "no idea",
        "DELETE FROM users",
    ]
    assert values(official, *completions) == [1, 1, 0, 0, 0]


def test_execution_and_syntax_run_a_statement_once() -> None:
    completions = ["SELECT name, 1 FROM users"] * 8
    result = scores(SQLExecution() + SQLSyntax(), *completions, gold="SELECT name, 1.0 FROM users")
    assert result.values.tolist() == [2.0] * 8
    counters = result.report.counters
    assert sum(part.get("queries", 0) for part in counters.values()) <= 2, "the gold query and one statement"


# -- names and wording ------------------------------------------------------------------------------------------------


def test_schema_linking() -> None:
    gold = "SELECT T1.name FROM users AS T1 JOIN orders AS T2 ON T1.id = T2.uid"
    same = "SELECT users.name FROM users, orders WHERE users.id = orders.uid"
    assert values(SchemaLinking(), same, same.lower(), same.upper(), gold=gold) == [1, 1, 1]
    assert values(SchemaLinking(), "SELECT name FROM users WHERE id = 3", gold=gold) == [pytest.approx(3 / 5)]
    assert values(SchemaLinking(), "SELEC name", "name FROM users", "", gold=gold) == [0, 0, 0]
    everything = "SELECT name, id, uid, total, age, city FROM users, orders, void"
    assert values(SchemaLinking(), everything, gold=gold) == [1.0]
    assert values(SchemaLinking(measure="precision"), everything, gold=gold) == [pytest.approx(5 / 9)]
    assert values(SchemaLinking(measure="f1"), everything, gold=gold) == [pytest.approx(10 / 14)]
    for unusable in ("SELECT 1", "SELEC ((", None):
        result = scores(SchemaLinking(), same, gold=unusable)
        assert np.isnan(result.values).all() and outcome(result, "schema_linking") is Outcome.MISSING_DATA
    with pytest.raises(UserError, match="measure"):
        SchemaLinking(measure="dice")  # type: ignore[arg-type]


def test_official_schema_linking() -> None:
    official = SchemaLinking(variant="official")
    assert values(official, "select name from users", "SELECT Name FROM Users", gold="SELECT name FROM users") == [0, 0]
    assert values(official, "SELECT 1", gold="SELECT 1") == [0] and values(official, "SELECT 1", gold="SELEC ((") == [0]


def test_wording() -> None:
    gold = "SELECT u.name AS n FROM users AS u WHERE u.age > 30"
    renamed = "SELECT x.name FROM users x WHERE x.age > 30"
    assert values(SQLNgram(), gold, renamed, renamed.lower(), gold=gold) == [1, 1, 1]
    assert 0 < values(SQLNgram(), renamed.replace("30", "31"), gold=gold)[0] < 1, "literals count"
    assert values(SQLNgram(n=1), "SELECT name FROM users", gold="SELECT id FROM users") == [pytest.approx(3 / 5)]
    nested = "SELECT {0}.name FROM (SELECT name FROM users) AS {0}"
    assert values(SQLNgram(), nested.format("a"), gold=nested.format("b")) == [1]
    assert values(SQLNgram(variant="official"), nested.format("a"), gold=nested.format("b"))[0] < 1
    with pytest.raises(UserError, match="n=0"):
        SQLNgram(n=0)


@given(st.sampled_from(["t1", "x", "long_alias", "Ä"]), st.sampled_from(["b", "T9", "o"]), st.integers(0, 99))
def test_renaming_aliases_changes_neither_names_nor_wording(first: str, second: str, literal: int) -> None:
    template = "SELECT {0}.name, SUM({1}.total) AS s FROM users {0} JOIN orders AS {1} ON {0}.id = {1}.uid WHERE {1}.total > {2}"
    gold, renamed = template.format("g", "h", 5), template.format(first, second, 5)
    changed = template.format(first, second, literal + 6)
    assert values(SchemaLinking(), renamed, changed, gold=gold) == [1, 1]
    wording = values(SQLNgram(), renamed, changed, gold=gold)
    assert wording[0] == 1 and wording[1] < 1


def test_a_parser_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_parser, "SECONDS", 0.5)
    endless = "SELECT a FROM b " + "JOIN b " * 40
    result = scores(SchemaLinking(), endless, "SELECT name FROM users")
    assert result.values.tolist() == [0, 1] and outcome(result, "schema_linking") is Outcome.MALFORMED


def test_without_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_parser, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="sqlglot"):
        scores(SchemaLinking(), "SELECT name FROM users")


# -- common -----------------------------------------------------------------------------------------------------------


def test_queries() -> None:
    completions = [
        "SELECT 1",
        "```\nselect 1\n```",
        "Select the names, please",
        "no",
        "DELETE FROM t",
        "SELECT 1; SELECT 2",
    ]
    assert values(SQLQuery(), *completions) == [1, 1, 1, 0, 0, 0]
    assert values(SQLQuery(variant="official"), *completions) == [1, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("reward", [SQLExecution, SQLSyntax, SchemaLinking, SQLNgram, SQLQuery])
def test_arguments(reward: type[Reward]) -> None:
    with pytest.raises(UserError, match="variant"):
        reward(variant="strict")  # type: ignore[call-arg]
    if reward in (SQLExecution, SQLSyntax):
        for wrong in ({"engine": "oracle"}, {"seconds": 0}):
            with pytest.raises(UserError):
                reward(**wrong)  # type: ignore[arg-type]


def test_databases_by_name(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    path = tmp_path / "shop" / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(";".join(SHOP))
    connection.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    reward = SQLExecution(database="db_id", root=str(tmp_path))
    hostile = ["SELECT name FROM users", "DROP TABLE users", "PRAGMA journal_mode=WAL", f"ATTACH '{tmp_path}/x' AS x"]
    batch = Batch(hostile, gold_sql=["SELECT name FROM users"] * 4, db_id=["shop", "shop", "shop", "../shop"])
    assert np.array_equal(reward.score(batch).values, [1, 0, 0, np.nan], equal_nan=True)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [p.name for p in (tmp_path / "shop").iterdir()] == ["shop.sqlite"]


def test_duckdb() -> None:
    pytest.importorskip("duckdb")
    reward = SQLExecution(engine="duckdb")
    assert values(
        reward, "FROM users SELECT name", "SELECT name FROM read_csv('/etc/passwd')", "SELECT name FROM users LIMIT 1"
    ) == [1, 0, 0]


@given(
    st.lists(
        st.sampled_from(
            [
                "SELECT",
                "name",
                "FROM",
                "users",
                ";",
                "(",
                ")",
                "'",
                "--",
                "*",
                "```sql\n",
                "```",
                "<answer>",
                "\0",
                "\n",
            ]
        ),
        max_size=12,
    )
)
def test_any_words(words: list[str]) -> None:
    text = " ".join(words)
    for reward in (SQLQuery(), SQLSyntax(), SQLExecution(), SchemaLinking(), SQLNgram()):
        for variant in ("default", "official"):
            [value] = values(type(reward)(variant=variant), text)  # type: ignore[call-arg]
            assert 0.0 <= value <= 1.0
