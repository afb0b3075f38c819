"""Semantic rewards for low-resource languages: thresholded similarity plus staying in the target language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guerdon.combine import Product, Sum
from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Cosine, Script

PAPER = Paper(
    slug="semantic-low-resource",
    title="Reinforcement Learning with Semantic Rewards Enables Low-Resource Language Expansion without Alignment Tax",
    year=2026,
    arxiv="2605.14366",
    kind="reward",
    parts={
        "thresholded similarity": PUBLISHED,
        "language consistency": PUBLISHED,
        "weights (1.5, 1.0)": PUBLISHED,
        "script rule": OURS,
        "threshold as the mean similarity of the cold-start model": OURS,
    },
    columns=("reference", "target_script"),
    range=(0.0, 2.5),
    variants=("default", "gated"),
)

#: The cold-start model's reported mean similarity on translation, where no threshold of one's own has been measured.
REPORTED_THRESHOLD = 0.5593


def cold_start_threshold(similarities: Sequence[float]) -> float:
    """The threshold for a task: the mean similarity of the cold-start model's outputs to the training references.

    >>> cold_start_threshold([0.5, 0.7])
    0.6
    """
    if not len(similarities):
        raise UserError("similarities is empty; score the cold-start model's outputs first")
    return sum(similarities) / len(similarities)


def build(
    variant: str = "default",
    *,
    encoder: Any = "minilm",
    tau: float = REPORTED_THRESHOLD,
    weights: tuple[float, float] = (1.5, 1.0),
    max_foreign_ratio: float = 0.0,
    similarity: Reward | None = None,
    language: Reward | None = None,
) -> Reward:
    """w_sim * max(0, (s - tau) / (1 - tau)) + w_lang * [written in the target script].

    ``"gated"`` multiplies the two terms instead of adding them, so that clean but unrelated output earns nothing (our design).
    Use an encoder that knows the language: measure it on parallel against shuffled pairs first.

    Args:
        encoder: a frozen multilingual sentence encoder.
        tau: similarity that counts as nothing, below 1; see :func:`cold_start_threshold`.
        weights: of similarity and language.
        max_foreign_ratio: share of letters of other scripts that is forgiven.
        similarity, language: rewards to use in place of the cosine and of the script check.
    """
    near = similarity or Cosine(encoder=encoder)
    shaped = near.then("threshold_rescale", at=tau, name="shaped_similarity")
    clean = language or Script(max_foreign_ratio=max_foreign_ratio)
    if variant == "gated":
        return Sum(Product(shaped, clean), weights=weights[:1])
    return Sum(shaped, clean, weights=weights)
