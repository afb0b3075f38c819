"""Statements on real databases: what they give, and that none of them leaves a trace."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from guerdon.errors import UserError
from guerdon.models import database as room
from guerdon.models.database import Database, QueryResult, Status, find_database, run_queries
from guerdon.models.loaded import unload
from guerdon.models.sqlite_reader import run_sqlite
from guerdon.verifier_pool import verifier_pool

duckdb = pytest.importorskip("duckdb")

SCRIPT = (
    "CREATE TABLE users(id INTEGER, name TEXT, age INTEGER)",
    "INSERT INTO users VALUES (1, 'Ann', 34), (2, 'Bob', NULL), (3, '東京', 51)",
)
SECRET = "the-secret-text"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    unload(("database results",))
    yield


@pytest.fixture(params=["sqlite", "duckdb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database file beside a secret and a CSV file, in a folder with an odd name."""
    folder = tmp_path / ("a b?#%41'é" if request.param == "sqlite" else "a b'é")
    folder.mkdir()
    path = folder / f"shop.{request.param}"
    open_writable = sqlite3.connect if request.param == "sqlite" else duckdb.connect
    connection = open_writable(str(path))
    for statement in SCRIPT:
        connection.execute(statement)
    connection.commit()
    connection.close()
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret.csv").write_text(f"a\n{SECRET}\n")
    database = find_database(str(path))
    assert database is not None and database.engine == request.param
    return database


def one(database: Database, sql: str, **options: float) -> QueryResult:
    return run_queries([(database, sql)], **options)[0]  # type: ignore[arg-type]


