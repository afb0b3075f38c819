"""HARMO: rules where answers can be checked, a model where they cannot, format, and a length penalty gated by correctness."""

from __future__ import annotations

import re
from typing import Any

from guerdon.combine import Combine, Router, Sum
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Cosine, ExactMatch, Length, Tags
from guerdon.text.numbers import parse_number

PAPER = Paper(
    slug="hybrid-multi-aspect",
    title="Beyond Monolithic Rewards: A Hybrid and Multi-Aspect Reward Optimization for MLLM Alignment",
    year=2025,
    arxiv="2510.05283",
    kind="reward",
    parts={
        "rule else model": PUBLISHED,
        "sum of hybrid, length and format terms": PUBLISHED,
        "embedding surrogate of the model": PUBLISHED,
        "mean-only advantage": PUBLISHED,
        "length penalty formula": OURS,
        "format term": OURS,
    },
    columns=("answer", "reference", "verifiable"),
    range=(-1.5, 2.0),
)

TAGS = ("think", "answer")


def build(
    variant: str = "default",
    *,
    rule: Reward | None = None,
    model: Reward | None = None,
    format: Reward | None = None,
    encoder: Any = "minilm",
    largest: float = 0.5,
    tolerance: float = 0.5,
    side: str = "both",
    unit: str = "words",
) -> Reward:
    """R = R_hybrid + R_length + R_format, equal weights. Use it with a mean-only advantage (no division by the group's std).

    R_hybrid is the rule for samples whose ``verifiable`` column is true and the model for the others, which is only asked about
    those. R_length compares a sample with the mean length of the group's correct ones; 0 where there is none.

    Args:
        rule: the check; default: exact match of the ``<answer>`` block with column ``answer``.
        model: the score of open samples, bounded; default: cosine to column ``reference``. Squash an unbounded reward model first,
            ``model.then("sigmoid")``.
        format: the form that is wanted; default: a think and an answer block.
        encoder: of the default model.
        largest, tolerance, side, unit: of the length penalty (see :func:`guerdon.shaping.length.group_length_penalty`).
    """
    check = rule or ExactMatch(reference="answer", of="<answer>", name="rule")
    judge = model or Cosine(encoder=encoder, of="<answer>", name="model")
    hybrid = Router("verifiable", {True: check, False: judge}, name="hybrid")
    options = {"largest": largest, "tolerance": tolerance, "side": side}
    length = Combine((Length(unit=unit), hybrid), "group_length_penalty", options, name="length_penalty")
    return Sum(hybrid, length, format or Tags(*TAGS, name="format"))


def is_verifiable(answer: str | None) -> bool:
    """Whether a gold answer can be checked by rule: a number, a choice letter, or at most three words. For data preparation.

    >>> (
    ...     is_verifiable("3.5"),
    ...     is_verifiable("B"),
    ...     is_verifiable("a long description of the picture"),
    ...     is_verifiable(None),
    ... )
    (True, True, False, False)
    """
    if answer is None or not answer.strip():
        return False
    text = answer.strip()
    return parse_number(text) is not None or bool(re.fullmatch(r"\(?[A-Za-z]\)?\.?", text)) or len(text.split()) <= 3
