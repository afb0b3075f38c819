"""Whether the arguments of a tool call are those its schema asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_LONGEST = 120


def argument_fault(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """What is wrong with a call's arguments, in a sentence for the caller; None where nothing is.

    Of ``schema`` (an object's) are read ``properties`` with ``type``, ``enum``, ``minimum``, ``maximum``, ``maxLength``, ``items``,
    ``minItems`` and ``maxItems``, and ``required``. Names it does not have are a fault.

    >>> schema = {"properties": {"query": {"type": "string"}}, "required": ["query"]}
    >>> argument_fault({"query": 4}, schema), argument_fault({"query": "a"}, schema)
    ("argument 'query' must be of type string", None)
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in arguments:
            return f"argument {name!r} is missing; the tool takes {_named(properties)}"
    for name, value in arguments.items():
        if name not in properties:
            return f"there is no argument {str(name)[:_LONGEST]!r}; the tool takes {_named(properties)}"
        fault = _fault(value, properties[name])
        if fault:
            return f"argument {name!r} {fault}"
    return None


def _named(properties: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, properties)) or "none"


def _fault(value: Any, schema: Mapping[str, Any]) -> str | None:
    kind = schema.get("type")
    if kind is not None and not _is(value, kind):
        return f"must be of type {kind}"
    if "enum" in schema and value not in schema["enum"]:
        return f"must be one of {', '.join(map(str, schema['enum']))}"
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        return f"has {len(value)} characters; the most is {schema['maxLength']}"
    if ("minimum" in schema and value < schema["minimum"]) or ("maximum" in schema and value > schema["maximum"]):
        return f"must lie between {schema.get('minimum', '-inf')} and {schema.get('maximum', 'inf')}"
    if kind == "array":
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return f"has {len(value)} items, which is too many or too few"
        return next(
            (f"holds an item that {bad}" for one in value if (bad := _fault(one, schema.get("items", {})))), None
        )
    return None


def _is(value: Any, kind: str) -> bool:
    if kind in ("integer", "number"):
        whole = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        if isinstance(value, bool) or not whole:
            return False
        return kind == "number" or isinstance(value, int) or value.is_integer()
    if kind == "array":
        return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    known: dict[str, type] = {"string": str, "boolean": bool, "object": Mapping}
    return kind not in known or isinstance(value, known[kind])
