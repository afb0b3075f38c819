"""CSR: correctness, plus agreement in meaning among right answers and disagreement among wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.combine import Sum
from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Agreement, ExactMatch
from guerdon.rewards.agreement import Scope
from guerdon.shaping.votes import cluster_share, greedy_clusters, semantic_entropy

PAPER = Paper(
    slug="csr",
    title="Calibrating LLMs with Semantic-level Reward",
    year=2026,
    arxiv="2605.15588",
    kind="reward",
    parts={
        "reward agreement among correct rollouts, penalise it among wrong ones": PUBLISHED,
        "its formula and weight": OURS,
        "confidence by clusters, semantic entropy": OURS,
    },
    columns=("reference",),
    range=(-0.5, 1.5),
)


def build(
    variant: str = "default",
    *,
    correct: Reward | None = None,
    encoder: Any = None,
    weight: float = 0.5,
    scope: Scope = "class",
    of: str = "answer",
) -> Reward:
    """R = c + weight * (+a if right, -a if wrong), a the mean similarity to the siblings of the same correctness.

    For a weight in [0, 1) no wrong answer outranks a right one.

    Args:
        correct: what is right; default: exact match of the final answer with column ``reference``.
        encoder: embeds answers in context; None: equal normalised answers are similar, others not.
        weight: of the calibration term.
        scope: ``"class"`` compares within right and within wrong answers, ``"group"`` with all siblings.
        of: what of the completion is compared.

    Raises:
        UserError: a weight outside [0, 1).
    """
    if not 0.0 <= weight < 1.0:
        raise UserError(f"weight={weight} must lie in [0, 1), or wrong answers could outrank right ones")
    right = correct or ExactMatch(of=of)
    return Sum(right, Agreement(correct=right, encoder=encoder, scope=scope, of=of), weights=(1.0, weight))


def semantic_confidence(similarity: ArrayLike, *, threshold: float = 0.5) -> Mapping[str, Any]:
    """At test time: each sample's cluster, its share of the samples as confidence, and the entropy of the clusters.

    >>> semantic_confidence([[1.0, 0.0], [0.0, 1.0]])["confidence"].tolist()
    [0.5, 0.5]
    """
    clusters = greedy_clusters(similarity, threshold=threshold)
    return {
        "clusters": clusters,
        "confidence": cluster_share(clusters),
        "semantic_entropy": semantic_entropy(clusters),
    }


def verbalised_confidence_reward(correct: ArrayLike, confidence: ArrayLike) -> NDArray[np.float64]:
    """c - (q - c)^2, the baseline that asks the model for a number; 0 where it gives none (NaN).

    >>> verbalised_confidence_reward([1.0, 0.0], [0.9, float("nan")]).round(2).tolist()
    [0.99, 0.0]
    """
    c, q = np.asarray(correct, dtype=np.float64), np.asarray(confidence, dtype=np.float64)
    return np.where(np.isnan(q), 0.0, c - (q - c) ** 2)
