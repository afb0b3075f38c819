"""Mixed-R1: the default variant."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from guerdon import Batch, find_paper
from guerdon.shaping.boxes import box_iou, multi_box_iou
from guerdon.shaping.token_matching import token_matching

PAPER = find_paper("mixed-r1")


def _task(kind: str, answer: str, gold: str, **options: Any) -> float:
    return float(PAPER.build(**options).score(Batch([answer], reference=[gold], task_type=[kind])).parts["task"][0])


PARTS = {
    "bmas": lambda completion_token_embeddings, reference_token_embeddings: asdict(
        token_matching(completion_token_embeddings, reference_token_embeddings)
    ),
    "iou": lambda pred_box, gold_box: float(box_iou([pred_box], [gold_box])[0, 0]),
    "multi_box_iou": lambda pred_boxes, gold_boxes: multi_box_iou(pred_boxes, gold_boxes),
    "matching_reward": lambda answer, gold: _task("matching", answer, gold),
    "chart_reward": lambda answer, gold, tolerance: _task("chart", answer, gold, tolerance=tolerance),
}
