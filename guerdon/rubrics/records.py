"""Records: results that are appended to a JSONL file one by one, and survive a kill at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from guerdon.errors import UserError

Record = dict[str, Any]


class Records:
    """A JSONL file that only grows. What it holds already is read first; a torn last line is cut off.

    ``done`` holds the last record of each id. Records of another ``method`` (a hash of what made them) are an error, unless the
    file is begun anew with ``restart``.

    Raises:
        UserError: the file holds other things, or another process is writing it.
    """

    def __init__(self, path: Path, method: str, *, restart: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            self._lock()
            if restart:
                self._file.truncate(0)
            self.done = self._recovered(method)
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # no such locks on Windows
            return
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"another process is writing {self.path}; wait for it, or choose another file") from None

    def _recovered(self, method: str) -> dict[str, Record]:
        self._file.seek(0)
        done: dict[str, Record] = {}
        whole = 0
        for number, line in enumerate(self._file, 1):
            record = _parsed(line)
            if record is None and not line.endswith(b"\n"):
                break  # the line that was being written when the process was killed
            if record is None or "id" not in record:
                raise UserError(f"{self.path}, line {number}, is no record of a run; choose another file")
            if record.get("method") != method:
                raise UserError(
                    f"{self.path} holds results that were made in another way (line {number}); choose another file, or begin "
                    "anew with --restart"
                )
            done[str(record["id"])] = record
            whole += len(line)
        self._file.truncate(whole)
        self._file.seek(0, os.SEEK_END)
        return done

    def append(self, record: Record) -> None:
        """Add a record; once this returns it survives a kill of the process."""
        self._file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self._file.flush()
        self.done[str(record["id"])] = record

    def __enter__(self) -> Records:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_records(path: Path) -> Iterator[Record]:
    """The last record of each id of a file, in the order they were first written.

    Raises:
        UserError: it cannot be read.
    """
    found: dict[str, Record] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                record = _parsed(line)
                if record is None and line.endswith(b"\n"):
                    raise UserError(f"{path}, line {number}, is not a JSON object")
                if record is not None:
                    found[str(record.get("id", number))] = record
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return iter(found.values())


def _parsed(line: bytes) -> Record | None:
    try:
        record = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return dict(record) if isinstance(record, Mapping) else None
