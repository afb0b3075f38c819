"""Contrastive text-to-SQL: the default variant."""

from __future__ import annotations

import numpy as np

from guerdon import Batch, Gate, Sum
from guerdon.rewards import Given
from guerdon.rewards.semantic import cosine_similarity
from guerdon.shaping.contrast import margin_contrast, softmax_contrast


def _own(question_embedding: list[float], sql_embedding: list[float]) -> np.ndarray:
    return cosine_similarity(np.array([question_embedding]), np.array([sql_embedding]))


def _others(question_embedding: list[float], negative_embeddings: list[list[float]]) -> np.ndarray:
    return cosine_similarity(
        np.array([question_embedding]), np.reshape(negative_embeddings, (-1, len(question_embedding)))
    )


def _total(execution_match: float, executable: bool, contrastive: float, w_exec: float, w_contrastive: float) -> float:
    return float(
        Gate(
            Given("runs", name="runs"),
            Sum(Given("match", name="match"), Given("contrast", name="contrast"), weights=(w_exec, w_contrastive)),
        )
        .score(Batch(["y"], runs=[float(executable)], match=[execution_match], contrast=[contrastive]))
        .values[0]
    )


PARTS = {
    "contrastive_softmax": lambda question_embedding, sql_embedding, negative_embeddings, temperature: float(
        softmax_contrast(
            _own(question_embedding, sql_embedding),
            _others(question_embedding, negative_embeddings),
            temperature=temperature,
        )[0]
    ),
    "contrastive_margin": lambda question_embedding, sql_embedding, negative_embeddings: float(
        margin_contrast(_own(question_embedding, sql_embedding), _others(question_embedding, negative_embeddings))[0]
    ),
    "total_reward": _total,
}
