"""Rewards on boxes: grounding answers, and images that follow a planned layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.short_answers import tagged_or_all
from guerdon.rewards.textual import Textual
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.boxes import multi_box_iou, planned_iou
from guerdon.text.boxes import Box, extract_boxes, nested_boxes, placed_objects


@register("reward")
@dataclass(frozen=True, repr=False)
class BoxIoU(Textual):
    """How well the boxes of an answer cover the gold ones: IoU under the best matching over max(#answered, #gold).

    Boxes (x1, y1, x2, y2) are read from the last ``<answer>`` block, or from the whole completion, thinking stripped, in JSON or as
    ``(x1,y1),(x2,y2)``; corners in any order, in the units of the gold boxes. Range [0, 1]. Column ``reference``: one box, a list
    of them, or text that holds them. An answer without a box scores 0, noted. NaN with ``missing_data`` without a gold box.

    Source: Mixed-R1 (arXiv 2505.24164); the rule for several boxes is ours.

    >>> BoxIoU().score(Batch(["<answer>[0, 0, 10, 10]</answer>"], reference=[[5, 0, 15, 10]])).values.round(4).tolist()
    [0.3333]
    """

    reference: str = column("reference", expects="the gold box [x1, y1, x2, y2], or a list of boxes")

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        values = np.zeros(len(batch))
        for i, reference in enumerate(self.read(batch, self.reference)):
            gold = _gold_boxes(reference)
            if not gold:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no box in {self.reference}")
            elif notes[i] is None:
                boxes = extract_boxes(tagged_or_all(texts[i]))
                values[i] = multi_box_iou(boxes, gold)
                notes[i] = Note(answer=str(boxes[:4])) if boxes else Note(Outcome.MALFORMED, "no box in the answer")
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["<answer>[0, 0, 10, 10]</answer>", "<answer>[[1, 1, 3, 3], [5, 5, 9, 9]]</answer>"],
            ["Where is the cat?", "Where are the cups?"],
            reference=[[0, 0, 10, 11], [[1, 1, 3, 3], [5, 5, 9, 9]]],
        )
        return Example(
            honest,
            {
                "empty": ["", "<answer></answer>"],
                "everything": ["<answer>[0, 0, 1000, 1000]</answer>"] * 2,
                "many boxes": [f"<answer>{[[0, 0, k, k] for k in range(40)]}</answer>"] * 2,
                "repeated": ["<answer>[[0, 0, 10, 10], [0, 0, 10, 10]]</answer>", "<answer>[1, 1, 3, 3]</answer>" * 3],
                "not numbers": ["<answer>[NaN, 0, 1e999, 10]</answer>", '<answer>["a", 1, 2, 3]</answer>'],
            },
        )


def _gold_boxes(reference: Any) -> list[Box]:
    if hasattr(reference, "tolist"):
        reference = reference.tolist()
    return extract_boxes(reference) if isinstance(reference, str) else nested_boxes(reference)


@register("reward")
@dataclass(frozen=True, repr=False)
class PlanIoU(Textual):
    """Whether an image holds what its plan placed where: mean over the planned objects of IoU(planned box, box found).

    The plan is the completion: ``<|obj_start|>name<|obj_end|><|box_start|>(x1,y1),(x2,y2)<|box_end|>``, see
    :func:`~guerdon.text.boxes.placed_objects`. Objects of one name are matched one to one. Range [0, 1]. A plan without a box
    scores 0, noted. Part ``objects``: how many are planned; watch it, since one huge box is easy to find again.

    Column ``grounded``: what a grounding model found in the image, one box or None per planned object, or a list of
    ``{"object": name, "box": [...]}``; what was not found counts 0. NaN: no such list (``missing_data``), or one of the wrong
    length (``instrument_error``).

    Source: GoT-R1 2025 (arXiv 2505.17022), section 3.3, R_RI.

    >>> plan = "<|obj_start|>bee<|obj_end|><|box_start|>(0,0),(10,10)<|box_end|>"
    >>> PlanIoU().score(Batch([plan, plan], grounded=[[[0, 0, 10, 5]], [None]])).values.tolist()
    [0.5, 0.0]
    """

    grounded: str = column("grounded", expects="per planned object the box found in the image, or None")
    of: str = field(default="whole", kw_only=True)

    bounds = (0.0, 1.0)
    subparts = ("objects",)

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        values, sizes = np.zeros(len(batch)), np.zeros(len(batch))
        for i, grounded in enumerate(self.read(batch, self.grounded)):
            plan = placed_objects(texts[i])
            sizes[i] = len(plan)
            if plan:
                values[i], notes[i] = _found_in_image(plan, grounded)
            elif notes[i] is None:
                notes[i] = Note(Outcome.MALFORMED, "the plan places no object")
        return Scores(values, {"objects": sizes}, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        plan = _PLANNED.format("bee", "(0,0),(400,400)") + " left of " + _PLANNED.format("cup", "(500,0),(900,400)")
        found = [{"object": "cup", "box": [500, 0, 900, 420]}, {"object": "bee", "box": [0, 0, 400, 400]}]
        honest = Batch(
            [plan, plan],
            ["A bee left of a cup", "A bee and a cup"],
            grounded=[[[0, 0, 400, 400], [500, 0, 900, 400]], found],
        )
        return Example(
            honest,
            {
                "empty": ["", ""],
                "no boxes": ["A bee left of a cup.", "<|obj_start|>bee<|obj_end|> and a cup"],
                "box without an object": ["<|box_start|>(0,0),(400,400)<|box_end|>"] * 2,
            },
        )


_PLANNED = "<|obj_start|>{}<|obj_end|><|box_start|>{}<|box_end|>"


def _found_in_image(plan: list[tuple[str, Box]], grounded: Any) -> tuple[float, Note | None]:
    grounded = grounded.tolist() if hasattr(grounded, "tolist") else grounded
    if not isinstance(grounded, (list, tuple)):
        return np.nan, Note(Outcome.MISSING_DATA, "no list of grounded boxes")
    names = [" ".join(name.lower().split()) for name, _ in plan]
    found_names = names
    if any(isinstance(item, Mapping) for item in grounded):
        items = [item for item in grounded if isinstance(item, Mapping)]
        found_names = [" ".join(str(item.get("object", item.get("name"))).lower().split()) for item in items]
        grounded = [item.get("box") for item in items]
    elif len(grounded) != len(plan):
        return np.nan, Note(Outcome.INSTRUMENT_ERROR, f"{len(grounded)} grounded boxes for {len(plan)} planned objects")
    boxes = [next(iter(nested_boxes(box)), None) for box in grounded]
    return planned_iou([box for _, box in plan], boxes, names, found_names), None
