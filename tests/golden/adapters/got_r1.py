"""GoT-R1: the default variant, with HPS as its last factor."""

from __future__ import annotations

from typing import Any

import numpy as np

from guerdon import Batch, find_paper
from guerdon.papers.got_r1 import scale_judge_score, semantic_score
from guerdon.rewards import Given
from guerdon.shaping.boxes import planned_iou
from guerdon.shaping.normalize import group_zscore
from guerdon.text.boxes import placed_objects

PAPER = find_paper("got-r1")
REWARD = PAPER.build(
    semantic=Given("reasoning_semantic"),
    spatial=Given("reasoning_spatial", name="spatial"),
    image=Given("reasoning_image", name="image"),
    preference=Given("hps", name="hps"),
)


def _total(**terms: float) -> float:
    return float(REWARD.score(Batch(["plan"], columns={name: [value] for name, value in terms.items()})).values[0])


def _chain(reasoning: str) -> list[dict[str, Any]]:
    return [{"object": name, "box": list(box)} for name, box in placed_objects(reasoning)]


PARTS = {
    "total_reward": _total,
    "scale_judge_score": lambda score, max_score: scale_judge_score(score, max_score),
    "semantic_reward": lambda **ratings: semantic_score(**ratings),
    "reasoning_image_reward": lambda planned_boxes, grounded_boxes: planned_iou(planned_boxes, grounded_boxes),
    "parse_chain": _chain,
    "group_advantage": lambda rewards: group_zscore(rewards, np.zeros(len(rewards), dtype=int), ddof=0, eps=0.0),
}
