"""Verdicts in double brackets, ``[[A]]`` or ``[[B]]``, as judges of two responses write them."""

from __future__ import annotations

import re

_BRACKETED = re.compile(r"\[\[\s{0,8}([AB])\s{0,8}\]\]")
_LOOSE = re.compile(r"\[\[?\s{0,8}([AB])\s{0,8}\]\]?")


def tail_verdict(text: str, *, window: int = 80) -> str | None:
    """A or B of the one literal ``<answer>[[A]]</answer>`` or B within the last ``window`` characters; None for none or both.

    Case and blanks count; so does a verdict inside a thought, which the caller strips.

    Source: RM-R1 2025 (arXiv 2505.02387), released reward.

    >>> tail_verdict("so <answer>[[A]]</answer>"), tail_verdict("<answer>[[A]]</answer> <answer>[[B]]</answer>")
    ('A', None)
    """
    tail = text[-window:]
    said = [letter for letter in "AB" if f"<answer>[[{letter}]]</answer>" in tail]
    return said[0] if len(said) == 1 else None


def in_tail(text: str, letter: str, *, window: int = 100) -> bool:
    """Whether ``[[letter]]`` stands in the last ``window`` characters, whatever else does.

    Source: RM-R1 2025 (arXiv 2505.02387), filter of the distillation data.

    >>> in_tail("[[A]] [[B]]", "A"), in_tail("[[A]]" + "." * 100, "A")
    (True, False)
    """
    return f"[[{letter}]]" in text[-window:]


def only_verdict(text: str) -> str | None:
    """The one of ``[[A]]`` and ``[[B]]`` that stands anywhere in the text; None for none or both.

    Source: RewardBench and RM-R1 2025 (arXiv 2505.02387), evaluation.

    >>> only_verdict("I think [[B]] wins"), only_verdict("[[A]], no, [[B]]")
    ('B', None)
    """
    said = [letter for letter in "AB" if f"[[{letter}]]" in text]
    return said[0] if len(said) == 1 else None


def first_bracketed(text: str) -> str | None:
    """The letter of the first ``[[A]]`` or ``[[B]]``, blanks inside allowed; None without one.

    >>> first_bracketed("[[ B ]] no wait [[A]]")
    'B'
    """
    found = _BRACKETED.search(text)
    return found[1] if found else None


def last_bracketed(text: str) -> str | None:
    """The letter of the last ``[A]``, ``[B]``, ``[[A]]`` or ``[[B]]``; None without one.

    >>> last_bracketed("[[B]] no wait [A]")
    'A'
    """
    found = _LOOSE.findall(text)
    return found[-1] if found else None


def one_letter(text: str) -> str | None:
    """A where the text has a capital A and no B, B the other way round, else None.

    >>> one_letter("[[A]]"), one_letter("Answer is B"), one_letter("b")
    ('A', None, None)
    """
    said = [letter for letter in "AB" if letter in text]
    return said[0] if len(said) == 1 else None
