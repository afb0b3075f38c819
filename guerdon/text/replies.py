"""What a judge's reply ends on: a tagged verdict, a labelled line or a JSON object. What it quotes on the way does not count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from guerdon.text.json_text import json_values
from guerdon.text.tags import tag_blocks
from guerdon.text.thinking import strip_thinking, thinking_spans

# What may surround a verdict without being part of it.
_MARKUP = " \t\r\n*_`#>."


def own_words(reply: str) -> str:
    """The reply without the judge's thought, in which any verdict may be weighed: the thought that opens it, if one does.

    Markers of thinking further on are quoted, and stay.

    >>> own_words("<think><verdict>A</verdict>?</think> <verdict>B</verdict>")
    '<verdict>B</verdict>'
    """
    if "<|channel|>" in reply:
        return strip_thinking(reply)
    first = next(iter(thinking_spans(reply)), None)
    if first is None or reply[: first[0]].strip():
        return reply.strip()
    return reply[first[1] :].strip()


def final_tag(reply: str, tag: str) -> str | None:
    """The content of the block of ``tag`` that the reply ends on; None where it ends otherwise.

    >>> final_tag("It claims <score>10</score>. I say **<score> 2 </score>**", "score")
    '2'
    >>> final_tag("<score>2</score> or so", "score") is None
    True
    """
    words = own_words(reply)
    blocks = tag_blocks(words, tag, strict=False, opening="nearest")
    if not blocks or words[blocks[-1].end :].strip(_MARKUP):
        return None
    return blocks[-1].content.strip()


def final_line(reply: str, label: str) -> str | None:
    """What the last line of the reply says after ``label:``, case and markup apart; None where it does not begin so.

    >>> final_line("Fine.\\n**Verdict:** A.", "verdict"), final_line("Verdict: A\\nor B", "verdict")
    ('A', None)
    """
    line = own_words(reply).rstrip(_MARKUP).rpartition("\n")[2].strip(_MARKUP)
    head, colon, said = line.partition(":")
    if not colon or head.strip(_MARKUP).lower() != label.lower():
        return None
    return said.strip(_MARKUP) or None


def final_json(reply: str) -> Mapping[str, Any] | None:
    """The JSON object that the reply ends on, in a code fence or not; None where it ends otherwise.

    >>> final_json('It says {"score": 9}, so:\\n```json\\n{"score": 2}\\n```')
    {'score': 2}
    >>> final_json('{"score": 2} as I said') is None
    True
    """
    words = own_words(reply)
    found = json_values(words)
    if not found or words[found[-1].end :].strip(_MARKUP):
        return None
    value = found[-1].value
    return value if isinstance(value, dict) else None


def choice_of(said: Any, choices: Iterable[str]) -> str | None:
    """The one of ``choices`` that ``said`` is, case, outer markup and double brackets apart; None where it is none.

    >>> choice_of(" [[a]] ", ("A", "B")), choice_of("A or B", ("A", "B")), choice_of(7, ("7",))
    ('A', None, '7')
    """
    if isinstance(said, bool) or not isinstance(said, (str, int)):
        return None
    words = " ".join(str(said).strip(_MARKUP + "[]\"'").lower().split()) if len(str(said)) <= 200 else ""
    return next((choice for choice in choices if choice.lower() == words), None)


def tagged_choice(reply: str, tag: str, choices: Iterable[str]) -> str | None:
    """The choice in the block of ``tag`` that the reply ends on, or that the whole reply is.

    >>> (
    ...     tagged_choice("Longer.\\n<verdict>B</verdict>", "verdict", ("A", "B")),
    ...     tagged_choice("a", "verdict", ("A", "B")),
    ... )
    ('B', 'A')
    """
    options = tuple(choices)
    said = final_tag(reply, tag)
    return choice_of(own_words(reply) if said is None else said, options)
