"""Semantic rewards for low-resource languages: the default variant."""

from __future__ import annotations

import numpy as np

from guerdon import Batch, find_paper
from guerdon.models.encoders import TableEncoder
from guerdon.rewards import Cosine, Given, Script
from guerdon.shaping.advantages import grpo_advantage

PAPER = find_paper("semantic-low-resource")


def _similarity(similarity: float, tau: float) -> float:
    return float(
        Given("similarity").then("threshold_rescale", at=tau).score(Batch(["y"], similarity=[similarity])).values[0]
    )


def _semantic(completion_embedding: list[float], reference_embedding: list[float], tau: float) -> float:
    return float(
        Cosine(encoder=TableEncoder({"y": completion_embedding, "y*": reference_embedding}))
        .then("threshold_rescale", at=tau)
        .score(Batch(["y"], reference=["y*"]))
        .values[0]
    )


def _total(similarity: float, tau: float, language_reward: float, lambda_sim: float, lambda_lang: float) -> float:
    return float(
        PAPER.build(
            tau=tau,
            weights=(lambda_sim, lambda_lang),
            similarity=Given("similarity", name="near"),
            language=Given("language", name="clean"),
        )
        .score(Batch(["y"], similarity=[similarity], language=[language_reward]))
        .values[0]
    )


PARTS = {
    "shaped_similarity": _similarity,
    "semantic_reward": _semantic,
    "script_consistency": lambda completion, target_script, max_foreign_ratio: float(
        Script(script=target_script, max_foreign_ratio=max_foreign_ratio).score(Batch([completion])).values[0]
    ),
    "total_reward": _total,
    "group_advantage": lambda rewards, ddof, eps: grpo_advantage(
        rewards, np.zeros(len(rewards), dtype=int), ddof=ddof, eps=eps
    ),
}
