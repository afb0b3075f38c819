"""JSON found in free text, read without ever raising on what a policy wrote."""

from __future__ import annotations

import json
from typing import Any

#: What :func:`parse_json` returns for text that is not JSON (None is a JSON value).
NOT_JSON: Any = type("NotJson", (), {"__repr__": lambda self: "NOT_JSON", "__bool__": lambda self: False})()


def parse_json(text: str) -> Any:
    """The value that ``text`` is the JSON of, or ``NOT_JSON``; text nested too deeply for the parser is not JSON.

    >>> parse_json('{"a": [1, 2]}'), parse_json("[" * 100_000)
    ({'a': [1, 2]}, NOT_JSON)
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON
