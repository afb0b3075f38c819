"""JSON in free text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.json_text import NOT_JSON, json_values, parse_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text", ["", "{", "nope", "[" * 200_000, '{"a":' * 200_000, "{'a': 1}", "1" * 10_000, "\ud800"]
)
def test_what_is_not_json(text: str) -> None:
    assert parse_json(text) is NOT_JSON
    assert not NOT_JSON
    assert repr(NOT_JSON) == "NOT_JSON"


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.integers(1, 4))
def test_objects_are_found_between_other_text(value: dict[str, Any], times: int) -> None:
    said = json.dumps(value)
    text = f"call {{it}} {said} ; " * times
    found = json_values(text)
    assert [item.value for item in found] == [value] * times
    assert all(text[item.start : item.end] == said for item in found)


def test_long_values_and_arrays() -> None:
    long = {"text": "x" * 5000, "list": list(range(2000))}
    assert [item.value for item in json_values(f"{{ {json.dumps(long)} }}")] == [long]
    assert [item.value for item in json_values("see [1, 2] and {}", "{[")] == [[1, 2], {}]
    assert [item.value for item in json_values('[{"a": 1}]')] == [{"a": 1}]
    assert json_values('{"cut": "off') == []


@given(st.text(alphabet='{}[]":,a1 \\'))
def test_odd_text_never_raises(text: str) -> None:
    for item in json_values(text, "{["):
        assert json.loads(text[item.start : item.end]) == item.value
