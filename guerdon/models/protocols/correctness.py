"""How judges of a final answer word their verdict, and how it is read: right, wrong, or not said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from guerdon.text.tags import tag_blocks

Variant = Literal["default", "official"]

_BOLD = r"[ \t]*+\**+[ \t]*+"
_ANSWERED = re.compile(rf"extracted_final_answer{_BOLD}:", re.IGNORECASE)
_CORRECT = re.compile(rf"correct{_BOLD}:{_BOLD}(no|yes)", re.IGNORECASE)
_CORRECT_LINE = re.compile(rf"^[ \t>*#-]*+correct{_BOLD}:{_BOLD}(no|yes)\b", re.IGNORECASE | re.MULTILINE)
_WORDS = {"true": True, "false": False}


def read_judge_tag(reply: str, *, variant: Variant = "default") -> bool | None:
    """What a reply says in its ``<judge>`` block, True or False; None where there is none or it says neither: ask again.

    The last block counts and must hold one of the words alone, in any case. ``variant="official"``: the first block; right where
    it contains "True" or "true" anywhere, else wrong where it contains "False" or "false".

    Source: VRAG-RL 2025 (arXiv 2505.22019), released code.

    >>> (
    ...     read_judge_tag("So: <judge> True </judge>"),
    ...     read_judge_tag("<judge>not True, False</judge>"),
    ...     read_judge_tag("True"),
    ... )
    (True, None, None)
    >>> read_judge_tag("<judge>not True, False</judge>", variant="official")
    True
    """
    blocks = tag_blocks(reply, "judge")
    if not blocks:
        return None
    if variant == "official":
        said = blocks[0].content
        right, wrong = ("true" in said or "True" in said), ("false" in said or "False" in said)
        return True if right else False if wrong else None
    return _WORDS.get(blocks[-1].content.strip(" \t\n*.").lower())


@dataclass(frozen=True, slots=True)
class Correctness:
    """A reply's verdict, ``correct`` (None: none to be read), and whether it also says what it took for the answer."""

    correct: bool | None
    answered: bool


def read_correct_line(reply: str, *, variant: Variant = "default") -> Correctness:
    """What a reply's line ``correct: yes`` or ``correct: no`` says, markup and case apart.

    The last line that begins so counts. ``variant="official"``: the first place anywhere, so that a judge who writes "correct:
    yes" in its reasoning has decided.

    Source: LongTraceRL 2026 (arXiv 2605.31584), released code.

    >>> reply = "extracted_final_answer: a\\nreasoning: it would be correct: yes if so\\n**correct**: No"
    >>> read_correct_line(reply), read_correct_line(reply, variant="official").correct
    (Correctness(correct=False, answered=True), True)
    """
    said = (_CORRECT if variant == "official" else _CORRECT_LINE).findall(reply)
    verdict = said[0 if variant == "official" else -1].lower() == "yes" if said else None
    return Correctness(verdict, _ANSWERED.search(reply) is not None)


@dataclass(frozen=True, slots=True)
class JudgedOutcome:
    """An outcome in {0, 1} (None: undecided) and how many calls of the judge it took."""

    outcome: float | None
    calls: int


def outcome_of_replies(
    response: str, replies: Sequence[str], *, attempts: int = 3, variant: Variant = "default"
) -> JudgedOutcome:
    """The outcome of a response from what a judge says when asked up to ``attempts`` times; a last reply is said again.

    Asked until verdict and extracted answer can both be read; else the last verdict read counts. Undecided is None, or with
    ``variant="official"`` 0. A response with nothing after its last ``</think>`` is 0 and not judged.

    Source: LongTraceRL 2026 (arXiv 2605.31584), released code.

    >>> outcome_of_replies("Paris", ["oops", "extracted_final_answer: Paris\\ncorrect: yes"])
    JudgedOutcome(outcome=1.0, calls=2)
    >>> outcome_of_replies("<think>so</think> ", ["correct: yes"])
    JudgedOutcome(outcome=0.0, calls=0)
    """
    if not response.rpartition("</think>")[2].strip():
        return JudgedOutcome(0.0, 0)
    outcome: float | None = 0.0 if variant == "official" else None
    for call in range(attempts if replies else 0):
        read = read_correct_line(replies[min(call, len(replies) - 1)], variant=variant)
        if read.correct is not None:
            outcome = float(read.correct)
            if read.answered:
                return JudgedOutcome(outcome, call + 1)
    return JudgedOutcome(outcome, attempts if replies else 0)
