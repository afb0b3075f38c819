"""Record: the replies a chat model gave, in a SQLite file that outlives the process and serves several at once."""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from guerdon.errors import UserError
from guerdon.frozen import FrozenDict, plain
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.chats.wire import sendable
from guerdon.models.loaded import loaded

T = TypeVar("T")
#: "record": known questions are answered from the record, others are asked and recorded; "replay": nothing is asked.
Mode = Literal["record", "replay"]

_ROWS_PER_QUERY = 500
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS reply (key BLOB PRIMARY KEY, asked_of TEXT NOT NULL, request TEXT NOT NULL, text TEXT NOT NULL, "
    "logprobs TEXT, usage TEXT NOT NULL, recorded REAL NOT NULL)"
)


@dataclass(frozen=True, eq=False)
class _Work:
    """Something to do with the file; one transaction holds all that is waiting."""

    do: Callable[[sqlite3.Connection], Any]
    done: Callable[[Any, BaseException | None], None]


class Record:
    """One file. A thread of its own reads and writes it, so that no event loop waits for a disk or another process.

    What :meth:`add` has returned from is in the file, whatever happens to the process then. A file that cannot be used is
    reported once and then left alone, except to replay.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = ""
        self._queue: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="guerdon-chat-record", daemon=True).start()

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, ChatReply]:
        """The recorded replies among these keys."""

        def look_up(database: sqlite3.Connection) -> dict[bytes, ChatReply]:
            found: dict[bytes, ChatReply] = {}
            for start in range(0, len(keys), _ROWS_PER_QUERY):
                asked = keys[start : start + _ROWS_PER_QUERY]
                marks = ",".join("?" * len(asked))
                rows = database.execute(f"SELECT key, text, logprobs, usage FROM reply WHERE key IN ({marks})", asked)
                found |= {key: _reply(text, logprobs, usage) for key, text, logprobs, usage in rows}
            return found

        return await self._run(look_up, {})

    async def add(self, key: bytes, request: ChatRequest, reply: ChatReply, asked_of: Sequence[Any]) -> None:
        """Record a reply; one that is there already is left."""
        asked = {
            "messages": [sendable(message) for message in request.messages],
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "seed": request.seed,
            "sample": request.sample,
        }
        logprobs = None if reply.logprobs is None else json.dumps(plain(reply.logprobs))
        row = (
            key,
            json.dumps(asked_of, default=repr),
            json.dumps(asked, ensure_ascii=False, default=repr),
            reply.text.encode("utf-8", "replace").decode(),
            logprobs,
            json.dumps(plain(reply.usage)),
            time.time(),
        )
        await self._run(lambda database: _insert(database, row), None)

    async def _run(self, do: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """The result of work in the record's thread; ``otherwise`` where the file cannot be used."""
        if self.broken:
            return otherwise
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()

        def settle(value: Any, error: BaseException | None) -> None:
            if result.done():
                return
            if error is None:
                result.set_result(value)
            else:
                result.set_exception(error)

        def tell(value: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(settle, value, error)

        self._queue.put(_Work(do, tell))
        try:
            return await result
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)
            return otherwise

    def _give_up(self, error: Exception) -> None:
        if not self.broken:
            self.broken = str(error) or type(error).__name__
            warnings.warn(
                f"the chat record {self.path} is not used any more: {self.broken}", RuntimeWarning, stacklevel=2
            )

    def _serve(self) -> None:
        database: sqlite3.Connection | None = None
        while True:
            waiting = [self._queue.get()]
            while len(waiting) < _ROWS_PER_QUERY and not self._queue.empty():
                waiting.append(self._queue.get())
            results: list[Any] = []
            failure: BaseException | None = None
            try:
                database = database or _opened(self.path)
                with database:
                    results = [work.do(database) for work in waiting]
            except (sqlite3.Error, OSError, ValueError) as error:
                failure = error if isinstance(error, (sqlite3.Error, OSError)) else sqlite3.DatabaseError(str(error))
            for i, work in enumerate(waiting):
                try:
                    work.done(None if failure else results[i], failure)
                except RuntimeError:  # the loop that asked is closed
                    continue


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=60.0, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    with database:
        database.execute(_SCHEMA)
    return database


def _insert(database: sqlite3.Connection, row: tuple[Any, ...]) -> None:
    database.execute("INSERT OR IGNORE INTO reply VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def _reply(text: str, logprobs: str | None, usage: str) -> ChatReply:
    places: list[Mapping[str, float]] | None = None if logprobs is None else json.loads(logprobs)
    said = None if places is None else tuple(FrozenDict(place) for place in places)
    return ChatReply(text, logprobs=said, usage=FrozenDict({**json.loads(usage), "cached": 1.0}))


def open_record(path: str, mode: Mode) -> Record:
    """The process's record of a path.

    Raises:
        UserError: the file to replay does not exist.
    """
    file = Path(path).expanduser().absolute()
    if mode == "replay" and not file.is_file():
        raise UserError(
            f"cache={path!r} does not exist, so there is nothing to replay; record it first with mode='record'"
        )
    return loaded(("chat record", str(file)), lambda: Record(file))
