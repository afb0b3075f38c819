"""Shaping Explanations; ``multi_criteria`` is variant ``"multi-criteria"``, ``group_advantage`` the population z-score."""

from __future__ import annotations

from typing import Any

import numpy as np

from guerdon import Batch, find_paper
from guerdon.models.encoders import TableEncoder
from guerdon.rewards import LengthFloor, LengthMatch
from guerdon.rewards.semantic import cosine_similarity
from guerdon.scores import Scores
from guerdon.shaping.normalize import group_zscore
from guerdon.shaping.pairwise import elo_ratings
from guerdon.shaping.schedules import adaptive_temperature

PAPER = find_paper("shaping-explanations")


def _multi_criteria(completion: str, reference: str, embeddings: dict[str, Any], weights: dict[str, float]) -> Scores:
    return PAPER.build(
        "multi-criteria",
        encoder=TableEncoder(embeddings),
        weights=(weights["semantic"], weights["length"], weights["brevity"]),
    ).score(Batch([completion], reference=[reference]))


def _named(scores: Scores) -> dict[str, float]:
    return {"total": float(scores.values[0]), **{path: float(part[0]) for path, part in scores.parts.items()}}


PARTS = {
    "semantic_cosine": lambda completion_embedding, reference_embedding: float(
        cosine_similarity(np.array([completion_embedding]), np.array([reference_embedding]))[0]
    ),
    "length_floor": lambda completion, min_chars: float(
        LengthFloor(minimum=min_chars).score(Batch([completion])).values[0]
    ),
    "length_match": lambda completion, reference: float(
        LengthMatch().score(Batch([completion], reference=[reference])).values[0]
    ),
    "multi_criteria": lambda **inputs: _named(_multi_criteria(**inputs)),
    "group_advantage": lambda rewards: group_zscore(
        np.array(rewards), np.zeros(len(rewards), dtype=np.int64), ddof=0, eps=1e-8
    ),
    "adapt_temperature": lambda base_temperature, reward_history, window: adaptive_temperature(
        base_temperature, reward_history, window=window
    ),
    # The roster of these tournaments is A, B and C, also where one of them plays no match.
    "elo": lambda matches, k, start: elo_ratings(
        [(match["a"], match["b"], match["score_a"]) for match in matches], players=("A", "B", "C"), k=k, start=start
    ),
}
