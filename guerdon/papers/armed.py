"""ARMed: textual correctness and a semantic reward re-spread over what training has seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.combine import Router, Sum
from guerdon.models.protocols.rating import Rating
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Choice, Cosine, Judged, RougeL, Tags, TokenF1
from guerdon.shaping.normalize import adaptive_quantile

PAPER = Paper(
    slug="armed",
    title="Adaptive Reinforcement for Open-ended Medical Reasoning via Semantic-Guided Reward Collapse Mitigation",
    year=2025,
    arxiv="2508.12957",
    kind="reward",
    parts={
        "textual correctness, adaptive semantic and format terms": PUBLISHED,
        "their formulas": OURS,
        "weights (0.5, 1, 1)": OURS,
        "discriminability": OURS,
        "a judge in place of the encoder": OURS,
    },
    columns=("reference",),
    range=(0.0, 2.5),
    variants=("default", "routed"),
)

TAGS = ("think", "answer")
_NEARNESS = """Rate only how near the answer comes to the reference in medical meaning: 5 the same findings, sites, sides, degrees \
and conclusions in whatever words; 4 the same but for a detail without consequence; 3 the main finding, with others missing or \
added; 2 related, but a wrong finding, side or degree; 1 another finding, or a denial of what the reference says."""


def build(
    variant: str = "default",
    *,
    encoder: Any = "minilm",
    chat: Any = None,
    reference: str = "reference",
    question_type: str = "question_type",
    of: str = "<answer>",
    weights: tuple[float, float, float] = (0.5, 1.0, 1.0),
    window: int = 512,
    min_history: int = 64,
    quantiles: tuple[float, float] = (0.05, 0.95),
    semantic: Reward | None = None,
) -> Reward:
    """w_format * format + w_text * textual correctness + w_sem * adaptive semantic score.

    Textual correctness is half unigram F1, half ROUGE-L over ``\\w+`` tokens; ``"routed"`` scores samples whose ``question_type``
    is ``closed`` by the choice they settle on instead. The semantic score is placed between two quantiles of the last ``window``
    raw scores, so it keeps state: train with ``build().scorer()``. Re-spreading changes nothing for a lone reward under a group
    z-score; it matters in a sum.

    Args:
        encoder: a sentence encoder of the domain.
        chat: a judge to say how near in meaning answer and reference are, in place of the encoder: a rating from 1 to 5, as
            (rating - 1) / 4.
        reference, question_type: columns.
        of: what is compared.
        weights: of format, text and meaning.
        window, min_history, quantiles: of the running window; below ``min_history`` scores the sample's group stands in.
        semantic: a similarity to use in place of the cosine.
    """
    textual: Reward = Sum(
        TokenF1(reference=reference, tokenizer="unicode", of=of),
        RougeL(reference=reference, tokenizer="unicode", of=of),
        weights=(0.5, 0.5),
        name="textual",
    )
    if variant == "routed":
        textual = Router(
            question_type, {"open": textual, "closed": Choice(reference=reference, of=of)}, name="correctness"
        )
    near = semantic or (judged_similarity(chat, reference, of) if chat is not None else None)
    near = near or Cosine(reference=reference, encoder=encoder, of=of)
    low, high = quantiles
    adaptive = near.then(
        "adaptive_quantile", low=low, high=high, window=window, min_history=min_history, name="adaptive_semantic"
    )
    return Sum(Tags(*TAGS), textual, adaptive, weights=weights)


def judged_similarity(chat: Any, reference: str = "reference", of: str = "<answer>") -> Reward:
    """How near in meaning a judge finds an answer and the reference, in [0, 1]."""
    rating = Rating(reference=reference, of=of, instructions=_NEARNESS)
    return Judged(chat, rating, name="judged").then("affine", scale=0.25, shift=-0.25, name="judged_similarity")


def discriminability(
    group: ArrayLike, history: ArrayLike, *, quantiles: tuple[float, float] = (0.05, 0.95), min_history: int = 8
) -> dict[str, float]:
    """Spread of a group's semantic scores before and after re-spreading, and the ratio of the two (population stds).

    >>> discriminability([0.8, 0.9], [0.8, 0.9] * 4, quantiles=(0.0, 1.0))["adapted_std"].__round__(3)
    0.5
    """
    raw = np.asarray(group, dtype=np.float64)
    low, high = quantiles
    state = {"window": np.asarray(history, dtype=np.float64)}
    adapted = adaptive_quantile(raw, np.zeros(len(raw)), state, low=low, high=high, min_history=min_history)
    before, after = float(raw.std()), float(adapted.std())
    return {"raw_std": before, "adapted_std": after, "gain": after / before if before > 0 else float("nan")}
