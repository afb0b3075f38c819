"""JSON in a chat model's reply: bare, in a fenced block, or between the outermost braces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from guerdon.text.json_text import NOT_JSON, parse_json

# Zero-width, so that runs of backticks are looked at from each of them.
_OPENINGS = (re.compile(r"(?=```json(\s*+))"), re.compile(r"(?=```(\s*+))"))
_CLOSING = "\n```"


def json_reply(text: str, default: Any = NOT_JSON) -> Any:
    """The JSON value a reply holds, whatever its type, or ``default``. Linear in the length of the text.

    Tried in turn: all of the text; the first block fenced as ``json``, the first fenced block, both with the fences on lines
    of their own; from the first opening to the last closing brace. A candidate that is not JSON is passed over, not searched.

    >>> json_reply('```json\\n{"a": 1}\\n```'), json_reply('Well: {"a": {"b": 2}}.'), json_reply('{"a": 1,}')
    ({'a': 1}, {'a': {'b': 2}}, NOT_JSON)
    """
    for candidate in _candidates(text):
        value = parse_json(candidate)
        if value is not NOT_JSON:
            return value
    return default


def _candidates(text: str) -> Iterator[str]:
    yield text
    for opening in _OPENINGS:
        block = _fenced(text, opening)
        if block is not None:
            yield block.strip()
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        yield text[start : end + 1]


def _fenced(text: str, opening: re.Pattern[str]) -> str | None:
    """What stands between the first opening fence that ends its line and the next closing fence that begins one."""
    for match in opening.finditer(text):
        line_end = match.group(1).rfind("\n")
        if line_end < 0:
            continue
        start = match.start(1) + line_end + 1
        end = text.find(_CLOSING, start)
        return None if end < 0 else text[start:end]
    return None
