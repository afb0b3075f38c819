"""The lines of a long page that matter: those around the elements that are talked about."""

from __future__ import annotations

import re

_ELEMENT = re.compile(r"\[(\d{1,9})\]|(?<![\w.])(\d{2,9})(?![\w.])")


def mentioned_elements(text: str) -> set[str]:
    """The element numbers a text names: in brackets, or bare ones of two digits and more.

    >>> sorted(mentioned_elements("click [7], then type 1024 into it"))
    ['1024', '7']
    """
    return {bracketed or bare for bracketed, bare in _ELEMENT.findall(text)}


def page_excerpt(page: str, mentioned: set[str], *, limit: int, around: int = 3) -> str:
    """A page of at most about ``limit`` characters: its head, and the lines around those with an element of ``mentioned``.

    A page that fits is left as it is. Lines keep their element numbers; a line ``...`` stands for what is left out. Elements
    that the page does not have are named at the end, since an action on one of them cannot work. Linear.

    >>> page = "\\n".join(f"[{i}] link" for i in range(40))
    >>> print(page_excerpt(page, {"30", "99"}, limit=60, around=1))
    [0] link
    ...
    [29] link
    [30] link
    [31] link
    ...
    (not on the page: 99)
    """
    absent = mentioned - mentioned_elements(page)
    ending = f"\n(not on the page: {', '.join(sorted(absent, key=int)[:20])})" if absent else ""
    if len(page) <= limit:
        return page + ending
    lines = page.split("\n")
    wanted = [i for i, line in enumerate(lines) if mentioned_elements(line) & mentioned]
    order = [k for i in wanted for k in range(max(0, i - around), min(len(lines), i + around + 1))]
    kept: set[int] = set()
    left = limit
    for k in [0, *order, *range(len(lines))] if not wanted else [0, *order]:
        if k in kept:
            continue
        left -= len(lines[k]) + 1
        if left < 0 and kept:
            break
        kept.add(k)
    shown, last = [], -1
    for k in sorted(kept):
        shown += (["..."] if k != last + 1 else []) + [lines[k][:limit]]
        last = k
    return "\n".join(shown + (["..."] if last < len(lines) - 1 else [])) + ending
