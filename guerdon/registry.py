"""Names for everything a specification may mention: rewards, models, protocols, markers.

A class enters under a kind and a name with :func:`register`; :func:`lookup` finds it. guerdon's own rooms are imported when
a name of their kind is first asked for, plug-ins through the entry-point group ``guerdon.rewards``. Nothing else can be
reached from a specification: no import path ever comes from data.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any, TypeVar

from guerdon.errors import SpecError, closest

C = TypeVar("C", bound=type)

_entries: dict[str, dict[str, type]] = {}
_rooms: dict[str, tuple[str, ...]] = {
    "reward": ("guerdon.combine", "guerdon.rewards"),
    "value": ("guerdon.markers", "guerdon.rubric"),
    "encoder": ("guerdon.models.encoders",),
    "lm": ("guerdon.models.lm", "guerdon.models.lms"),
    "chat": ("guerdon.models.chat", "guerdon.models.chats"),
    "reward_model": ("guerdon.models.reward_model",),
    "tool": ("guerdon.models.tools",),
    "protocol": ("guerdon.models.judge", "guerdon.models.protocols", "guerdon.models.sql_rating"),
    "rubric_method": ("guerdon.rubrics",),
    "rubric_filter": ("guerdon.rubrics",),
}
_opened: set[str] = set()

ENTRY_POINTS = "guerdon.rewards"


def register(kind: str, name: str | None = None) -> Callable[[C], C]:
    """Class decorator: enter a frozen dataclass under ``kind`` and ``name`` (default: the class name in snake case).

    Raises:
        SpecError: another class already has this name.
    """

    def enter(cls: C) -> C:
        key = name or snake_case(cls.__name__)
        known = _entries.setdefault(kind, {}).get(key)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise SpecError(f"{kind} {key!r} is already registered by {known.__module__}.{known.__qualname__}")
        if kind in getattr(cls, "__dataclass_fields__", {}):
            raise SpecError(
                f"{cls.__name__} has a field {kind!r}, which is where a specification writes its name; rename the field"
            )
        _entries[kind][key] = cls
        cls.registered = (kind, key)  # type: ignore[attr-defined]
        return cls

    return enter


def lookup(kind: str, name: str) -> type:
    """The class registered under a kind and name.

    Raises:
        SpecError: no such kind or name; the message offers the closest.
    """
    if kind not in _rooms and kind not in _entries:
        raise SpecError(f"kind {kind!r} is unknown; {closest(kind, kinds())}")
    if name not in _entries.get(kind, {}):
        _open(kind)
    try:
        return _entries[kind][name]
    except KeyError:
        raise SpecError(f"{kind} {name!r} is not registered; {closest(str(name), _entries.get(kind, {}))}") from None


def registered(kind: str) -> dict[str, type]:
    """Every class of a kind by name, plug-ins included.

    >>> "cosine" in registered("reward")
    True
    """
    _open(kind)
    return dict(sorted(_entries.get(kind, {}).items()))


def kinds() -> tuple[str, ...]:
    """The kinds of things that can be registered."""
    return tuple(sorted({*_rooms, *_entries}))


def _open(kind: str) -> None:
    if kind in _opened:
        return
    _opened.add(kind)
    for name in _rooms.get(kind, ()):
        room = importlib.import_module(name)
        if hasattr(room, "register_all"):
            room.register_all()
    if kind == "reward":
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINTS):
            point.load()


def snake_case(name: str) -> str:
    """``RougeL`` -> ``rouge_l``, ``TokenF1`` -> ``token_f1``.

    >>> snake_case("TokenF1"), snake_case("RougeL"), snake_case("HTTPEncoder")
    ('token_f1', 'rouge_l', 'http_encoder')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def describe(value: Any) -> tuple[str, str] | None:
    """The (kind, name) under which a value's class is registered, or None."""
    entry: tuple[str, str] | None = type(value).__dict__.get("registered")
    return entry
