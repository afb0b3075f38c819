"""Database: a real SQLite or DuckDB database that statements are run on and never change."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from guerdon.errors import MissingExtra, UserError
from guerdon.frozen import freeze
from guerdon.models.loaded import loaded
from guerdon.runtime import count
from guerdon.scores import Outcome
from guerdon.text.sql import first_keyword
from guerdon.verifier_pool import Checked, verifier_pool

ENGINES = ("sqlite", "duckdb")
SUFFIXES = (".sqlite", ".sqlite3", ".db", ".duckdb")
MOST_BYTES = 16 << 20

_SCRIPT_WORDS = frozenset({"CREATE", "INSERT", "BEGIN", "DROP"})
_HEADER = 100
_PATIENCE, _GRACE = 3.0, 10.0  # wall seconds per second of processor time, and on top
_CACHE_BYTES, _CELL = 64 << 20, 16


class Status(StrEnum):
    """How a statement ended: with ``rows``; ``failed``, the engine refuses it; ``overran`` its time, memory or bytes; or
    ``broken``, the database or the worker cannot be used."""

    ROWS = "rows"
    FAILED = "failed"
    OVERRAN = "overran"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a statement gave: ``rows`` of ``width`` plain cells each; ``more`` says that there are rows beyond those asked for."""

    status: Status
    width: int = 0
    rows: tuple[tuple[Any, ...], ...] = ()
    more: bool = False
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether the statement ran."""
        return self.status is Status.ROWS


@dataclass(frozen=True)
class Database:
    """A database file, or a script of statements that builds one in memory.

    Files are opened read-only and immutable; nothing is written beside them, so one with changes that are not merged into it
    (a write-ahead log or journal) is refused until its owner has merged them.

    Raises:
        UserError: both or neither of ``path`` and ``script``, or an unknown engine.
    """

    path: str = ""
    script: tuple[str, ...] = ()
    engine: str = "sqlite"

    def __post_init__(self) -> None:
        object.__setattr__(self, "script", freeze(list(self.script)))
        if bool(self.path) == bool(self.script):
            raise UserError(f"path={self.path!r} and script={self.script!r:.60}: give one of them")
        if self.engine not in ENGINES:
            raise UserError(f"engine={self.engine!r} is unknown; choices: {', '.join(ENGINES)}")

    def stamp(self) -> tuple[Any, ...]:
        """What tells this state of the database from another: the script's hash, or the file's identity, times, size and header.

        Raises:
            OSError: the file cannot be read, or has changes that are not merged into it.
        """
        if self.script:
            return (hashlib.sha256("\0".join(self.script).encode("utf-8", "surrogatepass")).hexdigest(),)
        with open(self.path, "rb") as file:
            known, header = os.fstat(file.fileno()), file.read(_HEADER)
        for pending in (f"{self.path}-wal", f"{self.path}-journal", f"{self.path}.wal"):
            if os.path.exists(pending) and os.path.getsize(pending):
                raise OSError(f"changes to the database are not merged yet: {Path(pending).name} is not empty")
        return known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns, header


def find_database(value: Any, *, root: str = "", engine: str = "") -> Database | None:
    """The database that a column's value stands for; None where there is none.

    A :class:`Database` is itself; a list of statements, or text that starts with CREATE or INSERT, is a script; other text is a
    path. With ``root``, it is a name below that folder, with or without its suffix, in a folder of its own name or not
    (``root/name/name.sqlite``); what leads out of ``root`` is not found. The engine of a file is read from its header; ``engine``
    is that of scripts (default ``"sqlite"``).

    >>> find_database(["CREATE TABLE t(a)"])
    Database(path='', script=('CREATE TABLE t(a)',), engine='sqlite')
    """
    if isinstance(value, Database):
        return value
    if isinstance(value, (list, tuple)):
        script = tuple(str(item) for item in value if item)
        return Database(script=script, engine=engine or "sqlite") if script else None
    if not isinstance(value, (str, os.PathLike)) or not str(value).strip():
        return None
    if first_keyword(str(value)[:200]) in _SCRIPT_WORDS:
        return Database(script=(str(value),), engine=engine or "sqlite")
    path = _find_file(str(value), root)
    return None if path is None else Database(str(path), engine=_engine_of(path))


def _find_file(name: str, root: str) -> Path | None:
    places = [name]
    if root:
        folder = os.path.abspath(os.path.expanduser(root))
        last = os.path.basename(name)
        places = [f"{name}{suffix}" for suffix in ("", *SUFFIXES)] + [f"{name}/{last}{suffix}" for suffix in SUFFIXES]
        places = [os.path.normpath(os.path.join(folder, place)) for place in places]
        places = [place for place in places if place.startswith(folder + os.sep)]
    try:
        return next((Path(place).absolute() for place in places if os.path.isfile(place)), None)
    except (OSError, ValueError):
        return None


def _engine_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return "duckdb" if file.read(12)[8:] == b"DUCK" else "sqlite"
    except OSError:
        return "sqlite"


def run_queries(
    queries: Sequence[tuple[Database, str]], *, seconds: float = 30.0, most_rows: int = 10_000
) -> list[QueryResult]:
    """The result of each statement on its database, in order; nothing a statement says raises or changes anything.

    Statements run in the verifier pool and may only read. ``seconds`` of processor time are allowed; one that is killed after
    three times as long on the clock, and 10 s, has ``overran``, too. Equal statements on equal states of a database run once, and
    are remembered.

    Raises:
        MissingExtra: a DuckDB database without duckdb.

    >>> [result] = run_queries(
    ...     [(Database(script=("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)")), "SELECT a FROM t")]
    ... )
    >>> result.rows
    ((1,),)
    """
    remembered: _Results = loaded(("database results",), _Results)
    stamps: dict[Database, tuple[Any, ...] | str] = {}
    for database, _ in queries:
        if database not in stamps:
            stamps[database] = _stamp(database)
    keys: list[tuple[Any, ...]] = [(stamps[database], database, sql, seconds, most_rows) for database, sql in queries]
    for name in {database.engine for database, _ in queries}:
        _check_engine(name)
    broken = {key: QueryResult(Status.BROKEN, message=key[0]) for key in keys if isinstance(key[0], str)}

    def run(missing: list[tuple[Any, ...]]) -> list[QueryResult]:
        return _run(missing, seconds, most_rows)

    found = remembered.get([key for key in dict.fromkeys(keys) if key not in broken], run)
    return [broken.get(key) or found[key] for key in keys]


def _run(keys: list[tuple[Any, ...]], seconds: float, most_rows: int) -> list[QueryResult]:
    count("queries", len(keys))
    results: dict[int, QueryResult] = {}
    for engine in ENGINES:
        mine = [i for i, key in enumerate(keys) if key[1].engine == engine]
        items = [
            (key[1].path, key[1].script, key[0], key[2], seconds, most_rows, MOST_BYTES)
            for key in (keys[i] for i in mine)
        ]
        if items:
            deadline = _PATIENCE * seconds + _GRACE
            checked = verifier_pool().map(_runner(engine), items, deadline=deadline)
            results |= {i: _read(item) for i, item in zip(mine, checked, strict=True)}
    return [results[i] for i in range(len(keys))]


def _runner(engine: str) -> Callable[[Any], Any]:
    if engine == "duckdb":
        from guerdon.models.duckdb_reader import run_duckdb

        return run_duckdb
    from guerdon.models.sqlite_reader import run_sqlite

    return run_sqlite


def _read(checked: Checked) -> QueryResult:
    if not checked.ok:
        status = Status.OVERRAN if checked.outcome is Outcome.TIMED_OUT else Status.BROKEN
        return QueryResult(status, message=checked.message)
    status, width, rows, more, message = checked.value
    return QueryResult(Status(status), width, tuple(map(tuple, rows)), more, message)


def _stamp(database: Database) -> tuple[Any, ...] | str:
    try:
        return database.stamp()
    except OSError as error:
        return f"the database cannot be read: {error.strerror or error}"


def _check_engine(engine: str) -> None:
    if engine == "duckdb" and find_spec("duckdb") is None:
        raise MissingExtra("duckdb", extra="sql")


class _Results:
    """Results by statement and state of the database, the latest used up to 64 MiB; a statement that is running is waited for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, QueryResult] = OrderedDict()
        self._running: dict[Hashable, Future[QueryResult]] = {}
        self._bytes = 0

    def get(
        self, keys: Sequence[tuple[Any, ...]], run: Callable[[list[tuple[Any, ...]]], list[QueryResult]]
    ) -> dict[tuple[Any, ...], QueryResult]:
        """The results of distinct keys; those neither kept nor running elsewhere come from ``run``."""
        found: dict[tuple[Any, ...], QueryResult] = {}
        waited: dict[tuple[Any, ...], Future[QueryResult]] = {}
        mine: dict[tuple[Any, ...], Future[QueryResult]] = {}
        with self._lock:
            for key in keys:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    found[key] = self._kept[key]
                elif key in self._running:
                    waited[key] = self._running[key]
                else:
                    mine[key] = self._running[key] = Future()
        count("cache_hits", len(found))
        try:
            for key, result in zip(mine, run(list(mine)) if mine else [], strict=True):
                self._keep(key, result)
                mine[key].set_result(result)
                found[key] = result
        finally:
            with self._lock:
                for key, future in mine.items():
                    self._running.pop(key, None)
                    if not future.done():
                        future.set_result(QueryResult(Status.BROKEN, message="the run was broken off"))
        return found | {key: future.result() for key, future in waited.items()}

    def _keep(self, key: Hashable, result: QueryResult) -> None:
        if result.status is Status.BROKEN:
            return
        with self._lock:
            self._kept[key] = result
            self._bytes += _size(result)
            while self._bytes > _CACHE_BYTES and self._kept:
                self._bytes -= _size(self._kept.popitem(last=False)[1])


def _size(result: QueryResult) -> int:
    cells = (cell for row in result.rows for cell in row)
    return 512 + sum(_CELL + (len(cell) if isinstance(cell, (str, bytes)) else 0) for cell in cells)
