"""Transforming and combining rewards: how likely an answer is good in every respect, as a sum of log-sigmoids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.combine import Combine, Sum
from guerdon.markers import Column
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Given
from guerdon.shaping.transforms import log_sigmoid

PAPER = Paper(
    slug="transform-combine",
    title="Transforming and Combining Rewards for Aligning Large Language Models",
    year=2024,
    arxiv="2402.00742",
    kind="reward",
    parts={
        "log-sigmoid centred on a per-prompt reference": PUBLISHED,
        "sum as conjunction": PUBLISHED,
        "Gaussian and empirical reference quantile": PUBLISHED,
        "soft minimum": OURS,
    },
    columns=("harmless", "harmless_reference", "helpful", "helpful_reference"),
    range=(float("-inf"), 0.0),
    variants=("default", "softmin"),
)


def build(
    variant: str = "default",
    *,
    properties: Sequence[str] = ("helpful", "harmless"),
    scores: Sequence[Reward] | None = None,
) -> Reward:
    """log p(good in every property) = sum_i log sigmoid(r_i - r_ref_i), in (-inf, 0].

    Each property is a Bradley-Terry score: column ``<property>``, or the reward at its place in ``scores``. Its reference per
    prompt, fixed before training, is column ``<property>_reference`` (see :func:`guerdon.shaping.transforms.reference_quantile`;
    for harmlessness the score of a refusal). A missing score or reference leaves the sample unscored.

    ``"softmin"`` is -log sum_i exp(-(r_i - r_ref_i)) of the centred scores, which keeps only the worst property.
    """
    terms = list(scores) if scores is not None else [Given(name, name=name) for name in properties]
    references = [Column(f"{name}_reference") for name in properties]
    if variant == "softmin":
        centred = [
            term.then("minus", reference=reference, name=f"{term.name}_centred")
            for term, reference in zip(terms, references, strict=True)
        ]
        return Combine(tuple(centred), "log_sum_exp", {"temperature": -1.0})
    goods = [
        term.then("log_sigmoid", reference=reference, name=f"{term.name}_good")
        for term, reference in zip(terms, references, strict=True)
    ]
    return Sum(*goods)


def aligned_policy(
    base: ArrayLike, rewards: ArrayLike, *, reference: float = 0.0, gamma: float = 1.0
) -> NDArray[np.float64]:
    """(A,) the policy that training converges to: base * p(good)^(1 / gamma), normalised.

    >>> aligned_policy([0.5, 0.5], [0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    probabilities = np.asarray(base, dtype=np.float64)
    tilt = log_sigmoid(rewards, reference=reference) / gamma
    weights = probabilities * np.exp(tilt - tilt[probabilities > 0].max())
    return np.asarray(np.where(probabilities > 0, weights, 0.0) / weights[probabilities > 0].sum())


def marginal_gain(rewards: ArrayLike, *, reference: ArrayLike = 0.0) -> NDArray[np.float64]:
    """(N,) d log sigmoid(r - r_ref) / dr = 1 - sigmoid(r - r_ref): what one more logit is worth.

    >>> marginal_gain([0.0]).tolist()
    [0.5]
    """
    gap = np.asarray(rewards, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    return np.asarray(np.exp(-np.logaddexp(0.0, gap)))
