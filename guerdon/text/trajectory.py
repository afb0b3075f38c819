"""Trajectory: a completion as typed turns, each with its character span and the role that wrote it."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from guerdon.text.tool_calls import block_tool_calls, tool_call

Kind = Literal["think", "search", "information", "tool_call", "tool_result", "answer", "text"]
Completion = str | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

#: The role of the policy. Every other role is one the policy cannot write.
POLICY = "assistant"
#: Roles whose messages are the results of tools.
TOOL_ROLES = frozenset({"tool", "function", "environment", "ipython", "observation"})
#: The kind of turn that a tagged block is.
TAG_KINDS: dict[str, Kind] = {
    "think": "think",
    "thinking": "think",
    "thought": "think",
    "reasoning": "think",
    "search": "search",
    "query": "search",
    "information": "information",
    "documents": "information",
    "observation": "information",
    "tool_call": "tool_call",
    "function_call": "tool_call",
    "tool_response": "tool_result",
    "tool_result": "tool_result",
    "function_response": "tool_result",
    "answer": "answer",
    "final_answer": "answer",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One step of a trajectory.

    ``kind`` is think, search, information, tool_call, tool_result, answer or text; ``role`` is who wrote it. ``text``
    is what it says, tags taken off and stripped; ``start`` and ``end`` delimit it, tags included, in
    ``Trajectory.text``. A tool call has its ``name`` and ``arguments``, None where it does not parse; a block of
    several calls makes several turns. A tool result has the ``name`` of its tool where that is known.
    """

    kind: Kind
    role: str
    text: str
    start: int
    end: int
    name: str | None = None
    arguments: Any = None

    @property
    def by_policy(self) -> bool:
        """Whether the policy wrote it, so that it proves nothing."""
        return self.role == POLICY


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The turns of one completion in order, and the text that their spans refer to."""

    turns: tuple[Turn, ...]
    text: str = ""

    def __len__(self) -> int:
        return len(self.turns)

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def of(self, *kinds: Kind) -> tuple[Turn, ...]:
        """The turns of these kinds, whoever wrote them.

        >>> [turn.text for turn in parse_trajectory("<search>a</search><answer>b</answer>").of("search")]
        ['a']
        """
        return tuple(turn for turn in self.turns if turn.kind in kinds)

    @property
    def actions(self) -> tuple[Turn, ...]:
        """The searches and tool calls of the policy."""
        return tuple(turn for turn in self.of("search", "tool_call") if turn.by_policy)

    @property
    def evidence(self) -> tuple[Turn, ...]:
        """Information and tool results that the policy did not write: the only proof that a tool ran."""
        return tuple(turn for turn in self.of("information", "tool_result") if not turn.by_policy)

    @property
    def answer(self) -> str | None:
        """What the policy's last answer turn says, None without one."""
        answers = [turn.text for turn in self.of("answer") if turn.by_policy]
        return answers[-1] if answers else None


def parse_trajectory(
    completion: Completion,
    *,
    environment_spans: Iterable[tuple[int, int]] = (),
    tags: Mapping[str, Kind] | None = None,
) -> Trajectory:
    """A completion, text with tagged blocks or chat messages, as typed turns. Linear in its length.

    In a plain string all is written by the policy, ``<information>`` blocks included: who ran the tools knows better
    and says so with ``environment_spans``, the character spans that the environment inserted. In messages the role of
    each message decides; tool calls in the message's ``tool_calls``, reasoning in its ``reasoning_content`` and text or
    image parts are understood. ``tags`` maps tag names to kinds (default ``TAG_KINDS``). An unclosed thinking block
    runs to the end of its message; any other unclosed block is text. Blank text makes no turn.

    Raises:
        TypeError: a completion that is neither text nor messages.

    >>> [(turn.kind, turn.text) for turn in parse_trajectory("<think>hm</think><search>rain</search> ok")]
    [('think', 'hm'), ('search', 'rain'), ('text', 'ok')]
    >>> messages = [{"role": "assistant", "content": "<search>rain</search>"}, {"role": "tool", "content": "wet"}]
    >>> [(turn.kind, turn.role) for turn in parse_trajectory(messages).turns]
    [('search', 'assistant'), ('tool_result', 'tool')]
    """
    kinds = TAG_KINDS if tags is None else tags
    if isinstance(completion, str):
        turns: list[Turn] = []
        for start, end, inserted in _pieces(len(completion), environment_spans):
            role = "environment" if inserted else POLICY
            turns += _parse_text(completion[start:end], role, start, kinds, "information" if inserted else "text")
        return Trajectory(tuple(turns), completion)
    return _parse_messages(messages_of(completion), kinds)


