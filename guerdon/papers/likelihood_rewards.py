"""Likelihood rewards: reasoning is worth what it does for the probability of a reference answer; no verifier, no judge."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Gate, Product, Sum
from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import (
    ExactMatch,
    Length,
    LengthFloor,
    Likelihood,
    PerplexityRank,
    ReasoningForm,
    RepeatedWindow,
)

PAPER = Paper(
    slug="likelihood-rewards",
    title="Likelihood-Based Reward Designs for General LLM Reasoning",
    year=2026,
    arxiv="2602.03979",
    kind="reward",
    parts={
        "log-prob, avg-log-prob, prob, avg-prob": PUBLISHED,
        "JEPO: group reward and its advantage": PUBLISHED,
        "second gradient term (Lemma 1)": PUBLISHED,
        "length penalty, graded base reward, dataset metrics": PUBLISHED,
        "VeriFree: splicing and advantage": RELEASED,
        "RLPR: splicing, debiasing, shaping, format, repetition, filter by spread": RELEASED,
        "NOVER: format, rank, efficiency, length-normalised perplexity": RELEASED,
        "what a completion without an answer is cut and continued to (RLPR)": OURS,
        "ties share their rank, words for tokens of the thought (NOVER)": OURS,
    },
    columns=("reference",),
    range=(float("-inf"), 0.0),
    variants=("default", "mean", "prob", "mean-prob", "jepo", "verifree", "rlpr", "nover", "nover-official", "base"),
)

_AGGREGATES = {"default": "sum", "jepo": "sum", "mean": "mean", "prob": "prob", "mean-prob": "mean_prob"}


def build(
    variant: str = "default",
    *,
    lm: Any = "policy",
    reference: str = "reference",
    baseline: str | None = None,
    truncated: str | None = None,
    contrast: bool = True,
    shape: str = "threshold_0",
    bins: int | None = None,
    format_coefficient: float = 0.1,
    repetition: bool = True,
    minimum_thought: int | None = None,
    per_word: float = 0.01,
    correct: Reward | None = None,
) -> Reward:
    """The likelihood of the reference after the completion's reasoning, by variant.

    * ``"default"`` log-probability, ``"mean"`` per token, ``"prob"`` probability, ``"mean-prob"`` mean probability of its tokens.
    * ``"jepo"`` what the completion adds to the log of the group's mean probability.
    * ``"verifree"`` probability of the boxed reference and the closing tag, 0 without ``<answer`` or for truncated completions.
    * ``"rlpr"`` (1 - c) gain + c form - repetition, the gain in mean probability over no reasoning, shaped; form - 1 gates at c
      = -1.
    * ``"nover"`` rank by perplexity + efficiency + form, each in [0, 1]; ``"nover-official"`` gives ties to the first.
    * ``"base"`` the verified baseline: 100 right, 10 wrong, 0 without one readable answer.

    Args:
        lm: a language model, or ``"policy"``, which owes the trainer the second gradient term.
        reference: column.
        baseline: column with the score of the reference without reasoning, computed once before training (``"rlpr"``).
        truncated: column that says which completions were cut short (``"verifree"``).
        contrast: whether the score without reasoning is subtracted where there is no ``baseline`` (``"rlpr"``).
        shape, bins, format_coefficient, repetition: as RLPR names them, see :func:`guerdon.shaping.gain.shape_gain`.
        minimum_thought, per_word: charge for a thought of fewer words than this; None: none.
        correct: what is right in ``"base"``, in [0, 1]; default: exact match of the answer.

    Raises:
        UserError: a format coefficient that is neither -1 nor in [0, 1].
    """
    if variant in _AGGREGATES:
        reward: Reward = Likelihood(lm, _AGGREGATES[variant], reference=reference, truncated=truncated)
        reward = reward.then("jepo") if variant == "jepo" else reward
    elif variant == "verifree":
        reward = Likelihood(lm, "prob", "boxed", reference=reference, truncated=truncated)
    elif variant == "rlpr":
        debiased = contrast and baseline is None
        score = Likelihood(lm, "mean_prob", "answer", debiased, reference, baseline, truncated)
        reward = _gain(score, shape, bins, format_coefficient)
        reward = Sum(reward, RepeatedWindow()) if repetition else reward
    elif variant in ("nover", "nover-official"):
        rank = PerplexityRank(lm, reference, ties_by="mean" if variant == "nover" else "order")
        reward = Sum(rank.part(rank.name), rank.part(f"{rank.name}/efficiency"), ReasoningForm("bare"))
    else:
        match = correct or ExactMatch(reference=reference, normalize="strip", of="<answer>")
        readable = Product(ReasoningForm("answered"), LengthFloor(minimum=1, of="<answer>"))
        reward = Gate(readable, match.then("affine", scale=90.0, shift=10.0), at_least=1.0)
    if minimum_thought is None:
        return reward
    thought = Length(unit="words", of="thinking")
    return Sum(reward, thought.then("short_penalty", minimum=minimum_thought, per_unit=per_word))


def _gain(score: Reward, shape: str, bins: int | None, coefficient: float) -> Reward:
    gain = score.then("shape_gain", shape=shape)
    gain = gain if bins is None else gain.then("discretize", bins=bins)
    if coefficient == -1:
        return Gate(ReasoningForm("begun"), gain, otherwise=-1.0)
    if not 0.0 <= coefficient <= 1.0:
        raise UserError(f"format_coefficient={coefficient} must lie in [0, 1], or be -1 for a format that gates")
    return Sum(gain, ReasoningForm("begun"), weights=(1.0 - coefficient, coefficient))
