"""Whether the tagged blocks of a completion come in a permitted order, and graded scores of tag templates."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Literal

Grammar = Mapping[str, Collection[str]]

#: Think, then search and be informed any number of times, thinking after each; then answer. "" is the start.
SEARCH_GRAMMAR: dict[str, tuple[str, ...]] = {
    "": ("think",),
    "think": ("search", "answer"),
    "search": ("information",),
    "information": ("think",),
    "answer": (),
}
#: The same, but what was found may be answered from at once.
SEARCH_OR_ANSWER_GRAMMAR: dict[str, tuple[str, ...]] = {**SEARCH_GRAMMAR, "information": ("think", "answer")}


def follows_grammar(text: str, grammar: Grammar, *, final: Collection[str] = ("answer",)) -> bool:
    """Whether ``text`` is a chain of tagged blocks that ``grammar`` permits, with only whitespace around them.

    ``grammar`` maps each tag to the tags that may follow it, ``""`` to those that may begin; the last block must be one
    of ``final``. Blocks hold any text but tags of the grammar. Linear in the length of the text.

    >>> follows_grammar("<think>a</think> <answer>b</answer>", SEARCH_GRAMMAR)
    True
    >>> follows_grammar("<think>a</think><search>q</search><answer>b</answer>", SEARCH_GRAMMAR)
    False
    """
    tags = frozenset(grammar) | {tag for following in grammar.values() for tag in following}
    state, inside, position = "", "", 0
    for mark in _any_tag(tags - {""}).finditer(text):
        closing, tag = mark[1] == "/", mark[2]
        if inside:
            if not closing or tag != inside:
                return False
            state, inside = inside, ""
        elif closing or tag not in grammar.get(state, ()) or text[position : mark.start()].strip():
            return False
        else:
            inside = tag
        position = mark.end()
    return not inside and state in final and not text[position:].strip()


def side_by_side(text: str, first: str, second: str, *, whole: bool = False) -> bool:
    """Whether a ``first`` block is followed by a ``second`` block with only whitespace between them.

    What the blocks hold is not looked at, so that further tags may stand in them. ``whole``: nothing may stand before
    them or after, one final newline aside. Linear in the length of the text.

    >>> [side_by_side("Well: <a>x</a> <b>y</b>.", "a", "b", whole=whole) for whole in (False, True)]
    [True, False]
    """
    start = text.find(f"<{first}>")
    if start < 0 or (whole and start > 0):
        return False
    junction = re.compile(rf"</{re.escape(first)}>\s*+<{re.escape(second)}>").search(text, start + len(first) + 2)
    if junction is None:
        return False
    closing = f"</{second}>"
    end = text.rfind(closing)
    return end >= junction.end() and (not whole or text[end + len(closing) :] in ("", "\n"))


def template_score(
    text: str, first: str = "reasoning", second: str = "answer", *, variant: Literal["default", "official"] = "default"
) -> float:
    """Graded score of the template ``<first>`` block, ``<second>`` block, each tag on its own line; at most 0.5.

    0.125 for each of the four tags that occurs once with its line breaks, less 0.001 per character after the last
    closing tag, charged once for each tag of the second block that counted. Where the final newline is missing, only
    the text after the closing tag is charged; ``variant="official"`` charges all of the text then, as the code that
    many trainings copied does. It can be negative. Source: the "count_xml" reward in Reasoning-SQL, arXiv 2503.23157.

    Raises:
        ValueError: an unknown ``variant``.

    >>> template_score("<reasoning>\\nx\\n</reasoning>\\n<answer>\\ny\\n</answer>\\n")
    0.5
    """
    if variant not in ("default", "official"):
        raise ValueError(f"variant={variant!r} is unknown; choose 'default' or 'official'")
    score = 0.125 * (text.count(f"<{first}>\n") == 1) + 0.125 * (text.count(f"\n</{first}>\n") == 1)
    closing = f"\n</{second}>"
    if text.count(f"\n<{second}>\n") == 1:
        _, found, after = text.rpartition(closing + "\n")
        if not found and variant == "default":
            after = text.rpartition(f"</{second}>")[2] if f"</{second}>" in text else ""
        score += 0.125 - 0.001 * len(after)
    if text.count(closing) == 1:
        extra = len(text.partition(closing)[2]) - 1
        score += 0.125 - 0.001 * (max(extra, 0) if variant == "default" else extra)
    return score


@lru_cache(maxsize=64)
def _any_tag(tags: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(re.escape(tag) for tag in sorted(tags, key=len, reverse=True))
    return re.compile(rf"<(/?)({names or '(?!)'})>")