def everything_below(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


# -- what a statement gives -------------------------------------------------------------------------------------------


def test_rows(place: Database) -> None:
    result = one(place, "SELECT name, age FROM users ORDER BY id")
    assert result == QueryResult(Status.ROWS, 2, (("Ann", 34), ("Bob", None), ("東京", 51)))
    assert one(place, "SELECT id FROM users WHERE id > 9") == QueryResult(Status.ROWS, 1)
    capped = one(place, "SELECT id FROM users ORDER BY id", most_rows=2)
    assert capped.rows == ((1,), (2,)) and capped.more
    assert one(place, "SELECT id FROM users", most_rows=3).more is False


def test_failures_are_named(place: Database) -> None:
    assert one(place, "SELECT nam FROM users").status is Status.FAILED
    assert "nam" in one(place, "SELECT nam FROM users").message
    for sql in ("SELEC 1", "SELECT 1; SELECT 2", "SELECT '\ud800'", "SELECT 'a\0", "(" * 5000):
        assert one(place, sql).status is Status.FAILED, sql[:20]


def test_order_is_kept_and_equal_statements_run_once(place: Database) -> None:
    queries = [(place, f"SELECT {i % 3}") for i in range(9)]
    assert [result.rows[0][0] for result in run_queries(queries)] == [0, 1, 2] * 3
    assert run_queries([]) == []


def test_scripts() -> None:
    database = Database(script=SCRIPT)
    assert one(database, "SELECT count(*) FROM users").rows == ((3,),)
    assert one(Database(script=SCRIPT, engine="duckdb"), "SELECT count(*) FROM users").rows == ((3,),)
    assert one(Database(script=("CREATE TABLE (",)), "SELECT 1").status is Status.BROKEN
    assert one(database, "INSERT INTO users VALUES (4, 'x', 1)").status is Status.FAILED
    assert one(database, "SELECT count(*) FROM users").rows == ((3,),)


def test_duckdb_cells_become_plain() -> None:
    database = Database(script=("CREATE TABLE t(a INTEGER)",), engine="duckdb")
    sql = "SELECT DATE '2020-01-02', 2.50::DECIMAL(9,2), 3::DECIMAL(9,0), [1, 2], {'k': 1}, 'ab'::BLOB, NULL, true, 'nan'::DOUBLE"
    row = one(database, sql).rows[0]
    assert row[:8] == ("2020-01-02", 2.5, 3, (1, 2), (("k", 1),), b"ab", None, True) and row[8] != row[8]


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE t(a); INSERT INTO t VALUES (CAST(x'e9' AS TEXT))")
    connection.close()
    assert one(Database(str(path)), "SELECT a FROM t").rows == (("\udce9",),)


# -- finding databases ------------------------------------------------------------------------------------------------


def test_finding(tmp_path: Path) -> None:
    for name in ("flat.sqlite", "deep/deep.sqlite", "other.db"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sqlite3.connect(path).executescript("CREATE TABLE t(a)")
    sqlite3.connect(tmp_path / "outside.sqlite").close()
    root = str(tmp_path / "root")

    def found(name: object) -> str | None:
        database = find_database(name, root=root)
        return None if database is None else Path(database.path).name

    assert [found(name) for name in ("flat", "deep", "other", "flat.sqlite")] == [
        "flat.sqlite",
        "deep.sqlite",
        "other.db",
        "flat.sqlite",
    ]
    for name in (
        "none",
        "../outside",
        "../outside.sqlite",
        str(tmp_path / "outside.sqlite"),
        "",
        ".",
        "..",
        "a\0b",
        None,
        float("nan"),
        3,
        [],
    ):
        assert found(name) is None, name
    assert find_database(str(tmp_path / "root" / "other.db")) == Database(str(tmp_path / "root" / "other.db"))
    assert find_database("CREATE TABLE t(a); INSERT INTO t VALUES (1)") == Database(
        script=("CREATE TABLE t(a); INSERT INTO t VALUES (1)",)
    )
    same = Database(script=SCRIPT)
    assert find_database(same) is same


def test_a_description_is_checked() -> None:
    for arguments in ({}, {"path": "a", "script": ("b",)}, {"path": "a", "engine": "oracle"}):
        with pytest.raises(UserError):
            Database(**arguments)  # type: ignore[arg-type]


# -- databases that cannot be used ------------------------------------------------------------------------------------


def test_broken_databases(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("no database at all " * 100)
    (tmp_path / "fake.duckdb").write_bytes(b"\0" * 8 + b"DUCK" + b"\0" * 4096)
    for path in (tmp_path / "missing.sqlite", tmp_path / "text.sqlite"):
        assert one(Database(str(path)), "SELECT 1").status is Status.BROKEN
    assert one(Database(str(tmp_path / "fake.duckdb"), engine="duckdb"), "SELECT 1").status is Status.BROKEN
    assert run_queries(
        [(Database(str(tmp_path / "missing.sqlite")), "SELECT 1"), (Database(script=SCRIPT), "SELECT 1")]
    )[1].ok


def test_a_corrupt_page_is_the_databases_fault(tmp_path: Path) -> None:
    path = tmp_path / "torn.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE t(a); INSERT INTO t "
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 5000) SELECT x FROM c"
    )
    connection.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    assert one(Database(str(path)), "SELECT sum(a) FROM t").status is Status.BROKEN


def test_unmerged_changes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "busy.sqlite"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE t(a)")
    before = everything_below(tmp_path)
    result = one(Database(str(path)), "SELECT * FROM t")
    assert result.status is Status.BROKEN and "busy.sqlite-wal" in result.message
    assert everything_below(tmp_path) == before
    writer.close()
    assert one(Database(str(path)), "SELECT * FROM t").ok, "a broken result is not remembered"


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "growing.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE t(a)")
    assert one(Database(str(path)), "SELECT count(*) FROM t").rows == ((0,),)
    connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    assert one(Database(str(path)), "SELECT count(*) FROM t").rows == ((1,),)


# -- hostile statements -----------------------------------------------------------------------------------------------

