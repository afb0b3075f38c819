"""JSON found in free text, read without ever raising on what a policy wrote."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any


class _NotJson:
    def __repr__(self) -> str:
        return "NOT_JSON"

    def __bool__(self) -> bool:
        return False


#: What :func:`parse_json` returns for text that is not JSON (None is a JSON value).
NOT_JSON: Any = _NotJson()

_DECODER = json.JSONDecoder()
# What can begin an object or an array.
_BEGINNINGS = {"{": r"\{\s*+[\"}]", "[": r"\[\s*+[\[{\"\]\dtfnNI-]"}
# Text is decoded in windows that grow while the value does not end in them. All failed attempts together may read this
# many times the text, so that brackets that never close cannot make the search slow.
_WINDOW, _FAILED_READING, _ALLOWANCE, _TOO_DEEP = 256, 8, 500_000, 50_000


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A JSON object or array found at ``text[start:end]``."""

    value: Any
    start: int
    end: int


def parse_json(text: str) -> Any:
    """The value that ``text`` is the JSON of, or ``NOT_JSON``; text nested too deeply for the parser is not JSON.

    >>> parse_json('{"a": [1, 2]}'), parse_json("[" * 100_000)
    ({'a': [1, 2]}, NOT_JSON)
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def deeper_than(value: Any, levels: int) -> bool:
    """Whether arrays and objects of a JSON value are nested more than ``levels`` deep; not recursive.

    >>> deeper_than([[1]], 1), deeper_than([[1]], 2)
    (True, False)
    """
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return bool(level)


def json_values(text: str, opening: str = "{") -> list[JsonValue]:
    """The outermost JSON objects in free text, in order; with ``opening="{["`` arrays too.

    Text between them, and brackets that begin no JSON, are passed over. After too many long failed attempts the search
    ends, so that its cost stays linear in the length of the text.

    >>> [found.value for found in json_values('Call {"name": "f"} and {not json} then {"x": {"y": 1}}.')]
    [{'name': 'f'}, {'x': {'y': 1}}]
    """
    found: list[JsonValue] = []
    budget, position = _FAILED_READING * len(text) + _ALLOWANCE, 0
    for candidate in re.compile("|".join(_BEGINNINGS[mark] for mark in opening)).finditer(text):
        start = candidate.start()
        if start < position:
            continue
        value, end, read = _decode(text, start)
        if value is not NOT_JSON:
            found.append(JsonValue(value, start, end))
            position = end
            continue
        budget -= read
        if budget < 0:
            break
    return found


def _decode(text: str, start: int) -> tuple[Any, int, int]:
    """The JSON value at ``start`` or NOT_JSON, where it ends, and how many characters were read for it."""
    size, read = _WINDOW, 0
    while True:
        window = text[start : start + size]
        read += len(window)
        try:
            value, end = _DECODER.raw_decode(window)
            return value, start + end, read
        except json.JSONDecodeError as error:
            cut = error.msg.startswith("Unterminated") or error.pos > len(window) - 16
            if not cut or start + size >= len(text):
                return NOT_JSON, start, read
        except (ValueError, RecursionError):
            return NOT_JSON, start, read + _TOO_DEEP
        size *= 4
