"""Critiques of two responses that end on a choice: ``<critics>...</critics><choice>[[A]]</choice>``."""

from __future__ import annotations

from dataclasses import dataclass

from guerdon.text.bracketed_verdicts import first_bracketed, last_bracketed, one_letter
from guerdon.text.tags import extract_tag


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The sections of a critique, None for one that is not there; ``choice`` is A, B or None."""

    think: str | None
    critics: str | None
    strengths_A: str | None
    weaknesses_A: str | None
    strengths_B: str | None
    weaknesses_B: str | None
    conclusion: str | None
    choice: str | None


def read_evaluation(text: str) -> Evaluation:
    """The sections of a critique: the last block of each tag, stripped.

    The choice is the one capital letter A or B inside the last ``<choice>``; only without such a block the first ``[[A]]`` or
    ``[[B]]`` anywhere. Words inside a thought count too: strip it first where they must not.

    Source: RM-NLHF 2026 (arXiv 2601.07349), released parser.

    >>> said = read_evaluation("<critics>B invents a case</critics><choice>[[A]]</choice>")
    >>> said.critics, said.choice, read_evaluation("<choice>Answer is B</choice> [[A]]").choice
    ('B invents a case', 'A', None)
    """
    tags = ("think", "critics", "strengths_A", "weaknesses_A", "strengths_B", "weaknesses_B", "conclusion")
    chosen = extract_tag(text, "choice")
    choice = first_bracketed(text) if chosen is None else one_letter(chosen)
    found = {tag: extract_tag(text, tag) for tag in tags}
    return Evaluation(**found, choice=choice)


def read_choice(text: str) -> str | None:
    """The choice alone, as matches of a tournament are read: without a ``<choice>`` the last ``[A]`` or ``[[A]]``.

    Source: RM-NLHF 2026 (arXiv 2601.07349), released tournament.

    >>> read_choice("[[B]], on reflection [A]"), read_choice("<choice>best is [[B]] ok</choice>")
    ('A', 'B')
    """
    chosen = extract_tag(text, "choice")
    return last_bracketed(text) if chosen is None else one_letter(chosen)


def critique_fault(evaluation: Evaluation, *, lines: int = 4, characters: int = 1500) -> str:
    """What is wrong with the form of a critique, "" where nothing is: no critics, no choice, too many lines or characters.

    Source: RM-NLHF 2026 (arXiv 2601.07349), format gate.

    >>> critique_fault(read_evaluation("<critics>a</critics><choice>A</choice>"))
    ''
    >>> critique_fault(read_evaluation("<critics>a</critics>"))
    'no choice'
    """
    if not evaluation.critics:
        return "no critics"
    if evaluation.choice is None:
        return "no choice"
    if evaluation.critics.count("\n") >= lines:
        return f"critics of more than {lines} lines"
    return f"critics of more than {characters} characters" if len(evaluation.critics) > characters else ""