FORBIDDEN = """
ATTACH '{folder}/new.db' AS n
DETACH main
PRAGMA journal_mode=WAL
PRAGMA writable_schema=1
PRAGMA database_list
VACUUM
VACUUM INTO '{folder}/copy.db'
REINDEX
ANALYZE
BEGIN
SAVEPOINT s
INSERT INTO users VALUES (9, 'x', 1)
UPDATE users SET name = 'x'
DELETE FROM users
REPLACE INTO users VALUES (9, 'x', 1)
WITH c AS (SELECT 1) INSERT INTO users SELECT 9, 'x', 1
DROP TABLE users
CREATE TABLE z(a INTEGER)
CREATE TEMP TABLE z(a INTEGER)
CREATE VIEW z AS SELECT 1
CREATE TRIGGER z AFTER INSERT ON users BEGIN DELETE FROM users; END
CREATE VIRTUAL TABLE z USING fts5(a)
ALTER TABLE users RENAME TO z
SELECT 1; DROP TABLE users
SELECT 1 /* ; */; DELETE FROM users -- SELECT
SELECT load_extension('{folder}/x')
SELECT writefile('{folder}/w', 'x')
SELECT readfile('{folder}/secret.txt')
SELECT fts3_tokenizer('simple')
SELECT * FROM '{folder}/secret.csv'
SELECT * FROM read_csv('{folder}/secret.csv')
SELECT * FROM read_text('{folder}/secret.txt')
SELECT * FROM read_blob('{folder}/secret.txt')
SELECT * FROM read_json('{folder}/secret.txt')
SELECT * FROM parquet_scan('{folder}/secret.txt')
SELECT * FROM sniff_csv('{folder}/secret.csv')
SELECT * FROM glob('{folder}/*')
SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')
SELECT * FROM query('SELECT * FROM read_text(''{folder}/secret.txt'')')
SELECT getenv('HOME')
COPY users TO '{folder}/out.csv'
COPY (SELECT 1) TO '{folder}/out.parquet'
COPY users FROM '{folder}/secret.csv'
EXPORT DATABASE '{folder}/out'
IMPORT DATABASE '{folder}/out'
INSTALL httpfs
LOAD httpfs
LOAD '{folder}/secret.txt'
SET enable_external_access = true
SET memory_limit = '100GB'
SET temp_directory = '{folder}/spill'
SET GLOBAL threads = 64
RESET lock_configuration
CALL pragma_version()
CHECKPOINT
FORCE CHECKPOINT
PREPARE p AS SELECT 1
CREATE MACRO m(a) AS a
CREATE SECRET s (TYPE s3)
SELECT nextval('s')
SELECT * FROM folder_variable
""".strip().splitlines()

GREEDY = """
SELECT count(*) FROM {many}
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c ORDER BY -x
WITH RECURSIVE c(x) AS (SELECT hex(randomblob(100000)) UNION ALL SELECT hex(randomblob(100000)) FROM c) SELECT x FROM c ORDER BY x
SELECT zeroblob(2000000000)
SELECT hex(zeroblob(1000000000))
SELECT randomblob(2000000000)
SELECT printf('%2000000000d', 1)
SELECT replace(hex(zeroblob(400000)), '0', 'abcd')
SELECT repeat('x', 2000000000)
SELECT list(x) FROM range(1000000000) t(x)
SELECT group_concat(hex(zeroblob(100000))) FROM {many}
SELECT count(*) FROM range(10000000000) a, range(10000000000) b
""".strip().splitlines()


def test_nothing_is_read_or_written(place: Database, tmp_path: Path) -> None:
    folder = Path(place.path).parent
    quoted = str(folder).replace("'", "''")
    many = ", ".join(f"users u{i}" for i in range(40))
    deep = ["SELECT " + "(" * n + "1" + ")" * n for n in (200, 20_000)] + [
        "SELECT 1" + " UNION ALL SELECT 1" * 2000,
        "SELECT -" + "-" * 9000 + "1",
    ]
    odd = [
        "\0",
        "\ud800",
        "SELECT '\U0001f600'; DROP TABLE users",
        "；DROP TABLE users",
        "SELECT\u00a01",
        "\ufeffSELECT 1",
        "--",
        "/*",
        ";;;",
        "",
    ]
    forbidden = [sql.format(folder=quoted) for sql in FORBIDDEN]
    greedy = [sql.format(many=many) for sql in GREEDY]
    before, here = everything_below(tmp_path), sorted(os.listdir())
    results = run_queries([(place, sql) for sql in [*forbidden, *greedy, *deep, *odd]], seconds=0.2)
    for sql, result in zip(forbidden, results, strict=False):
        assert result.status is Status.FAILED, (sql, result)
    for sql, result in zip(greedy, results[len(forbidden) :], strict=False):
        assert not result.ok or result.rows == ((None,),), (sql, result)
    assert all(result.status is not Status.BROKEN for result in results)
    assert not any(SECRET in str(cell) for result in results for row in result.rows for cell in row)
    assert everything_below(tmp_path) == before and sorted(os.listdir()) == here
    assert one(place, "SELECT count(*) FROM users").rows == ((3,),), "the workers live and the data is there"


