"""Equivalence of mathematical answers by computer algebra (math-verify). It may take for ever: run it in the verifier pool."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any

EQUAL, DIFFERENT = "equal", "different"
UNREADABLE_GOLD, UNREADABLE_ANSWER = "unreadable reference", "unreadable answer"

_MEMORY = 256 << 20
# Words outside of commands, and what of them is mathematics.
_COMMANDS = re.compile(r"\\(?:text|mathrm|mathbf|mbox|operatorname|begin|end)\s?\{[^{}]*\}|\\[A-Za-z]+")
_WORD = re.compile(r"(?<![^\s(])[A-Za-z]{2,}(?![^\s.,;:)])")
_SURELY_A_WORD = 4  # letters
_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp sqrt pi and or infinity inf mod max min".split()
)


def equivalence(pair: tuple[str, str]) -> str:
    r"""Whether an answer means the same as the right one: ``(gold, answer) -> "equal" | "different" | "unreadable ..."``.

    Both are read as LaTeX, as if boxed; text of several words as prose, in which math-verify looks for a formula or a number.

    Raises:
        MemoryError: the algebra needed much memory, after which its verdict means nothing.

    >>> equivalence((r"2\sqrt{3}", r"\sqrt{12}")), equivalence(("x+1", "x+2")), equivalence(("x", "a=b=}{"))
    ('equal', 'different', 'unreadable answer')
    """
    from math_verify import verify

    gold, answer = pair
    before = _peak_memory()
    right = _parsed_gold(gold)
    if not right:
        return UNREADABLE_GOLD
    given = _parsed(answer)
    if not given:
        return UNREADABLE_ANSWER
    equal = verify(right, given, timeout_seconds=None)
    if _peak_memory() - before > _MEMORY:
        raise MemoryError("computer algebra swallowed an error of its own")
    return EQUAL if equal else DIFFERENT


def preload() -> None:
    """Load math-verify and its grammar, so that processes forked from this one are quick from their first answer on."""
    logging.disable(logging.CRITICAL)
    for gold, answer in (
        (r"\frac{x^{2}+1}{\sqrt{2}}", r"\frac{1+x^2}{\sqrt2}"),
        (r"y=2x+1", r"2x-y=1"),
        (r"(-\infty, 3)", r"[1, 2) \cup (3, 4]"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\text{Monday}"),
        ("5%", "about 7 or 8 apples"),
    ):
        equivalence((gold, answer))


def is_prose(text: str) -> bool:
    r"""Whether a text is words with mathematics in them rather than a formula.

    >>> is_prose("5 because it is odd"), is_prose("about 42"), is_prose("x = $5$")
    (True, True, True)
    >>> is_prose(r"\sin x \text{ or so}"), is_prose("3 ab + 2 xy"), is_prose("Monday")
    (False, False, False)
    """
    if "$" in text or "\\(" in text or "\\[" in text:
        return True
    words = [word for word in _WORD.findall(_COMMANDS.sub(" ", text)) if word.lower() not in _FUNCTIONS]
    if len(words) == 1:
        return len(words[0]) >= _SURELY_A_WORD and any(c.isdigit() for c in text)
    return len(words) > 1 and any(len(word) >= _SURELY_A_WORD for word in words)


def _parsed(text: str) -> list[Any]:
    """What math-verify makes of an answer: an expression and its text; empty where it is no mathematics."""
    from math_verify import parse

    said = f"The answer is {text}" if is_prose(text) else f"\\boxed{{{text}}}"
    found: list[Any] = parse(said, parsing_timeout=None)
    return found if any(not isinstance(item, str) for item in found) else []


@lru_cache(maxsize=256)
def _parsed_gold(text: str) -> list[Any]:
    return _parsed(text)


def _peak_memory() -> int:
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
