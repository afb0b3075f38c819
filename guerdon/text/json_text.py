"""JSON found in free text, read without ever raising on what a policy wrote."""

from __future__ import annotations

import json
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
# An attempt that fails may have read far; all failed attempts together may read this many times the text.
_FAILED_READING = 8
_DEPTH_COST = 100_000


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


def json_values(text: str, opening: str = "{") -> list[JsonValue]:
    """The outermost JSON objects in free text, in order; with ``opening="{["`` arrays too.

    Text between them, and brackets that begin no JSON, are passed over. After too many long failed attempts the search
    ends, so that its cost stays linear in the length of the text.

    >>> [found.value for found in json_values('Call {"name": "f"} and {not json} then {"x": {"y": 1}}.')]
    [{'name': 'f'}, {'x': {'y': 1}}]
    """
    found: list[JsonValue] = []
    budget = _FAILED_READING * len(text) + _DEPTH_COST
    nexts = {mark: text.find(mark) for mark in opening}
    while budget > 0 and any(at >= 0 for at in nexts.values()):
        start = min(at for at in nexts.values() if at >= 0)
        end = start + 1
        try:
            value, end = _DECODER.raw_decode(text, start)
            found.append(JsonValue(value, start, end))
        except json.JSONDecodeError as error:
            budget -= error.pos - start + 1
        except (ValueError, RecursionError):
            budget -= _DEPTH_COST
        for mark, at in nexts.items():
            if 0 <= at < end:
                nexts[mark] = text.find(mark, end)
    return found