def completion_text(completion: Completion, roles: Iterable[str] | None = (POLICY,)) -> str:
    """A completion as one string: itself, or the contents of its messages joined by blank lines.

    Only messages of ``roles`` count (None: all), by default what the policy wrote; image parts, tool calls and
    reasoning fields are left out.

    Raises:
        TypeError: a completion that is neither text nor messages.

    >>> completion_text([{"role": "assistant", "content": "Look."}, {"role": "tool", "content": "wet"}])
    'Look.'
    """
    if isinstance(completion, str):
        return completion
    wanted = None if roles is None else frozenset(roles)
    texts = [
        content_text(message.get("content"))
        for message in messages_of(completion)
        if wanted is None or message.get("role", POLICY) in wanted
    ]
    return "\n\n".join(text for text in texts if text)


def prompt_text(prompt: Completion, roles: Iterable[str] | None = None) -> str:
    """A prompt as one string: itself, or the contents of its messages joined by blank lines (``roles=None``: all).

    >>> prompt_text([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], roles=["user"])
    'Hi'
    """
    return completion_text(prompt, roles)


def messages_of(completion: Completion) -> list[Mapping[str, Any]]:
    """The messages of a conversational completion; one message stands for a list of it, None for no message.

    Raises:
        TypeError: something that holds no messages.

    >>> messages_of({"role": "assistant", "content": "Hi"})
    [{'role': 'assistant', 'content': 'Hi'}]
    """
    if completion is None:
        return []
    if isinstance(completion, Mapping):
        return [completion]
    if isinstance(completion, (str, bytes)) or not hasattr(completion, "__iter__"):
        raise TypeError(f"completion={completion!r:.80} must be a string or a list of chat messages")
    for message in completion:
        if not isinstance(message, Mapping):
            raise TypeError(f"completion has message {message!r:.80}; it must be a mapping with 'role' and 'content'")
    return list(completion)


def content_text(content: Any) -> str:
    """The text of a message's content, which is a string or a list of typed parts; other parts than text are left out.

    >>> content_text([{"type": "text", "text": "A cat: "}, {"type": "image", "image": "cat.png"}])
    'A cat: '
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        content = [content]
    if isinstance(content, Sequence) and not isinstance(content, (bytes, bytearray)):
        return "".join(_part_text(part) for part in content)
    return str(content)


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and part.get("type", "text") in ("text", "input_text", "output_text"):
        text = part.get("text")
        return text if isinstance(text, str) else ""
    return ""


# -- tagged text ------------------------------------------------------------------------------------------------------


def _pieces(length: int, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, bool]]:
    """The text cut at the spans' edges: (start, end, inside a span)."""
    position = 0
    for start, end in sorted((max(0, start), min(length, end)) for start, end in spans):
        start = max(start, position)
        if end <= start:
            continue
        if start > position:
            yield position, start, False
        yield start, end, True
        position = end
    if position < length or length == 0:
        yield position, length, False


def _parse_text(text: str, role: str, offset: int, tags: Mapping[str, Kind], plain: Kind) -> list[Turn]:
    """The turns of tagged text written by one role; text outside any block has the kind ``plain``."""
    turns: list[Turn] = []
    position = 0

    def say(kind: Kind, start: int, end: int, body: tuple[int, int]) -> None:
        said = text[body[0] : body[1]].strip()
        if not said and (start, end) == body:  # nothing outside any block
            return
        calls = block_tool_calls(said) if kind == "tool_call" else []
        if len(calls) > 1:
            first = offset + body[0] + text[body[0] : body[1]].index(said)
            for call in calls:
                span = (first + call.start, first + call.end)
                turns.append(Turn(kind, role, said[call.start : call.end], *span, call.name, call.arguments))
            return
        name, arguments = (calls[0].name, calls[0].arguments) if calls else (None, None)
        turns.append(Turn(kind, role, said, start + offset, end + offset, name, arguments))

    for kind, start, end, body in _blocks(text, tags):
        say(plain, *_trimmed(text, position, start))
        say(kind, start, end, body)
        position = end
    say(plain, *_trimmed(text, position, len(text)))
    return turns


