"""One statement on a SQLite database that it cannot change: what runs in a verifier worker."""

from __future__ import annotations

import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any
from urllib.request import pathname2url

from guerdon.text.sql import first_keyword

# What a statement may do; everything else is refused. By number, as older Pythons do not name them all.
_SELECT, _READ, _FUNCTION, _RECURSIVE = 21, 20, 31, 33
# What a script may do besides: all but ATTACH (24), DETACH (25), PRAGMA (19) and virtual tables (29, 30).
_SCRIPT_REFUSED = frozenset({24, 25, 19, 29, 30})
_REFUSED_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "eval", "fsdir"})

# Most bytes of a cell; characters of a statement, depth of an expression, joined SELECTs, attached databases, pattern, threads.
_LIMITS = {0: 1 << 20, 1: 100_000, 3: 500, 4: 100, 7: 0, 8: 1000, 11: 0}
_HEAP = 256 << 20
_TICK = 2000  # virtual machine steps between two looks at the clock
_KEPT = 8  # open databases
_CELL = 16  # bytes a cell counts for besides its text

#: What a worker says of a statement: status, number of columns, rows, whether there are more, message.
Said = tuple[str, int, list[tuple[Any, ...]], bool, str]

_open: OrderedDict[tuple[Any, ...], sqlite3.Connection] = OrderedDict()


def run_sqlite(item: tuple[str, tuple[str, ...], Any, str, float, int, int]) -> Said:
    """What a statement gives: ``(path, script, stamp, sql, seconds, most_rows, most_bytes) -> Said``.

    The database is the file at ``path``, opened read-only and immutable, or, without a path, what ``script`` builds in memory.
    ``stamp`` tells one state of it from another. ``seconds`` of processor time are allowed. Status is ``rows``, ``failed`` (the
    engine refuses the statement), ``overran`` (out of time, memory or bytes) or ``broken`` (the database cannot be used).
    """
    path, script, stamp, sql, seconds, most_rows, most_bytes = item
    key = (path, script, stamp)
    try:
        connection = _open.pop(key, None) or _connect(path, script, seconds)
    except (sqlite3.Error, sqlite3.Warning, OSError, ValueError, MemoryError) as error:
        return "broken", 0, [], False, _line(error)
    clock = _Clock(seconds)
    connection.set_progress_handler(clock, _TICK)
    status = "failed"
    try:
        said = _fetch(connection, sql, clock, most_rows, most_bytes)
        status = said[0]
        return said
    except MemoryError:
        status = "overran"
        return "overran", 0, [], False, "the statement ran out of memory"
    except sqlite3.DatabaseError as error:
        if clock.over:
            status = "overran"
            return "overran", 0, [], False, f"the statement ran out of its {seconds:g} s"
        status = "broken" if _unusable(error) else "failed"
        return status, 0, [], False, _line(error)
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        return "failed", 0, [], False, _line(error)
    finally:
        if status in ("rows", "failed"):
            _keep(key, connection)
        else:
            connection.close()


class _Clock:
    """A progress handler that stops a statement once the thread has used ``seconds`` of processor time."""

    def __init__(self, seconds: float) -> None:
        self.end = time.thread_time() + seconds
        self.over = False

    def __call__(self) -> int:
        self.over = self.over or time.thread_time() > self.end
        return int(self.over)


def _fetch(connection: sqlite3.Connection, sql: str, clock: _Clock, most_rows: int, most_bytes: int) -> Said:
    rows: list[tuple[Any, ...]] = []
    held = 0
    with closing(connection.execute(sql)) as cursor:
        width = len(cursor.description or ())
        if not width and first_keyword(sql):
            return "failed", 0, [], False, "not a query"
        for row in cursor:
            if len(rows) == most_rows:
                return "rows", width, rows, True, ""
            held += sum(_CELL + (len(cell) if isinstance(cell, (str, bytes)) else 0) for cell in row)
            if held > most_bytes:
                return "overran", 0, [], False, f"the result is larger than {most_bytes} bytes"
            rows.append(row)
    return "rows", width, rows, False, ""


def _connect(path: str, script: tuple[str, ...], seconds: float) -> sqlite3.Connection:
    where = f"file:{pathname2url(path)}?mode=ro&immutable=1" if path else "file::memory:"
    connection = sqlite3.connect(where, uri=True, isolation_level=None, timeout=0, check_same_thread=False)
    try:
        for category, limit in _LIMITS.items():
            connection.setlimit(category, limit)
        connection.text_factory = _decoded
        # Nothing is spilled to disk, no file is mapped, the schema's own functions are not trusted.
        for pragma in ("temp_store=MEMORY", "mmap_size=0", "trusted_schema=OFF", f"hard_heap_limit={_HEAP}"):
            connection.execute(f"PRAGMA {pragma}").close()
        if not path:
            connection.set_authorizer(_may_build)
            connection.set_progress_handler(_Clock(seconds), _TICK)
            for statements in script:
                connection.executescript(statements)
            connection.set_authorizer(None)
        connection.execute("PRAGMA query_only=ON").close()
        connection.execute("SELECT count(*) FROM sqlite_master").close()
        connection.set_authorizer(_may_read)
    except BaseException:
        connection.close()
        raise
    return connection


def _keep(key: tuple[Any, ...], connection: sqlite3.Connection) -> None:
    _open[key] = connection
    while len(_open) > _KEPT:
        _open.popitem(last=False)[1].close()


def _may_read(action: int, first: str | None, second: str | None, database: str | None, via: str | None) -> int:
    allowed = action in (_SELECT, _READ, _RECURSIVE) or (
        action == _FUNCTION and (second or "").lower() not in _REFUSED_FUNCTIONS
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _may_build(action: int, first: str | None, second: str | None, database: str | None, via: str | None) -> int:
    refused = action in _SCRIPT_REFUSED or (action == _FUNCTION and (second or "").lower() in _REFUSED_FUNCTIONS)
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _unusable(error: sqlite3.Error) -> bool:
    """Whether it is the database that is at fault, not the statement."""
    return getattr(error, "sqlite_errorname", "").startswith(
        ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR", "SQLITE_CANTOPEN")
    )


def _line(error: BaseException) -> str:
    said = ""
    with suppress(Exception):
        said = str(error)
    return " ".join(said.split())[:200] or type(error).__name__


def preload() -> None:
    """Open a database once, so that workers start with the engine."""
    run: Callable[..., Said] = run_sqlite
    run(("", (), "", "SELECT 1", 1.0, 1, 100))
    while _open:
        _open.popitem()[1].close()
