"""Vectors by content: a bounded memory in the process, and a SQLite file that outlives it and serves several processes."""

from __future__ import annotations

import os
import sqlite3
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from guerdon.errors import UserError
from guerdon.models.encoder import Vectors

MEMORY_BYTES = 256 * 2**20
DISK_BYTES = 4 * 2**30
PATH_VARIABLE = "GUERDON_EMBEDDING_CACHE"

_OVERHEAD = 300
_ROWS_PER_QUERY = 500
_SCHEMA = "CREATE TABLE IF NOT EXISTS embedding (key BLOB PRIMARY KEY, vector BLOB NOT NULL, windowed INTEGER NOT NULL)"


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A remembered vector (d,) and whether its text was windowed."""

    vector: Vectors
    windowed: bool


class MemoryCache:
    """Least recently used entries, at most ``limit`` bytes of them. Thread safe, and usable after a fork."""

    def __init__(self, limit: int = MEMORY_BYTES) -> None:
        self.limit = limit
        self.bytes = 0
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._lock, self._process = threading.Lock(), os.getpid()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Entry]:
        """The entries that are remembered."""
        found = {}
        with self._locked():
            for key in keys:
                entry = self._entries.get(key)
                if entry is not None:
                    self._entries.move_to_end(key)
                    found[key] = entry
        return found

    def put(self, entries: Mapping[bytes, Entry]) -> None:
        """Remember entries, forgetting the least recently used beyond the limit."""
        with self._locked():
            for key, entry in entries.items():
                if key in self._entries:
                    continue
                vector = np.array(entry.vector, dtype=np.float32)
                vector.flags.writeable = False
                self._entries[key] = Entry(vector, entry.windowed)
                self.bytes += vector.nbytes + _OVERHEAD
            while self.bytes > self.limit and self._entries:
                _, oldest = self._entries.popitem(last=False)
                self.bytes -= oldest.vector.nbytes + _OVERHEAD

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self._process != os.getpid():
            self._lock, self._process = threading.Lock(), os.getpid()
        with self._lock:
            yield


class DiskCache:
    """Entries in a SQLite file (write-ahead log), at most about ``limit`` bytes of vectors; the oldest go first.

    Several processes and threads may use one file. A file that cannot be used is reported once and then left alone: a cache
    never fails a run.
    """

    def __init__(self, path: str | Path, limit: int = DISK_BYTES) -> None:
        self.path = Path(path).expanduser()
        self.limit = limit
        self.broken = False
        self._local = threading.local()
        self._of_parent: list[sqlite3.Connection] = []

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Entry]:
        """The entries that are on disk."""
        found: dict[bytes, Entry] = {}
        with self._connected() as database:
            for start in range(0, len(keys), _ROWS_PER_QUERY):
                if database is None:
                    break
                asked = keys[start : start + _ROWS_PER_QUERY]
                marks = ",".join("?" * len(asked))
                rows = database.execute(f"SELECT key, vector, windowed FROM embedding WHERE key IN ({marks})", asked)
                for key, vector, windowed in rows:
                    if vector and len(vector) % 4 == 0:
                        found[key] = Entry(np.frombuffer(vector, dtype="<f4").astype(np.float32), bool(windowed))
        return found

    def put(self, entries: Mapping[bytes, Entry]) -> None:
        """Write entries; one that is there already is left."""
        rows = [(key, entry.vector.astype("<f4").tobytes(), int(entry.windowed)) for key, entry in entries.items()]
        with self._connected() as database:
            if database is not None and rows:
                with database:
                    database.executemany("INSERT OR IGNORE INTO embedding VALUES (?, ?, ?)", rows)
                    self._prune(database, len(rows[0][1]))

    def _prune(self, database: sqlite3.Connection, vector_bytes: int) -> None:
        most = max(1, self.limit // (vector_bytes + _OVERHEAD))
        first, last = database.execute("SELECT min(rowid), max(rowid) FROM embedding").fetchone()
        if last - first + 1 > most:
            database.execute("DELETE FROM embedding WHERE rowid <= ?", (last - int(0.9 * most) - 1,))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection | None]:
        database = None
        try:
            database = None if self.broken else self._connection()
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)
        try:
            yield database
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.broken = True
        warnings.warn(f"the embedding cache {self.path} is not used any more: {error}", RuntimeWarning, stacklevel=5)

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection; one opened before a fork is neither used nor closed in the child."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None and self._local.process != os.getpid():
            self._of_parent.append(connection)
            connection = None
        if connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=30.0, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(_SCHEMA)
            connection.commit()
            self._local.connection, self._local.process = connection, os.getpid()
        return connection


class EmbeddingCache:
    """Memory first, then disk if there is one; what is found on disk is remembered."""

    def __init__(
        self, memory_bytes: int = MEMORY_BYTES, path: str | Path | None = None, disk_bytes: int = DISK_BYTES
    ) -> None:
        for name, value in (("memory_bytes", memory_bytes), ("disk_bytes", disk_bytes)):
            if value < 0:
                raise UserError(f"{name}={value} must be 0 or more bytes")
        self.memory = MemoryCache(memory_bytes)
        self.disk = DiskCache(path, disk_bytes) if path is not None else None

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Entry]:
        """The known entries among these keys."""
        found = self.memory.get(keys)
        if self.disk is not None and len(found) < len(keys):
            more = self.disk.get([key for key in keys if key not in found])
            self.memory.put(more)
            found |= more
        return found

    def put(self, entries: Mapping[bytes, Entry]) -> None:
        """Remember entries here and on disk."""
        self.memory.put(entries)
        if self.disk is not None:
            self.disk.put(entries)


_cache: EmbeddingCache | None = None


def embedding_cache() -> EmbeddingCache:
    """The process's cache, shared by all encoders; on disk too where ``GUERDON_EMBEDDING_CACHE`` names a file."""
    global _cache
    if _cache is None:
        _cache = EmbeddingCache(path=os.environ.get(PATH_VARIABLE) or None)
    return _cache


def configure_embedding_cache(
    memory_bytes: int = MEMORY_BYTES, path: str | Path | None = None, disk_bytes: int = DISK_BYTES
) -> EmbeddingCache:
    """Replace the process's cache: bytes kept in memory (0: none), and the SQLite file that outlives it (None: none).

    Spawned processes do not see this call; set ``GUERDON_EMBEDDING_CACHE`` for them.

    >>> configure_embedding_cache(memory_bytes=2**20).memory.limit
    1048576
    """
    global _cache
    _cache = EmbeddingCache(memory_bytes, path, disk_bytes)
    return _cache
