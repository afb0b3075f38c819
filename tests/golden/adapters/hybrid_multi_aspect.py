"""HARMO: the default variant."""

from __future__ import annotations

from typing import Any

import numpy as np

from guerdon import Batch, find_paper
from guerdon.models.encoders import TableEncoder
from guerdon.rewards import Cosine, Given, Tags
from guerdon.shaping.advantages import dr_grpo_advantage

PAPER = find_paper("hybrid-multi-aspect")


# The length penalty of a lone sample is 0, so a given one is added as part of the form.
TOTAL = PAPER.build(
    rule=Given("hybrid", name="rule"), format=Given("format", name="form") + Given("length", name="longer")
)


def _total(**given: float) -> float:
    return float(
        TOTAL.score(
            Batch(["y"], ["q"], verifiable=[True], reference=["-"], **{name: [value] for name, value in given.items()})
        ).values[0]
    )


def _hybrid(verifiable: bool, rule_correct: Any, response_embedding: Any, reference_embedding: Any) -> float:
    return float(
        PAPER.build(rule=Given("correct"), model=_cosine(response_embedding, reference_embedding), format=Tags("none"))
        .score(Batch(["y"], ["q"], correct=[rule_correct], verifiable=[verifiable], reference=["y*"]))
        .parts["hybrid"][0]
    )


def _cosine(response: Any, reference: Any) -> Cosine:
    """Verifiable samples have no embeddings; the model is not asked about them."""
    return Cosine(encoder=TableEncoder({"y": _vector(response), "y*": _vector(reference)}))


def _vector(embedding: Any) -> list[float]:
    return {"None": [0.0]}.get(str(embedding), embedding)


PARTS = {
    "total_reward": _total,
    "hybrid_accuracy_reward": _hybrid,
    "group_advantage_mean_only": lambda rewards: dr_grpo_advantage(rewards, np.zeros(len(rewards), dtype=int)),
}
