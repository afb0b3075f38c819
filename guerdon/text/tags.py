"""Blocks of tagged text, such as ``<answer>42</answer>``, with their character spans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Which = Literal["last", "first", "only"]


@dataclass(frozen=True, slots=True)
class Block:
    """One tagged block: ``text[start:end]``, tags included; its content is ``text[content_start:content_end]``."""

    start: int
    end: int
    content: str
    content_start: int
    attributes: str = ""

    @property
    def content_end(self) -> int:
        """Where the content ends."""
        return self.content_start + len(self.content)


@lru_cache(maxsize=512)
def _patterns(tag: str, strict: bool) -> tuple[re.Pattern[str], re.Pattern[str]]:
    if not tag or any(c in "<>/" or c.isspace() for c in tag):
        raise ValueError(f"tag={tag!r} is not a tag name; give the bare name, such as 'answer'")
    name = re.escape(tag)
    if strict:
        return re.compile(f"<{name}()>"), re.compile(f"</{name}>")
    return (
        re.compile(rf"<{name}((?:\s[^<>]*+)?)>", re.IGNORECASE),
        re.compile(rf"</\s{{0,8}}{name}\s{{0,8}}>", re.IGNORECASE),
    )


def tag_blocks(
    text: str,
    tag: str,
    *,
    strict: bool = True,
    opening: Literal["first", "nearest"] = "first",
    nested: bool = False,
    unclosed: bool = False,
) -> list[Block]:
    """Every closed block of ``tag`` in ``text``, in order of appearance. Linear in the length of the text.

    Args:
        text: any text.
        tag: the bare tag name.
        strict: only ``<tag>`` as written; otherwise any case, attributes and inner whitespace are accepted too.
        opening: where several opening tags precede one closing tag, the block starts at the ``"first"`` or the
            ``"nearest"`` of them.
        nested: pair tags as brackets do and return inner blocks too (``opening`` is then not used).
        unclosed: a last opening tag that is never closed makes a block up to the end of the text.

    >>> [block.content for block in tag_blocks("<a>1</a> <a>2</a>", "a")]
    ['1', '2']
    >>> [block.content for block in tag_blocks("<a>1<a>2</a></a>", "a", nested=True)]
    ['1<a>2</a>', '2']
    >>> [block.content for block in tag_blocks('<A id="1">x</a >', "a", strict=False)]
    ['x']
    """
    opens, closes = _patterns(tag, strict)
    marks = sorted(
        [(m.start(), m.end(), m.group(1)) for m in opens.finditer(text)]
        + [(m.start(), m.end(), None) for m in closes.finditer(text)]
    )
    blocks: list[Block] = []
    stack: list[tuple[int, int, str]] = []
    for start, end, attributes in marks:
        if attributes is not None:
            if nested or opening == "nearest" or not stack:
                stack.append((start, end, attributes))
        elif stack:
            opened = stack.pop()
            blocks.append(Block(opened[0], end, text[opened[1] : start], opened[1], opened[2].strip()))
            if not nested:
                stack.clear()
    if unclosed and stack:
        opened = stack[-1]
        blocks.append(Block(opened[0], len(text), text[opened[1] :], opened[1], opened[2].strip()))
    return sorted(blocks, key=lambda block: block.start) if nested else blocks


def extract_tag(
    text: str, tag: str, which: Which = "last", *, strict: bool = True, unclosed: bool = False, strip: bool = True
) -> str | None:
    """The content of the last, the first or the only block of ``tag``; None if there is no such block.

    ``which="only"`` gives None where there are several. The content is stripped unless ``strip=False``; ``strict`` and
    ``unclosed`` are those of :func:`tag_blocks`.

    Raises:
        ValueError: an unknown ``which``, or a ``tag`` that is not a bare name.

    >>> extract_tag("<answer> 41 </answer><answer>42</answer>", "answer")
    '42'
    >>> extract_tag("<answer>41</answer><answer>42</answer>", "answer", which="only") is None
    True
    """
    if which not in ("last", "first", "only"):
        raise ValueError(f"which={which!r} is unknown; choose 'last', 'first' or 'only'")
    blocks = tag_blocks(text, tag, strict=strict, unclosed=unclosed)
    if not blocks or (which == "only" and len(blocks) > 1):
        return None
    content = blocks[0 if which == "first" else -1].content
    return content.strip() if strip else content


def tags_in_order(text: str, tags: Sequence[str], strict: bool = True) -> bool:
    """Whether ``text`` holds one block of each of ``tags``, in this order and side by side.

    Each opening and each closing tag must occur exactly once. ``strict`` allows nothing but whitespace before, between
    and after the blocks; otherwise other text may stand there.

    >>> tags_in_order("<think>a</think>\\n<answer>b</answer>", ["think", "answer"])
    True
    >>> tags_in_order("So: <think>a</think><answer>b</answer>", ["think", "answer"])
    False
    >>> tags_in_order("So: <think>a</think><answer>b</answer>", ["think", "answer"], strict=False)
    True
    """
    position = 0
    for tag in tags:
        opening, closing = f"<{tag}>", f"</{tag}>"
        start, end = text.find(opening), text.find(closing)
        if start < position or end < start or text.find(opening, start + 1) >= 0 or text.find(closing, end + 1) >= 0:
            return False
        if strict and text[position:start].strip():
            return False
        position = end + len(closing)
    return not (strict and text[position:].strip())


def tag_counts(text: str, tag: str) -> tuple[int, int]:
    """How often ``<tag>`` and ``</tag>`` occur in ``text``.

    >>> tag_counts("<a><a></a>", "a")
    (2, 1)
    """
    return text.count(f"<{tag}>"), text.count(f"</{tag}>")