def test_scripts_cannot_reach_files(tmp_path: Path) -> None:
    for engine, statement in [
        ("sqlite", f"ATTACH '{tmp_path}/new.db' AS n"),
        ("sqlite", f"VACUUM INTO '{tmp_path}/new.db'"),
        ("duckdb", f"COPY (SELECT 1) TO '{tmp_path}/new.csv'"),
        ("duckdb", f"ATTACH '{tmp_path}/new.db'"),
    ]:
        result = one(Database(script=("CREATE TABLE t(a INTEGER)", statement), engine=engine), "SELECT 1")
        assert result.status is Status.BROKEN, statement
    assert list(tmp_path.iterdir()) == []


def test_a_statement_too_large_or_too_slow_says_so(place: Database) -> None:
    slow = one(place, f"SELECT count(*) FROM {', '.join(f'users u{i}' for i in range(40))}", seconds=0.1)
    assert slow.status is Status.OVERRAN and "0.1 s" in slow.message
    assert one(place, "SELECT 1", seconds=0.1).ok


def test_a_result_too_large_says_so(monkeypatch: pytest.MonkeyPatch, place: Database) -> None:
    monkeypatch.setattr(room, "MOST_BYTES", 1000)
    many = " UNION ALL ".join("SELECT 'x'" for _ in range(90))
    assert one(place, many).message == "the result is larger than 1000 bytes"


def test_what_cannot_be_interrupted_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_GRACE", 0.5)
    database = Database(script=SCRIPT)
    stuck = "SELECT instr(hex(zeroblob(500000)), hex(zeroblob(250000)) || '1')"
    stuck_result, other = run_queries([(database, stuck), (database, "SELECT 7")], seconds=0.1)
    assert stuck_result.status is Status.OVERRAN and other.rows == ((7,),)


def test_a_worker_keeps_few_databases_open() -> None:
    items = [("", (f"CREATE TABLE t{i}(a)",), str(i), f"SELECT count(*) FROM t{i}", 1.0, 10, 1000) for i in range(30)]
    assert all(checked.value[2] == [(0,)] for checked in verifier_pool().map(run_sqlite, items))


def test_threads_that_ask_for_the_same_wait_for_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    run = room._run
    monkeypatch.setattr(room, "_run", lambda keys, *rest: runs.append(len(keys)) or run(keys, *rest))
    database = Database(script=SCRIPT)
    sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 300000) SELECT count(*) FROM c"
    found: list[QueryResult] = []
    threads = [threading.Thread(target=lambda: found.append(one(database, sql))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.rows for result in found] == [((300_000,),)] * 4
    assert sum(runs) == 1


def test_memory_of_results_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_CACHE_BYTES", 2000)
    kept = room._Results()
    answer = QueryResult(Status.ROWS, 1, (("x" * 400,),))
    for i in range(10):
        kept.get([(i,)], lambda keys: [answer] * len(keys))
    assert len(kept._kept) == 2 and kept._bytes <= 2000
    broken = QueryResult(Status.BROKEN)
    assert kept.get([("b",)], lambda keys: [broken]) == {("b",): broken} and ("b",) not in kept._kept
    with pytest.raises(RuntimeError):
        kept.get([("c",)], lambda keys: (_ for _ in ()).throw(RuntimeError("lost")))
    assert not kept._running, "a run that fails leaves nobody waiting"
