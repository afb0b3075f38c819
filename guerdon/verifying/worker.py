"""A worker of the verifier pool: runs a function over items, one after the other, and says which one it is at."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import mmap
import os
import pickle
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from guerdon.verifying.frames import Channel, Frame, Kind, load_plain

_LEDGER = struct.Struct("<qd")
_FLUSH_SECONDS, _FLUSH_ITEMS = 0.02, 256
_DIE_WITH_PARENT = 1  # prctl(PR_SET_PDEATHSIG)
_LONGEST_MESSAGE = 300

#: Exit status of a worker that came to its memory limit.
OUT_OF_MEMORY = 77

#: What a worker says of one item: outcome, message, seconds, value.
Said = tuple[str, str, float, Any]


class Ledger:
    """A page shared by worker and warden: the item the worker is at, and since when. No message is sent for it."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)

    def start(self, item: int) -> None:
        """The worker is at ``item`` from now on."""
        _LEDGER.pack_into(self._page, 0, item, 0.0)
        _LEDGER.pack_into(self._page, 0, item, time.monotonic())

    def stop(self) -> None:
        """The worker is at no item."""
        _LEDGER.pack_into(self._page, 0, -1, 0.0)

    def read(self) -> tuple[int, float] | None:
        """The item the worker is at and since when; None between items."""
        for _ in range(3):
            item, since = _LEDGER.unpack_from(self._page)
            if (item, since) == _LEDGER.unpack_from(self._page):
                return (item, since) if since else None
        return None

    def close(self) -> None:
        """Give the page back."""
        self._page.close()


def resolve(name: str) -> Callable[[Any], Any]:
    """The top-level function that ``"module:qualname"`` names; its module is imported."""
    module, _, qualname = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def serve(channel: Channel, ledger: Ledger, memory: int, recycle: int) -> NoReturn:
    """Work until the warden closes the channel, ``recycle`` items are done, or half of ``memory`` (bytes) is used up."""
    restrict(memory)
    frugal = memory // 2 + peak_memory()
    left = recycle
    while left > 0 and peak_memory() < frugal:
        frames = channel.receive()
        if frames is None:
            break
        for frame in frames:
            left -= frame.items
            work(channel, ledger, frame)
    os._exit(0)


def work(channel: Channel, ledger: Ledger, frame: Frame) -> None:
    """Run one frame of work and send what comes out, at least every 20 ms; a worker out of memory exits at that item."""
    name, items = pickle.loads(frame.payload)
    said: list[Said] = []
    done = 0
    flushed = time.monotonic()

    def flush() -> None:
        nonlocal said, done, flushed
        if said:
            channel.send(Frame(Kind.RESULTS, frame.chunk, done, len(said), pickle.dumps(said)))
        done, said, flushed = done + len(said), [], time.monotonic()

    function = resolve(name)
    for i, item in enumerate(items):
        if len(said) >= _FLUSH_ITEMS or time.monotonic() - flushed > _FLUSH_SECONDS:
            flush()
        ledger.start(i)
        try:
            said.append(checked(function, item))
        except MemoryError:
            flush()
            os._exit(OUT_OF_MEMORY)
        ledger.stop()
    flush()


def checked(function: Callable[[Any], Any], item: bytes) -> Said:
    """What one call gives: its value, or the error it raised; only MemoryError comes through."""
    started = time.perf_counter()
    try:
        value = function(pickle.loads(item))
        load_plain(pickle.dumps(value))
        return "scored", "", time.perf_counter() - started, value
    except MemoryError:
        raise
    except BaseException as error:
        # Whatever a hostile input made the function raise, exits included, is about this item only.
        return "instrument_error", described(error), time.perf_counter() - started, None


def described(error: BaseException) -> str:
    """An exception as one short line, whatever its ``str`` does."""
    try:
        said = f"{type(error).__name__}: {error}"
    except Exception:
        said = type(error).__name__
    return " ".join(said[:_LONGEST_MESSAGE].split()).encode("utf-8", "replace").decode()


def restrict(memory: int) -> None:
    """Make this process a quiet one that dies with the warden and cannot grow by more than ``memory`` bytes."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        ceiling = virtual_memory() + memory
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))


def virtual_memory() -> int:
    """Bytes of address space this process has; raises OSError where the system does not tell."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * mmap.PAGESIZE


def peak_memory() -> int:
    """The most bytes this process has held in memory at once."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
