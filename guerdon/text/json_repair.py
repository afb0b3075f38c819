"""JSON as models nearly write it: in fences, with single quotes, bare keys or trailing commas."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from guerdon.text.json_text import NOT_JSON, parse_json

_FENCE = re.compile(r"```(?:json|JSON)?")
_BARE_KEY = re.compile(r"([{,]\s*+)([A-Za-z_][\w.-]*+)(\s*+:)")
_TRAILING = re.compile(r",(\s*+[}\]])")


class Found(NamedTuple):
    """A JSON value and how it was found: ``"strict"``, ``"repaired"`` or ``"rescued"``; NOT_JSON and ``""`` for none."""

    value: Any
    how: str


def without_fences(text: str) -> str:
    """The text without the marks of code fences, stripped.

    >>> without_fences('```json\\n{"a": 1}\\n```')
    '{"a": 1}'
    """
    return _FENCE.sub("", text).strip()


def repaired(text: str) -> str:
    """The text with single quotes as double ones, bare keys quoted and trailing commas dropped. All of it is changed.

    >>> repaired("{scores: {'model-1': 5,},}")
    '{"scores": {"model-1": 5}}'
    """
    return _TRAILING.sub(r"\1", _BARE_KEY.sub(r'\1"\2"\3', text.replace("'", '"')))


def tolerant_json(text: str, *, repair: bool = True, repair_rescued: bool = True) -> Found:
    """The JSON value of a text without fences: as it is, repaired, or from the first opening to the last closing brace.

    ``repair=False`` leaves the middle way out; ``repair_rescued`` also repairs what stands between the braces.

    >>> tolerant_json("It's so: {'a': 1}"), tolerant_json("[1,]").how, tolerant_json("no").how
    (Found(value={'a': 1}, how='rescued'), 'repaired', '')
    """
    plain = without_fences(text)
    value = parse_json(plain)
    if value is not NOT_JSON:
        return Found(value, "strict")
    if repair and (value := parse_json(repaired(plain))) is not NOT_JSON:
        return Found(value, "repaired")
    start, end = plain.find("{"), plain.rfind("}")
    if 0 <= start < end:
        inside = plain[start : end + 1]
        for candidate in (inside, repaired(inside)) if repair and repair_rescued else (inside,):
            if (value := parse_json(candidate)) is not NOT_JSON:
                return Found(value, "rescued")
    return Found(NOT_JSON, "")
