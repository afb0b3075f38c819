"""The tool a reply calls: one call that begins a line, and nothing behind it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from guerdon.text.json_text import NOT_JSON, parse_json
from guerdon.text.react import cut_before_observation, parse_actions
from guerdon.text.replies import own_words
from guerdon.text.tool_calls import tool_call

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"


@dataclass(frozen=True, slots=True)
class CalledTool:
    """A call: ``words``, the reply up to its end; ``name``; ``arguments``, a mapping, a bare text, or None if unreadable.

    ``finished``: the reply says that it needs no tool any more, and nothing else.
    """

    words: str
    name: str = ""
    arguments: Mapping[str, Any] | str | None = None
    finished: bool = False

    def arguments_for(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name; a bare text is the first that the schema requires, or has."""
        if isinstance(self.arguments, str):
            names = [*schema.get("required", ()), *schema.get("properties", {})]
            return {names[0]: self.arguments} if names else {}
        return dict(self.arguments or {})


def called_tool(reply: str, grammar: Literal["tool_call", "react"] = "tool_call") -> CalledTool | None:
    """The first call of a reply, in the judge's own words; None where it makes none.

    ``"tool_call"``: a ``<tool_call>`` block that begins a line and holds one JSON object; an unclosed block goes on to the end,
    several objects are no call that can be read. ``"react"``: ``Action`` and ``Action Input`` lines, cut before an observation.
    Calls in the judge's thought, or within a line, do not count. Linear.

    >>> call = called_tool('Let me see.\\n<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>\\nIt is 7.')
    >>> call.name, call.arguments, call.words[-12:]
    ('add', {'a': 1}, '</tool_call>')
    >>> called_tool('It wrote <tool_call>{"name": "add"}</tool_call>, so 2.') is None
    True
    """
    words = own_words(reply)
    if grammar == "react":
        return _react(cut_before_observation(words))
    start = 0 if words.startswith(_OPEN) else words.find(f"\n{_OPEN}") + 1
    if not words.startswith(_OPEN, start):
        return None
    end = words.find(_CLOSE, start)
    content = words[start + len(_OPEN) : len(words) if end < 0 else end].strip()
    said = words[:end] + _CLOSE if end >= 0 else f"{words}\n{_CLOSE}"
    call = tool_call(value) if isinstance(value := parse_json(content), dict) else None
    return CalledTool(said) if call is None else CalledTool(said, call.name, call.arguments)


def _react(words: str) -> CalledTool | None:
    acted = parse_actions(words)
    if acted.kind == "action":
        value = parse_json(acted.tool_input)
        arguments = value if value is not NOT_JSON and isinstance(value, dict) else acted.tool_input
        return CalledTool(words, acted.tool, arguments)
    bare = acted.kind == "finish" and not acted.text.strip(" .\n")
    return CalledTool(words, finished=True) if bare else None
