"""SD-E^2: variants ``"official"`` and ``"multi-strategy-official"``; the z-scored sum is the default's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guerdon import Batch, Scores, find_paper
from guerdon.models.encoders import TableEncoder
from guerdon.papers.sd_e2 import standardised
from guerdon.rewards import Given, StrategyDiversity
from guerdon.text.strategies import normalize_last_number, strategy_reasoning

PAPER = find_paper("sd-e2")
UNUSED = {"-": [0.0]}


def _encoder(embeddings: dict[str, Any]) -> TableEncoder:
    """A table must hold something, also where nothing is looked up."""
    return TableEncoder(max(embeddings, UNUSED, key=len))


def _explorer(embeddings: dict[str, Any], similarity_threshold: float, **gammas: float) -> StrategyDiversity:
    return StrategyDiversity(encoder=_encoder(embeddings), threshold=similarity_threshold, variant="official", **gammas)


def _exploration(
    strategies: Sequence[str],
    outcomes: Sequence[str],
    answer: str,
    embeddings: dict[str, Any],
    gamma_correct: float = 1.0,
    gamma_cap: float = 0.5,
    gamma_rate: float = 0.1,
    similarity_threshold: float = 0.8,
) -> float:
    return float(
        _explorer(embeddings, similarity_threshold, right=gamma_correct, cap=gamma_cap, rate=gamma_rate).bonuses(
            [strategies], [outcomes], [answer]
        )[0][0]
    )


def _multi(completion: str, answer: str = "-", encoder: Any = None) -> Scores:
    return PAPER.build("multi-strategy-official", encoder=encoder).score(Batch([completion], answer=[answer]))


def _part(name: str, scores: Scores) -> float:
    return float(scores.parts[name][0])


def _zscored(
    rewards: dict[str, list[float]], weights: dict[str, float], ddof: int = 0, eps: float = 1e-8
) -> list[float]:
    return (
        standardised(
            [Given(name, name=name) for name in rewards], [weights[name] for name in rewards], ddof=ddof, eps=eps
        )
        .score(
            Batch(
                [""] * len(max(rewards.values(), key=len)), groups=[0] * len(max(rewards.values(), key=len)), **rewards
            )
        )
        .values.tolist()
    )


PARTS = {
    "semantic_diversity": lambda strategies, embeddings, similarity_threshold=0.8: (
        _explorer(embeddings, similarity_threshold).diversities([strategies])[0].dissimilarity
    ),
    "unique_strategies": lambda strategies, embeddings, similarity_threshold=0.8: (
        _explorer(embeddings, similarity_threshold).diversities([strategies])[0].unique
    ),
    "exploration_reward": _exploration,
    "extract_reasoning": lambda strategy: strategy_reasoning(strategy),
    "multi_correctness": lambda completion, answer: _part("correctness", _multi(completion, answer)),
    "multi_consistency": lambda completion, answer: _part("consistency", _multi(completion, answer)),
    "multi_format": lambda completion, answer="-": _part("format", _multi(completion, answer)),
    "multi_diversity_embedding": lambda completion, answer, embeddings: _part(
        "diversity", _multi(completion, answer, _encoder(embeddings))
    ),
    "multi_total_no_embedder": lambda completion, answer, embeddings=None: float(_multi(completion, answer).values[0]),
    "normalize_answer": lambda text: normalize_last_number(text),
    "zscore_combine": _zscored,
}
