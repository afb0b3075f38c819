"""Tool calls in the formats of models and servers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.tool_calls import (
    ToolCall,
    block_tool_calls,
    extract_tool_calls,
    json_line_calls,
    message_tool_calls,
    tool_call,
)


def named(calls: list[ToolCall]) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, call.arguments) for call in calls]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>', [("f", {"x": 1})]),
        ('<tool_call>\n{"name": "f", "parameters": {}}\n{"name": "g"}\n</tool_call>', [("f", {}), ("g", {})]),
        ('<tool_call>{"name": "f"}</tool_call> so <tool_call>{"name": "g"}</tool_call>', [("f", {}), ("g", {})]),
        ('<tool_call>[{"name": "f"}, {"name": "g"}]</tool_call>', [("f", {}), ("g", {})]),
        ("<tool_call>broken</tool_call>", []),
        ('<tool_call>{"name": "f"}', []),
        ('[TOOL_CALLS][{"name": "f", "arguments": {"x": 1}}]', [("f", {"x": 1})]),
        ('<|python_tag|>{"name": "f", "parameters": {"x": 1}}', [("f", {"x": 1})]),
        ('{"name": "f", "arguments": {"x": 1}}', [("f", {"x": 1})]),
        ('```json\n{"name": "f"}\n```', [("f", {})]),
        ('I could call {"name": "f"} here.', []),
        (
            "<tool_call>\n<function=f>\n<parameter=x>\n1\n</parameter>\n<parameter=y>\ntwo\n</parameter>\n</function>\n</tool_call>",
            [("f", {"x": 1, "y": "two"})],
        ),
        ("<function=f></function><function=g><parameter=x>1", [("f", {}), ("g", {"x": 1})]),
        ("", []),
    ],
)
def test_extract_tool_calls(text: str, expected: list[tuple[str, dict[str, Any]]]) -> None:
    calls = extract_tool_calls(text)
    assert named(calls) == expected
    assert all(0 <= call.start < call.end <= len(text) and call.name in text[call.start : call.end] for call in calls)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"name": "f", "arguments": '{"x": 1}'}, {"x": 1}),
        ({"name": "f", "arguments": ""}, {}),
        ({"name": "f", "arguments": None}, {}),
        ({"name": "f", "input": {"x": 1}}, {"x": 1}),
        ({"type": "function", "function": {"name": "f", "arguments": "{}"}}, {}),
        ({"function": "f", "args": {"x": 1}}, {"x": 1}),
        ({"name": "f", "arguments": "{broken"}, None),
        ({"name": "f", "arguments": [1]}, None),
        ({"name": "", "arguments": {}}, None),
        ({"arguments": {}}, None),
        ([1], None),
        (None, None),
    ],
)
def test_tool_call(value: Any, expected: dict[str, Any] | None) -> None:
    call = tool_call(value)
    assert (None if call is None else call.arguments) == expected


def test_message_tool_calls() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    assert named(message_tool_calls({"role": "assistant", "content": None, "tool_calls": [call, "junk"]})) == [
        ("f", {"x": 1})
    ]
    assert named(message_tool_calls({"function_call": {"name": "f", "arguments": "{}"}})) == [("f", {})]
    assert named(message_tool_calls({"content": '<tool_call>{"name": "f"}</tool_call>'})) == [("f", {})]
    assert message_tool_calls({"content": None, "tool_calls": "junk"}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<tool_call>\n{"name": "f", "parameters": {}}\n</tool_call>', [{"name": "f", "parameters": {}}]),
        ('<tool_call>{"name": "f", "parameters": {}, "id": 1}</tool_call>', [{"name": "f", "parameters": {}, "id": 1}]),
        ('<tool_call>{"name": "f", "parameters": {}}\n\n{"name": "g", "parameters": {}}</tool_call>', None),
        ('<tool_call>{"name": "f", "arguments": {}}</tool_call>', None),
        ('<tool_call>[{"name": "f", "parameters": {}}]</tool_call>', None),
        ("<tool_call></tool_call>", None),
        ('<tool_call>{"name": "f", "parameters": {}}', None),
        ("", None),
    ],
)
def test_json_line_calls(text: str, expected: list[dict[str, Any]] | None) -> None:
    assert json_line_calls(text) == expected


def test_offsets_of_block_calls() -> None:
    (call,) = block_tool_calls('so {"name": "f"}', offset=10)
    assert (call.start, call.end) == (13, 26)


@given(
    st.lists(
        st.sampled_from(
            [
                "<tool_call>",
                "</tool_call>",
                "<function=f>",
                "</function>",
                "<parameter=x>",
                '{"name": "f"',
                "}",
                "[",
                "]",
                "\n",
                "x",
            ]
        )
    ).map("".join)
)
def test_odd_text_never_raises(text: str) -> None:
    for call in [*extract_tool_calls(text), *block_tool_calls(text)]:
        assert text[call.start : call.end]
    json_line_calls(text)
