"""Whether a computed value is the expected one of a golden case."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def differences(expected: Any, actual: Any, tolerance: float, at: str = "value") -> list[str]:
    """Every place where ``actual`` is not ``expected``; empty when they agree.

    Tolerance is absolute and inclusive. ``None`` accepts None or NaN, ``"nan"`` accepts NaN. Tuples, arrays and tensors
    are lists, numpy scalars are numbers. A mapping must have the same keys, spelled as JSON spells them. A truth value
    is not a number.
    """
    actual = plain(actual)
    if expected is None:
        return [] if actual is None or is_nan(actual) else [f"{at}: expected null, got {shown(actual)}"]
    if is_nan(expected) or expected == "nan":
        return [] if is_nan(actual) else [f"{at}: expected NaN, got {shown(actual)}"]
    if isinstance(expected, Mapping):
        return _mapping_differences(expected, actual, tolerance, at)
    if isinstance(expected, list):
        return _list_differences(expected, actual, tolerance, at)
    if is_number(expected) and is_number(actual):
        equal = expected == actual or abs(expected - actual) <= tolerance
        return [] if equal else [f"{at}: expected {expected!r} within {tolerance!r}, got {shown(actual)}"]
    equal = isinstance(expected, bool) == isinstance(actual, bool) and expected == actual
    return [] if equal else [f"{at}: expected {shown(expected)}, got {shown(actual)}"]


def plain(value: Any) -> Any:
    """The value as JSON has it at its top level: arrays, tensors and tuples as lists, numpy scalars as Python's."""
    if isinstance(value, tuple):
        return list(value)
    return value.tolist() if hasattr(value, "tolist") else value


def shown(value: Any) -> str:
    """The value as it is printed in a message, cut where it is long."""
    return f"{value!r:.300}"


def is_number(value: Any) -> bool:
    """Whether the value is an int or a float, and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_nan(value: Any) -> bool:
    """Whether the value is a float NaN."""
    return isinstance(value, float) and math.isnan(value)


def expected_exception(expected: Any) -> str | None:
    """The name of the exception a case expects, ``{"error": name}``, or None."""
    if isinstance(expected, Mapping) and set(expected) == {"error"} and isinstance(expected["error"], str):
        return str(expected["error"])
    return None


def _mapping_differences(expected: Mapping[str, Any], actual: Any, tolerance: float, at: str) -> list[str]:
    if not isinstance(actual, Mapping):
        return [f"{at}: expected a mapping with keys {sorted(expected)}, got {shown(actual)}"]
    named = {_spelled(key): value for key, value in actual.items()}
    if named.keys() != expected.keys():
        return [f"{at}: expected keys {sorted(expected)}, got {sorted(named)}"]
    return [line for key in expected for line in differences(expected[key], named[key], tolerance, f"{at}[{key!r}]")]


def _list_differences(expected: list[Any], actual: Any, tolerance: float, at: str) -> list[str]:
    if not isinstance(actual, list) or len(actual) != len(expected):
        return [f"{at}: expected {len(expected)} items, got {shown(actual)}"]
    pairs = enumerate(zip(expected, actual, strict=True))
    return [line for i, (one, other) in pairs for line in differences(one, other, tolerance, f"{at}[{i}]")]


def _spelled(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(plain(key))