def _trimmed(text: str, start: int, end: int) -> tuple[int, int, tuple[int, int]]:
    body = text[start:end]
    begin = start + len(body) - len(body.lstrip())
    stop = max(begin, start + len(body.rstrip()))
    return begin, stop, (begin, stop)


def _blocks(text: str, tags: Mapping[str, Kind]) -> Iterator[tuple[Kind, int, int, tuple[int, int]]]:
    """(kind, start, end, content span) of the outermost tagged blocks."""
    names = "|".join(re.escape(tag) for tag in sorted(tags, key=len, reverse=True))
    if not names:
        return
    marks = list(re.finditer(rf"<(/?)({names})>", text))
    closings: dict[str, list[tuple[int, int]]] = {}
    for mark in marks:
        if mark[1]:
            closings.setdefault(mark[2], []).append(mark.span())
    position = 0
    if marks and marks[0][1] and tags[marks[0][2]] == "think":  # opened in the prompt
        position = marks[0].end()
        yield "think", 0, position, (0, marks[0].start())
    for mark in marks:
        if mark.start() < position or mark[1]:
            continue
        kind, ends = tags[mark[2]], closings.get(mark[2], [])
        at = bisect_left(ends, mark.span())
        if at < len(ends):
            start, position = ends[at]
            yield kind, mark.start(), position, (mark.end(), start)
        elif kind == "think":
            yield kind, mark.start(), len(text), (mark.end(), len(text))
            return


# -- chat messages ----------------------------------------------------------------------------------------------------


def _parse_messages(messages: Sequence[Mapping[str, Any]], tags: Mapping[str, Kind]) -> Trajectory:
    turns: list[Turn] = []
    texts: list[str] = []
    length = 0
    called: dict[str, str | None] = {}

    def begin() -> int:
        nonlocal length
        if texts:
            texts.append("\n\n")
            length += 2
        return length

    def write(text: str) -> None:
        nonlocal length
        texts.append(text)
        length += len(text)

    for message in messages:
        role = str(message.get("role", POLICY))
        reasoning = next((r for key in ("reasoning_content", "reasoning", "thinking") if (r := message.get(key))), None)
        if isinstance(reasoning, str) and reasoning.strip():
            start = begin()
            write(f"<think>{reasoning}</think>")
            turns.append(Turn("think", role, reasoning.strip(), start, length))
        content = content_text(message.get("content"))
        if content:
            start = begin()
            write(content)
            if role in TOOL_ROLES:
                name = message.get("name") or called.get(str(message.get("tool_call_id")))
                turns.append(Turn("tool_result", role, content.strip(), start, length, name))
            else:
                turns += _parse_text(content, role, start, tags, "text")
        elif role in TOOL_ROLES:
            name = message.get("name") or called.get(str(message.get("tool_call_id")))
            turns.append(Turn("tool_result", role, "", length, length, name))
        for call in _tool_calls(message):
            made = tool_call(call)
            name, arguments = (None, None) if made is None else (made.name, made.arguments)
            if call.get("id") is not None:
                called[str(call["id"])] = name
            said = json.dumps(call if made is None else {"name": name, "arguments": arguments}, default=str)
            start = begin()
            write(f"<tool_call>\n{said}\n</tool_call>")
            turns.append(Turn("tool_call", role, said, start, length, name, arguments))
    return Trajectory(tuple(turns), "".join(texts))


def _tool_calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    calls = message.get("tool_calls")
    found = list(calls) if isinstance(calls, Sequence) and not isinstance(calls, (str, bytes)) else []
    legacy = message.get("function_call")
    if legacy is not None:
        found.append(legacy)
    return [call for call in found if isinstance(call, Mapping)]
