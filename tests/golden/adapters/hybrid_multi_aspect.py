"""HARMO: the default variant."""

from __future__ import annotations

from typing import Any

import numpy as np

from guerdon import Batch, find_paper
from guerdon.models.encoders import TableEncoder
from guerdon.rewards import Cosine, Given, Tags
from guerdon.shaping.advantages import dr_grpo_advantage

PAPER = find_paper("hybrid-multi-aspect")


def _total(hybrid: float, length: float, format: float) -> float:
    """The length penalty of a lone sample is 0, so it is added as part of the form."""
    reward = PAPER.build(
        rule=Given("hybrid", name="rule"), format=Given("format", name="form") + Given("length", name="longer")
    )
    columns = {"hybrid": [hybrid], "format": [format], "length": [length], "verifiable": [True], "reference": ["-"]}
    return float(reward.score(Batch(["y"], ["q"], columns=columns)).values[0])


def _hybrid(verifiable: bool, rule_correct: Any, response_embedding: Any, reference_embedding: Any) -> float:
    table = {"y": response_embedding or [0.0], "y*": reference_embedding or [0.0]}
    reward = PAPER.build(rule=Given("correct"), model=Cosine(encoder=TableEncoder(table)), format=Tags("none"))
    columns = {"correct": [rule_correct], "verifiable": [verifiable], "reference": ["y*"]}
    return float(reward.score(Batch(["y"], ["q"], columns=columns)).parts["hybrid"][0])


PARTS = {
    "total_reward": _total,
    "hybrid_accuracy_reward": _hybrid,
    "group_advantage_mean_only": lambda rewards: dr_grpo_advantage(rewards, np.zeros(len(rewards), dtype=int)),
}
