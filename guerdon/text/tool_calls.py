"""Tool calls as models write them: Hermes blocks, JSON lines, XML parameters, OpenAI messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guerdon.text.json_text import NOT_JSON, json_values, parse_json
from guerdon.text.tags import tag_blocks

# The names under which formats keep a call's arguments, and the tags or tokens around calls.
_ARGUMENTS = ("arguments", "parameters", "args", "input", "kwargs")
_TAGS = ("tool_call", "function_call", "tool_calls")
_MARKERS = ("[TOOL_CALLS]", "<|python_tag|>")
_XML_FUNCTION = re.compile(r"<function=([^<>\s]{1,200})>")
_XML_PARAMETER = re.compile(r"<parameter=([^<>\s]{1,200})>")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: the tool's name and its arguments. ``start`` and ``end`` are its span in the text, -1 in messages."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    start: int = -1
    end: int = -1


def tool_call(value: Any) -> ToolCall | None:
    """The call that a JSON object describes, None if it describes none.

    ``{"name": ..., "arguments": {...}}``, also with ``parameters``, ``args`` or ``input``, with arguments as a JSON
    string, or inside ``{"function": ...}``; a call without arguments has an empty mapping.

    >>> tool_call({"function": {"name": "add", "arguments": '{"a": 1}'}})
    ToolCall(name='add', arguments={'a': 1}, start=-1, end=-1)
    >>> tool_call({"name": 3}) is None
    True
    """
    if not isinstance(value, Mapping):
        return None
    function = value.get("function")
    if isinstance(function, Mapping):
        value = function
    name = value.get("name", function if isinstance(function, str) else None)
    if not isinstance(name, str) or not name:
        return None
    arguments: Any = next((value[key] for key in _ARGUMENTS if key in value), {})
    if isinstance(arguments, str):
        arguments = parse_json(arguments) if arguments.strip() else {}
    if arguments is None:
        arguments = {}
    return ToolCall(name, dict(arguments)) if isinstance(arguments, Mapping) else None


def extract_tool_calls(text: str) -> list[ToolCall]:
    """Every call that a text makes, in order; what does not parse is passed over.

    Read are blocks of ``<tool_call>`` with JSON objects or lists (Hermes, Qwen), with one JSON object a line (ToolRL),
    or with ``<function=name><parameter=key>value`` (Qwen-Coder); else JSON after ``[TOOL_CALLS]`` (Mistral) or
    ``<|python_tag|>`` (Llama); else, if all of the text is JSON or one fenced block of it, that. Linear in the length
    of the text.

    >>> extract_tool_calls('<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>')[0].arguments
    {'a': 1}
    """
    blocks = sorted((block for tag in _TAGS for block in tag_blocks(text, tag)), key=lambda block: block.start)
    calls: list[ToolCall] = []
    if blocks:
        position = 0
        for block in blocks:
            if block.start >= position:
                calls += block_tool_calls(block.content, block.content_start)
                position = block.end
        return calls
    if "<function=" in text:
        return _xml_calls(text, 0)
    for marker in _MARKERS:
        at = text.find(marker)
        if at >= 0:
            return block_tool_calls(text[at + len(marker) :], at + len(marker))
    bare = re.sub(r"^```(?:json)?\s|```$", "", text.strip()).strip()
    return block_tool_calls(text, 0) if parse_json(bare) is not NOT_JSON else []


def block_tool_calls(text: str, offset: int = 0) -> list[ToolCall]:
    """The calls inside the content of one tool-call block: JSON objects, lists of them, or XML functions.

    ``offset`` is where the content begins in the text that the spans refer to.

    >>> [call.name for call in block_tool_calls('{"name": "f"}\\n{"name": "g"}')]
    ['f', 'g']
    """
    if "<function=" in text:
        return _xml_calls(text, offset)
    calls: list[ToolCall] = []
    for found in json_values(text, "{["):
        values = found.value if isinstance(found.value, list) else [found.value]
        made = [tool_call(value) for value in values]
        calls += [
            ToolCall(call.name, call.arguments, found.start + offset, found.end + offset) for call in made if call
        ]
    return calls


def message_tool_calls(message: Mapping[str, Any]) -> list[ToolCall]:
    """The calls of an OpenAI-style message: its ``tool_calls`` (or ``function_call``), else those in its text.

    >>> message_tool_calls({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]})
    [ToolCall(name='f', arguments={}, start=-1, end=-1)]
    """
    structured = message.get("tool_calls") or ([message["function_call"]] if message.get("function_call") else None)
    if isinstance(structured, Sequence) and not isinstance(structured, str):
        return [call for value in structured if (call := tool_call(value)) is not None]
    content = message.get("content")
    return extract_tool_calls(content) if isinstance(content, str) else []


def json_line_calls(text: str, tag: str = "tool_call") -> list[dict[str, Any]] | None:
    """The objects of the first ``tag`` block, one JSON object a line with "name" and "parameters"; None if any is not.

    Source: the strict reading of ToolRL (arXiv 2504.13958, section 3.3): no block, an empty line, a list or a missing
    key spoils all.

    >>> json_line_calls('<tool_call>\\n{"name": "f", "parameters": {"x": 1}}\\n</tool_call>')
    [{'name': 'f', 'parameters': {'x': 1}}]
    >>> json_line_calls("<tool_call>\\n\\n</tool_call>") is None
    True
    """
    _, opened, rest = text.partition(f"<{tag}>")
    content, closed, _ = rest.partition(f"</{tag}>")
    if not opened or not closed:
        return None
    calls = [parse_json(line) for line in content.strip().split("\n")]
    if all(isinstance(call, dict) and "name" in call and "parameters" in call for call in calls):
        return calls
    return None


def _xml_calls(text: str, offset: int) -> list[ToolCall]:
    """``<function=name> <parameter=key> value </parameter> ... </function>``; values that are JSON are read as such."""
    calls: list[ToolCall] = []
    heads = list(_XML_FUNCTION.finditer(text))
    for head, following in zip(heads, [*heads[1:], None], strict=False):
        limit = len(text) if following is None else following.start()
        closing = text.find("</function>", head.end(), limit)
        stop = limit if closing < 0 else closing
        body = text[head.end() : stop]
        names = list(_XML_PARAMETER.finditer(body))
        arguments: dict[str, Any] = {}
        for name, after in zip(names, [*names[1:], None], strict=False):
            said = body[name.end() : len(body) if after is None else after.start()]
            said = said.partition("</parameter>")[0].strip()
            value = parse_json(said)
            arguments[name[1]] = said if value is NOT_JSON else value
        end = stop if closing < 0 else closing + len("</function>")
        calls.append(ToolCall(head[1], arguments, head.start() + offset, end + offset))
    return calls
