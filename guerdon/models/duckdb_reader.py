"""One statement on a DuckDB database that it cannot change: what runs in a verifier worker. Needs duckdb."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from typing import Any

from guerdon.models.sqlite_reader import Said

# No files, no network, no extensions, no variables of the Python around it, nothing spilled to disk; and none of it to be undone.
_CONFIG = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "memory_limit": "256MB",
    "threads": "1",
    "lock_configuration": "true",
}
_CELL = 16
_BATCH = 256
_BEAT = 0.01


def run_duckdb(item: tuple[str, tuple[str, ...], Any, str, float, int, int]) -> Said:
    """As :func:`guerdon.models.sqlite_reader.run_sqlite`, for DuckDB. Dates become ISO text, decimals numbers, lists tuples."""
    import duckdb

    path, script, _, sql, seconds, most_rows, most_bytes = item
    try:
        connection = _connect(path, script)
    except (duckdb.Error, OSError, ValueError, MemoryError) as error:
        return "broken", 0, [], False, _line(error)
    with closing(connection), _Clock(connection, seconds) as clock:
        try:
            sql.encode()  # a lone surrogate is no text
            statements = connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                return "failed", 0, [], False, "not one query"
            return _fetch(connection.execute(statements[0]), most_rows, most_bytes)
        except (duckdb.OutOfMemoryException, MemoryError):
            return "overran", 0, [], False, "the statement ran out of memory"
        except duckdb.InterruptException:
            return "overran", 0, [], False, f"the statement ran out of its {seconds:g} s"
        except (duckdb.Error, ValueError, RuntimeError, OverflowError) as error:
            if clock.over:
                return "overran", 0, [], False, f"the statement ran out of its {seconds:g} s"
            return "failed", 0, [], False, _line(error)


class _Clock:
    """Interrupts a connection once the process has used ``seconds`` of processor time."""

    def __init__(self, connection: Any, seconds: float) -> None:
        self.connection, self.end = connection, time.process_time() + seconds
        self.over = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(_BEAT):
            if time.process_time() > self.end:
                self.over = True
                self.connection.interrupt()

    def __enter__(self) -> _Clock:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._done.set()
        self._thread.join()


def _fetch(result: Any, most_rows: int, most_bytes: int) -> Said:
    width = len(result.description or ())
    rows: list[tuple[Any, ...]] = []
    held = 0
    while batch := result.fetchmany(min(_BATCH, most_rows + 1 - len(rows))):
        for row in batch:
            if len(rows) == most_rows:
                return "rows", width, rows, True, ""
            cells = tuple(map(_plain, row))
            held += sum(_CELL + (len(cell) if isinstance(cell, (str, bytes)) else 0) for cell in cells)
            if held > most_bytes:
                return "overran", 0, [], False, f"the result is larger than {most_bytes} bytes"
            rows.append(cells)
    return "rows", width, rows, False, ""


def _connect(path: str, script: tuple[str, ...]) -> Any:
    import duckdb

    connection = duckdb.connect(path or ":memory:", read_only=bool(path), config=dict(_CONFIG))
    try:
        for statements in script:
            connection.execute(statements)
    except BaseException:
        connection.close()
        raise
    return connection


def _plain(cell: Any) -> Any:
    if cell is None or isinstance(cell, (bool, int, float, str, bytes)):
        return cell
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if isinstance(cell, (list, tuple)):
        return tuple(map(_plain, cell))
    if isinstance(cell, Mapping):
        return tuple((_plain(key), _plain(value)) for key, value in cell.items())
    return bytes(cell) if isinstance(cell, (bytearray, memoryview)) else str(cell)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def preload() -> None:
    """Import the engine, so that workers start with it; none is opened, as its threads do not survive a fork."""
    import duckdb  # noqa: F401
