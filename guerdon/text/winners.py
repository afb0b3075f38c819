"""Which of two responses a judge names as the winner."""

from __future__ import annotations

import re

_NAMED = re.compile(r"\bResponse\s+([AB])\b", re.IGNORECASE)
_FIRST = re.compile(r"Winner:\s*(?:Response\s+)?([AB])\b", re.IGNORECASE)
_IN_ORDER = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"Final Winner:\s*Response\s+([AB])\b",
        r"Final Winner:\s*([AB])\b",
        r"Winner:\s*Response\s+([AB])\b",
        r"Winner:\s*([AB])\b",
        r":\s*Response\s+([AB])\b",
    )
)


def last_winner(text: str) -> str | None:
    """The one response, A or B, that the last line with ``Winner:`` names behind the colon; None for none or both.

    Source: OpenRubrics 2025 (arXiv 2510.07743).

    >>> last_winner("Winner: Response A\\nWinner: **Response B**"), last_winner("Winner: [Response A / Response B]")
    ('B', None)
    """
    line = next((one for one in reversed(text.splitlines()) if "Winner:" in one), "")
    named = {letter.upper() for letter in _NAMED.findall(line.partition("Winner:")[2])}
    return named.pop() if len(named) == 1 else None


def first_winner(text: str) -> str | None:
    """The first ``Winner: A`` or ``Winner: Response A`` in the text; markup around the value is not read.

    Source: CDRRM 2026 (arXiv 2603.08035), data for training the judge.

    >>> first_winner("Winner: Response A\\nFinal Winner: B"), first_winner("Winner: [Response A]")
    ('A', None)
    """
    found = _FIRST.search(text)
    return found[1].upper() if found else None


def evaluated_winner(text: str) -> str | None:
    """The first hit of the first pattern that hits: "Final Winner: Response A", "Final Winner: A", "Winner: Response A",
    "Winner: A", ": Response A"; any case, white space behind the colon, the letter ends the word.

    Source: CDRRM 2026 (arXiv 2603.08035), released evaluation.

    >>> evaluated_winner("Winner: Response A\\nFinal Winner: B"), evaluated_winner("The better one: Response b")
    ('B', 'B')
    """
    for pattern in _IN_ORDER:
        found = pattern.search(text)
        if found:
            return found[1].upper()
    return None
