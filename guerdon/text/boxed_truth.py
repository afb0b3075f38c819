"""A judge's yes or no in a box, ``\\boxed{1}`` or ``\\boxed{0}``."""

from __future__ import annotations

import re

from guerdon.text.thinking import strip_thinking

_BOXED = re.compile(r"\\boxed\s{0,4}\{\s{0,8}([01])\s{0,8}\}")


def boxed_truth(text: str) -> int | None:
    r"""1 or 0 of the last ``\boxed{1}`` or ``\boxed{0}`` outside the thought; None where there is none.

    Source: Libra 2025 (arXiv 2507.21645); the published form of the verdict is not known, this is ours.

    >>> boxed_truth(r"<think>\boxed{0}?</think> It is right. \boxed{1}"), boxed_truth(r"\boxed{10}")
    (1, None)
    """
    found = _BOXED.findall(strip_thinking(text))
    return int(found[-1]) if found else None
