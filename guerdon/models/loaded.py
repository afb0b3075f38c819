"""The process's loaded models: one per description, made when first asked for, never inherited through a fork."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class _Slot:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.filled = False
        self.value: Any = None


_lock = threading.Lock()
_slots: dict[Hashable, _Slot] = {}
_of_parent: list[dict[Hashable, _Slot]] = []
_torch_at_fork = False


def loaded(description: Hashable, load: Callable[[], T]) -> T:
    """What ``load()`` returned for the first equal description in this process; an error is not remembered.

    Threads that ask for the same thing wait for one load; different things load side by side.

    >>> loaded(("example", 1), lambda: "weights") is loaded(("example", 1), lambda: "others")
    True
    """
    with _lock:
        slot = _slots.setdefault(description, _Slot())
    if not slot.filled:
        with slot.lock:
            if not slot.filled:
                slot.value = load()
                slot.filled = True
    return cast(T, slot.value)


def unload(description: Hashable | None = None) -> None:
    """Forget a loaded model, or all, so that its memory is freed once no call uses it.

    >>> unload(("example", 1))
    """
    with _lock:
        if description is None:
            _slots.clear()
        else:
            _slots.pop(description, None)


def torch_usable_after_fork() -> None:
    """Make PyTorch compute in one thread if this process was forked from one that had imported it: with more, it would hang.

    >>> torch_usable_after_fork()
    """
    if _torch_at_fork:
        sys.modules["torch"].set_num_threads(1)


def _after_fork() -> None:
    """A child starts with nothing loaded. What the parent had is kept alive, since its threads cannot be joined here."""
    global _lock, _slots, _torch_at_fork
    _of_parent.append(_slots)
    _lock, _slots = threading.Lock(), {}
    _torch_at_fork = "torch" in sys.modules


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
