"""What of a completion a reward reads."""

from __future__ import annotations

import re

from guerdon.text.answers import answer_or_all, final_answer
from guerdon.text.tags import extract_tag
from guerdon.text.thinking import THINKING_TAGS, strip_thinking, thinking

#: The named readings; ``"<tag>"`` with any tag name is one more.
READINGS = ("whole", "visible", "thinking", "answer", "reply", "answer-or-whole")

_TAG = re.compile(r"<([^\s<>/]+)>")


def read(text: str, of: str) -> str | None:
    """The part of a completion that ``of`` names, None where it has no such part.

    * ``"whole"``: the text as it is.
    * ``"visible"``: the text without its thinking, stripped.
    * ``"thinking"``: the thinking alone.
    * ``"answer"``: the final answer that the visible text states (see :func:`~guerdon.text.answers.final_answer`).
    * ``"reply"``: what the visible text gives as its answer block, or all of it where it has none (see
      :func:`~guerdon.text.answers.answer_or_all`); ``"answer-or-whole"`` does so with the thinking left in.
    * ``"<tag>"``, such as ``"<explanation>"``: the stripped content of the last such block of the visible text, or of
      the whole text for the tags that hold thinking.

    Raises:
        ValueError: an unknown ``of``.

    >>> text = "<think>2+2</think><explanation>Add them.</explanation> The answer is 4."
    >>> [read(text, of) for of in ("thinking", "answer", "<explanation>", "<proof>")]
    ['2+2', '4', 'Add them.', None]
    """
    if of == "whole":
        return text
    if of == "visible":
        return strip_thinking(text)
    if of == "thinking":
        return thinking(text) or None
    if of == "answer":
        return final_answer(strip_thinking(text))
    if of == "reply":
        return answer_or_all(strip_thinking(text))
    if of == "answer-or-whole":
        return answer_or_all(text)
    tag = check_reading(of)
    return extract_tag(text if tag.lower() in THINKING_TAGS else strip_thinking(text), tag)


def check_reading(of: str) -> str:
    """``of`` if it is a named reading, the tag's name if it is ``"<tag>"``.

    Raises:
        ValueError: an unknown ``of``, naming the choices.

    >>> check_reading("answer"), check_reading("<proof>")
    ('answer', 'proof')
    """
    if of in READINGS:
        return of
    tag = _TAG.fullmatch(of)
    if tag is None:
        choices = ", ".join(repr(name) for name in READINGS)
        raise ValueError(f"of={of!r} is unknown; choose {choices} or a tag such as '<explanation>'")
    return tag[1]
