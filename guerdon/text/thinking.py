"""The thinking part of a completion and the part its reader sees."""

from __future__ import annotations

import re

#: Tags whose blocks hold thought, as reasoning models write them.
THINKING_TAGS = ("think", "thinking", "thought", "reasoning", "seed:think")

# One alternative per way of writing a marker: XML-like tags, [THINK] (Mistral), ◁think▷ (Kimi), <|begin_of_thought|>.
_MARKER = re.compile(
    r"<(?P<close>/?)(?P<tag>think|thinking|thought|reasoning|seed:think)\s{0,8}>"
    r"|\[(?P<close2>/?)(?P<bracket>THINK)\]"
    r"|◁(?P<close3>/?)(?P<triangle>think)▷"
    r"|<\|(?P<edge>begin|end)_of_(?P<special>thought)\|>",
    re.IGNORECASE,
)
# Channels (gpt-oss): a header up to <|message|>, then a body up to the next control token.
_CONTROL = re.compile(r"<\|(?:channel|message|end|return|call|start)\|>")
_PLAIN_ANALYSIS, _PLAIN_FINAL = "analysis", "assistantfinal"


def thinking_spans(text: str) -> list[tuple[int, int]]:
    """Character spans (start, end) of the thought in ``text``, markers included, in order and disjoint.

    A block without a closing marker runs to the end of the text; a closing marker that nothing opened makes everything
    before it thought, since chat templates often open the block in the prompt. Linear in the length of the text.

    >>> thinking_spans("<think>a</think>b")
    [(0, 16)]
    >>> thinking_spans("a</think>b"), thinking_spans("b<think>a")
    ([(0, 9)], [(1, 9)])
    """
    return [(start, end) for start, end, _, _ in _thoughts(text)]


def thinking(text: str) -> str:
    """The thought in ``text`` without its markers; blocks are stripped and joined by a blank line, "" if there is none.

    >>> thinking("<think> 2+2 is 4 </think>4")
    '2+2 is 4'
    >>> thinking("4")
    ''
    """
    bodies = (text[start:end].strip() for _, _, start, end in _thoughts(text))
    return "\n\n".join(body for body in bodies if body)


def strip_thinking(text: str) -> str:
    """What the reader sees: ``text`` without its thought (see :func:`thinking_spans`), stripped of outer whitespace.

    >>> strip_thinking("<think>Let me see.</think>The answer is 4.")
    'The answer is 4.'
    >>> strip_thinking("Let me see.</think>4"), strip_thinking("4 <think>and yet")
    ('4', '4')
    """
    spans = thinking_spans(text)
    if spans:
        edges = [0, *(edge for span in spans for edge in span), len(text)]
        text = "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    if "<|channel|>" in text or "<|message|>" in text:
        text = _without_headers(text)
    return text.strip()


def _thoughts(text: str) -> list[tuple[int, int, int, int]]:
    """(start, end, body start, body end) of each thought."""
    found: list[tuple[int, int, int, int]] = []
    opened: tuple[str, int, int] | None = None
    for mark in _MARKER.finditer(text):
        name = (mark["tag"] or mark["bracket"] or mark["triangle"] or mark["special"]).lower()
        closing = bool(mark["close"] or mark["close2"] or mark["close3"]) or (mark["edge"] or "").lower() == "end"
        if not closing:
            opened = opened or (name, mark.start(), mark.end())
        elif opened is None:
            found = [(0, mark.end(), 0, mark.start())]
        elif opened[0] == name:
            found.append((opened[1], mark.end(), opened[2], mark.start()))
            opened = None
    if opened is not None:
        found.append((opened[1], len(text), opened[2], len(text)))
    if not found:
        found = _channel_thoughts(text)
    return found


def _channel_thoughts(text: str) -> list[tuple[int, int, int, int]]:
    if "<|channel|>" not in text:
        # Decoded without special tokens, the two channels run together.
        cut = text.find(_PLAIN_FINAL) if text.startswith(_PLAIN_ANALYSIS) else -1
        return [(0, cut + len(_PLAIN_FINAL), len(_PLAIN_ANALYSIS), cut)] if cut >= 0 else []
    found: list[tuple[int, int, int, int]] = []
    marks = [*((m.group(), m.start(), m.end()) for m in _CONTROL.finditer(text)), ("", len(text), len(text))]
    for (kind, start, end), (kind2, start2, end2), (_, stop, after) in zip(marks, marks[1:], marks[2:], strict=False):
        if kind == "<|channel|>" and kind2 == "<|message|>" and text[end:start2].strip().lower() == "analysis":
            closed = text[stop:after] in ("<|end|>", "<|return|>")
            found.append((start, after if closed else stop, end2, stop))
    return found


def _without_headers(text: str) -> str:
    """The message bodies of channel text: control tokens and the headers between them are dropped."""
    bodies: list[str] = []
    position, header = 0, False
    for mark in _CONTROL.finditer(text):
        if not header:
            bodies.append(text[position : mark.start()])
        header = mark.group() in ("<|start|>", "<|channel|>")
        position = mark.end()
    if not header:
        bodies.append(text[position:])
    return "".join(bodies)
