"""Which of several numbered candidates a judge's answer names."""

from __future__ import annotations

import re

from guerdon.text.tags import tag_blocks

_NUMBER = re.compile(r"(?<![\d.])\d{1,4}(?!\d|\.\d)")


def named_candidate(reply: str, *, count: int = 2, tag: str = "Answer", strict_tail: int | None = None) -> int | None:
    """The number in 1..``count`` that the last block of ``tag`` (any case) names; None where it names none or several.

    With ``strict_tail`` only the last that many characters are looked at, the tag as it is written, and all its blocks there.

    Source: WebArbiter 2026 (arXiv 2601.21872), whose own parser is not public; ``strict_tail=80`` is that of RM-R1.

    >>> named_candidate("<answer>\\n Response 2 \\n</answer>"), named_candidate("<Answer>Response 1 or 2</Answer>")
    (2, None)
    """
    if strict_tail is not None:
        said = " ".join(block.content for block in tag_blocks(reply[-strict_tail:] if strict_tail else "", tag))
    else:
        blocks = tag_blocks(reply, tag, strict=False, opening="nearest")
        said = blocks[-1].content if blocks else ""
    named = {int(found[0]) for found in _NUMBER.finditer(said)} & set(range(1, count + 1))
    return named.pop() if len(named) == 1 else None
