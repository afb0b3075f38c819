"""SQL as words and as its parser sees it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.sql import (
    count_statements,
    describe_sql,
    first_keyword,
    has_outer_order,
    is_query,
    normalize_sql,
    requote_sql,
    sql_tokens,
)
from guerdon.text.sql_syntax import parse_sql, profile_from, sql_words, words_jaccard

PIECES = st.lists(
    st.sampled_from(
        [
            "SELECT",
            "from",
            "T1.a",
            "'it''s'",
            '"x y"',
            "`b`",
            "[c d]",
            "--",
            "\n",
            "/*",
            "*/",
            ";",
            "(",
            ")",
            ",",
            "1e-5",
            "ORDER BY",
        ]
    )
    | st.text(max_size=4),
    max_size=12,
).map(" ".join)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", True),
        ("  select 1 ; ", True),
        ("(SELECT 1)", True),
        ("WITH a AS (SELECT 1) SELECT * FROM a", True),
        ("VALUES (1)", True),
        ("-- SELECT 1", False),
        ("/* SELECT 1 */", False),
        ("/* x */ SELECT 1 -- ; DROP TABLE t", True),
        ("SELECT 1; DROP TABLE t", False),
        ("SELECT 1 /* ; */ ; DELETE FROM t", False),
        ("SELECT ';' FROM t", True),
        ("SELECT 'a''; DROP TABLE t; --'", True),
        ('SELECT ";" FROM t', True),
        ("DELETE FROM t", False),
        ("PRAGMA x", False),
        ("EXPLAIN SELECT 1", False),
        ("SELECTED", False),
        ("", False),
        ("I do not know", False),
    ],
)
def test_one_query(sql: str, expected: bool) -> None:
    assert is_query(sql) is expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order\n/* x */ by a limit 1", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT row_number() OVER (ORDER BY a) FROM t", False),
        ("SELECT 'x ORDER BY y' FROM t", False),
        ("SELECT a FROM t -- ORDER BY a", False),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", True),
        ("WITH c AS (SELECT a FROM t ORDER BY a) SELECT * FROM c", False),
        ('SELECT "order" FROM t', False),
    ],
)
def test_outer_order(sql: str, expected: bool) -> None:
    assert has_outer_order(sql) is expected


def test_statements_and_first_word() -> None:
    assert [count_statements(text) for text in ("", ";;", "a;b", "a;", "';'", "a;;b;")] == [0, 0, 2, 1, 1, 2]
    assert [first_keyword(text) for text in ("", "((", "; select", "--x\nwith")] == ["", "", "SELECT", "WITH"]


def test_normal_form() -> None:
    assert normalize_sql("SELECT A,b FROM T WHERE c='It''s' ;") == "select a , b from t where c = 'It''s'"
    assert normalize_sql("SELECT 'A'") != normalize_sql("SELECT 'a'"), "literals keep their case"
    assert normalize_sql("SELECT a--b\n FROM t") == "select a from t"


@given(PIECES)
def test_normal_form_is_stable_and_hides_layout(sql: str) -> None:
    normal = normalize_sql(sql)
    assert normalize_sql(normal) == normal
    assert normalize_sql(f"  {sql}") == normal
    assert len(sql_tokens(normal)) <= len(sql_tokens(sql))


def test_requoting() -> None:
    assert requote_sql('SELECT "a"\nFROM t') == "SELECT 'a' FROM t"
    assert requote_sql("x = \\'a\\\\'") == "x = 'a'", "backslashes before a quote go"
    assert requote_sql("a\\b") == "a\\b"


def test_description() -> None:
    said = describe_sql(
        "SELECT T1.shippingCity, AVG(o.total_price) FROM orders AS o JOIN t AS T1 ON o.id = T1.oid GROUP BY 1"
    )
    assert said == "show shipping city average total price from orders with t for each 1"
    assert describe_sql("") == "" and describe_sql("((,))") == ""
    assert describe_sql("SELECT 名前 FROM 顧客 WHERE 市 = '東京'") == "show 名前 from 顧客 where 市 is 東京"


@pytest.mark.parametrize("unit", ["'", '"', "[", "[a", "/*", "-", "\\", "(", "'\"", "`", "1e", "order by ", ";", "a "])
def test_hostile_text_is_read_in_linear_time(unit: str) -> None:
    text = unit * (100_000 // len(unit) + 1)
    for read in (is_query, has_outer_order, normalize_sql, requote_sql, describe_sql):
        read(text)


# -- with the parser --------------------------------------------------------------------------------------------------


def test_profile() -> None:
    sql = (
        "WITH top AS (SELECT uid, SUM(total) AS s FROM orders GROUP BY uid) "
        "SELECT U.name AS N FROM users U JOIN top ON U.id = top.uid JOIN (SELECT 1 AS one) d ORDER BY s"
    )
    profile = profile_from(parse_sql((sql, "sqlite")))
    assert profile is not None and profile.query
    assert profile.tables == {"orders", "users", "top"}, "names of common table expressions count"
    assert profile.columns == {"uid", "total", "name", "id", "s"}, "a select alias used later counts"
    assert profile.aliases == {"s", "n", "u", "one"} and profile.derived == {"d"}
    assert profile.schema_items == profile.tables | profile.columns


@pytest.mark.parametrize(
    "sql", ["", "SELEC ((", "SELECT 1; SELECT 2", "(" * 5000, "SELECT " + "(" * 400 + "1" + ")" * 400]
)
def test_no_profile(sql: str) -> None:
    assert parse_sql((sql, "sqlite")) is None


def test_words_without_aliases() -> None:
    def words(sql: str, *, derived: bool = True) -> list[str]:
        return sql_words(sql, profile_from(parse_sql((sql, "sqlite"))), derived=derived)

    assert words("SELECT x.a FROM t AS x") == words("SELECT y.a FROM t y") == ["select", "a", "from", "t"]
    nested = "SELECT d.a FROM (SELECT a FROM t) AS d"
    assert "d" not in words(nested) and "d" in words(nested, derived=False)
    assert sql_words("SELEC (( a AS b", None) == ["selec", "a", "b"], "unparsed text keeps all but 'as'"
    assert words_jaccard(["a", "b", "c"], ["a", "b", "d"]) == pytest.approx(1 / 3)
    assert words_jaccard(["a"], ["a"]) == 0.0


@given(PIECES)
def test_the_parser_never_raises(sql: str) -> None:
    profile_from(parse_sql((sql, "sqlite")))
    profile_from(parse_sql((sql, "duckdb")))
