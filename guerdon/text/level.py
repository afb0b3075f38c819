"""The level a judge gives, where it is the last number of its reply."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")


def last_level(reply: str, *, low: float = 1.0, high: float = 5.0) -> float | None:
    """The last number of a reply, a minus sign before it included, where it lies in [``low``, ``high``]; else None.

    Source: ExTrans 2025 (arXiv 2505.12996), comparison with an exemplar; the reading is ours.

    >>> last_level("Better on 2 counts: [[4]]"), last_level("-1"), last_level("7"), last_level("none")
    (4.0, None, None, None)
    """
    numbers = _NUMBER.findall(reply)
    level = float(numbers[-1]) if numbers else float("nan")
    return level if low <= level <= high else None
