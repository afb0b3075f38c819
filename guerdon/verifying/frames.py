"""Frames on a stream socket between the pool, its warden and the workers: what, of which chunk, which items, a payload."""

from __future__ import annotations

import io
import pickle
import socket
import struct
from enum import IntEnum
from typing import Any, NamedTuple

_HEADER = struct.Struct("<BQIIQ")
_LARGEST = 1 << 30
_READ = 1 << 18


class Kind(IntEnum):
    """What a frame carries."""

    WORK = 0
    RESULTS = 1
    CANCEL = 2


class Frame(NamedTuple):
    """Something said of this many ``items`` of a chunk, from ``first`` on."""

    kind: Kind
    chunk: int
    first: int
    items: int
    payload: bytes

    def packed(self) -> bytes:
        """The frame as it goes over the wire."""
        return _HEADER.pack(self.kind, self.chunk, self.first, self.items, len(self.payload)) + self.payload


class Channel:
    """One end of a socket that carries frames. With ``blocking=False`` it never waits: what cannot be sent yet is kept."""

    def __init__(self, end: socket.socket, *, blocking: bool = True) -> None:
        self.socket = end
        self.socket.setblocking(blocking)
        self._inbox = bytearray()
        self._outbox = bytearray()

    def fileno(self) -> int:
        """The file descriptor, for selectors."""
        return self.socket.fileno()

    def send(self, frame: Frame) -> None:
        """Send a frame; raises OSError where the other end is gone."""
        if self.socket.gettimeout() == 0.0:
            self._outbox += frame.packed()
            self.flush()
        else:
            self.socket.sendall(frame.packed())

    def flush(self) -> None:
        """Send what was kept, as far as the other end takes it."""
        try:
            while self._outbox:
                del self._outbox[: self.socket.send(self._outbox[:_READ])]
        except BlockingIOError:
            return

    @property
    def waiting(self) -> bool:
        """Whether something is kept that the other end has not taken yet."""
        return bool(self._outbox)

    def receive(self) -> list[Frame] | None:
        """The frames that one read completes, None where the other end is gone. A blocking channel waits for data."""
        try:
            data = self.socket.recv(_READ)
        except BlockingIOError:
            return []
        except TimeoutError:
            raise
        except OSError:
            data = b""
        if not data:
            return None
        self._inbox += data
        frames: list[Frame] = []
        start = 0
        while len(self._inbox) - start >= _HEADER.size:
            kind, chunk, first, items, length = _HEADER.unpack_from(self._inbox, start)
            if length > _LARGEST or kind > Kind.CANCEL:
                return None
            end = start + _HEADER.size + length
            if end > len(self._inbox):
                break
            frames.append(Frame(Kind(kind), chunk, first, items, bytes(self._inbox[start + _HEADER.size : end])))
            start = end
        del self._inbox[:start]
        return frames

    def close(self) -> None:
        """Close this end."""
        self.socket.close()


class _Plain(pickle.Unpickler):
    """Reads numbers, text, bytes and containers of them; nothing that has to be imported."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is not plain data")


def load_plain(data: bytes) -> Any:
    """The plain data (None, bool, numbers, str, bytes, list, tuple, dict, set) that was pickled.

    What a worker sends is read with this alone, since what runs in it may be hostile.

    Raises:
        pickle.UnpicklingError: it holds anything else.

    >>> load_plain(pickle.dumps([1.5, "a", None]))
    [1.5, 'a', None]
    """
    return _Plain(io.BytesIO(data)).load()
