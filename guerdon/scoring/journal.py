"""Journal: the files of a run that is under way. They only grow, and a checkpoint is their lengths.

A run keeps its files in ``OUT.partial/``. Each checkpoint first makes what was written durable, then adds one line to the
journal. After a kill at any moment, the last whole line of the journal says how much of each file counts; what lies beyond
is cut off.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from guerdon.errors import UserError

JOURNAL, LOCK = "journal", "lock"
Entry = dict[str, Any]


class Journal:
    """Growing files in one folder, and how far they count.

    ``entry`` is the last checkpoint, None before the first. ``header`` says what run it is.

    Raises:
        UserError: another process has the folder open.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / LOCK)
        self.header: Entry | None = None
        self.entry: Entry | None = None
        self._file = self._recover()
        self._files: dict[str, IO[bytes]] = {}
        self._pending: Entry | None = None
        if self.entry is None or not self.entry.get("done"):
            self._files = {name: self._reopen(name) for name in names}

    def _recover(self) -> IO[bytes]:
        file = (self.folder / JOURNAL).open("a+b")
        file.seek(0)
        entries, whole = _entries(file)
        self.header = entries[0] if entries else None
        self.entry = entries[-1] if len(entries) > 1 else None
        file.truncate(whole)
        file.seek(0, os.SEEK_END)
        return file

    def _reopen(self, name: str) -> IO[bytes]:
        counted = (self.entry or {}).get("lengths", {}).get(name, 0)
        file = self.path(name).open("ab")
        if file.tell() < counted:
            file.close()
            raise UserError(
                f"{self.path(name)} is shorter than its journal says ({self.path(name).stat().st_size} of {counted} bytes); "
                "the unfinished run is damaged, begin anew with --restart"
            )
        file.truncate(counted)
        file.seek(0, os.SEEK_END)
        return file

    def path(self, name: str) -> Path:
        """Where a file lies."""
        return self.folder / name

    def begin(self, header: Mapping[str, Any]) -> None:
        """Write what run this is."""
        self.header = dict(header)
        self._write(self.header)

    def append(self, data: Mapping[str, bytes], **entry: Any) -> None:
        """Add to the files; with ``entry`` it counts from the next checkpoint on. Stopped halfway, none of it will count."""
        for name, added in data.items():
            self._files[name].write(added)
        self._pending = {**entry, "lengths": {name: file.tell() for name, file in self._files.items()}}

    def length(self, name: str) -> int:
        """The present length of a file."""
        return self._files[name].tell()

    def checkpoint(self) -> None:
        """Make everything appended so far count."""
        if self._pending is None:
            return
        for file in self._files.values():
            _durable(file)
        self.entry, self._pending = self._pending, None
        self._write(self.entry)

    def _write(self, entry: Mapping[str, Any]) -> None:
        said = json.dumps(entry, sort_keys=True).encode()
        self._file.write(b"%08x %s\n" % (zlib.crc32(said), said))
        _durable(self._file)

    def close(self) -> None:
        """Close all files. What was written after the last checkpoint does not count."""
        for file in (*self._files.values(), self._file, self._lock):
            file.close()

    def remove(self) -> None:
        """Close all files and delete the folder, the journal last: a kill in between leaves a run that is done."""
        self.close()
        for path in self.folder.iterdir():
            if path.name not in (JOURNAL, LOCK):
                path.unlink()
        self.path(JOURNAL).unlink()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_begun(folder: Path) -> bool:
    """Whether a run that wrote something left its journal in a folder."""
    try:
        with (folder / JOURNAL).open("rb") as file:
            return len(_entries(file)[0]) > 1
    except FileNotFoundError:
        return False


def _entries(lines: Iterable[bytes]) -> tuple[list[Entry], int]:
    """The header, the checkpoints, and how many bytes they take up; a torn line ends them."""
    entries, whole = [], 0
    for line in lines:
        entry = _parsed(line)
        if entry is None:
            break
        entries.append(entry)
        whole += len(line)
    return entries, whole


def _parsed(line: bytes) -> Entry | None:
    """What a line of the journal says, None if it is torn."""
    checksum, _, said = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(said):
        return None
    entry: Entry = json.loads(said)
    return entry


def _durable(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _locked(path: Path) -> IO[bytes]:
    """An open file that only one process can hold, and none it forks; the system lets go of it when it ends, however it ends."""
    file = path.open("ab")
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        return file
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise UserError(f"another process is writing {path.parent}; wait for it, or choose another --out") from None
    return file


def settle(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file in one step: it holds either what it held or all of ``data``."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(data)
        _durable(file)
    fresh.replace(path)
    settle(path.parent)
