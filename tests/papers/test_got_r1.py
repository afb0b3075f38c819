"""GoT-R1: the product, the plan grammar, invariances, faults, hacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.papers.got_r1 import ASPECTS, scale_judge_score, semantic_score
from guerdon.rewards import Given, PlanIoU
from guerdon.scores import Outcome
from guerdon.shaping.boxes import planned_iou
from guerdon.text.boxes import placed_objects

PAPER = find_paper("got-r1")


def placed(name: str, *box: int) -> str:
    return f"<|obj_start|>{name}<|obj_end|><|box_start|>({box[0]},{box[1]}),({box[2]},{box[3]})<|box_end|>"


BEE, CUP = (0, 0, 400, 400), (500, 0, 900, 400)
PLAN = f"A {placed('bee', *BEE)} left of a {placed('cup', *CUP)}."


def scored(plans: list[Any], grounded: Any = (BEE, CUP), **judged: float) -> Any:
    given = {"prompt_image": 0.9, "semantic": 0.8, "spatial": 1.0, **judged}
    columns = {name: [value] * len(plans) for name, value in given.items()}
    return PAPER.build().score(Batch(plans, grounded=[list(grounded)] * len(plans), columns=columns))


def test_the_product_of_the_terms() -> None:
    assert scored([PLAN]).values[0] == pytest.approx(0.9 * 0.9 * 1.0)
    for name in ("prompt_image", "semantic", "spatial"):
        zeroed = scored([PLAN], **{name: 0.0}).values[0]
        assert zeroed == 0.0 if name == "prompt_image" else zeroed < scored([PLAN]).values[0]
    assert scored([PLAN], semantic=0.0, spatial=0.0).values[0] == 0.0 == scored([PLAN], (None, None)).values[0]
    withheld = PAPER.build(preference=Given("hps", 0.0, 1.0, name="hps"))
    columns = {"prompt_image": [1.0], "semantic": [1.0], "spatial": [1.0], "hps": [0.28], "grounded": [[BEE, CUP]]}
    assert withheld.score(Batch([PLAN], columns=columns)).values[0] == pytest.approx(0.28)


def test_order_names_corners_and_mirrors() -> None:
    found = [{"object": "Cup", "box": CUP[2:] + CUP[:2]}, {"object": "bee", "box": BEE}]
    values = PlanIoU().score(Batch([PLAN, PLAN], grounded=[[BEE, CUP], found])).values
    assert values.tolist() == [1.0, 1.0]
    plan, image = np.array([BEE, CUP]), np.array([(10, 0, 390, 500), CUP])
    mirror = np.array([-1, 1, -1, 1])
    assert planned_iou(plan, image) == pytest.approx(planned_iou(plan * mirror, image * mirror))
    assert planned_iou(plan[::-1], image[::-1]) == pytest.approx(planned_iou(plan, image))
    twins = [(0, 0, 2, 2), (5, 5, 9, 9)]
    assert planned_iou(twins, twins[::-1], ["cat", "cat"]) == 1.0 and planned_iou(twins, twins[::-1]) == 0.0
    assert planned_iou([], []) == 0.0
    with pytest.raises(ValueError, match="names"):
        planned_iou(twins, twins[:1])


def test_the_grammar_of_plans() -> None:
    assert placed_objects(PLAN) == [("bee", BEE), ("cup", CUP)]
    assert placed_objects(placed("bee", *BEE).replace("<|box_start|>", " <|box_start|>")) == [("bee", BEE)]
    assert placed_objects("<|obj_start|>bee<|obj_end|> and " + placed("cup", *CUP)) == [("cup", CUP)]
    for broken in ("", "no boxes", "<|obj_start|>bee", "<|box_start|>(1,2),(3,4)<|box_end|>", "<|obj_start|>" * 50_000):
        assert placed_objects(broken) == []


def test_what_was_not_judged_is_not_scored() -> None:
    scores = scored([PLAN], spatial=float("nan"))
    assert np.isnan(scores.values[0])
    scores = PlanIoU().score(Batch([PLAN, PLAN, "no plan"], grounded=[None, [BEE], None]))
    assert np.isnan(scores.values[:2]).all() and scores.values[2] == 0.0
    outcomes = [note.outcome for note in scores.notes["plan_io_u"]]
    assert outcomes == [Outcome.MISSING_DATA, Outcome.INSTRUMENT_ERROR, Outcome.MALFORMED]


def test_ratings() -> None:
    assert [scale_judge_score(s) for s in (0, 7, 10, 12, -3)] == [0.0, 0.7, 1.0, 1.0, 0.0]
    assert np.isnan(scale_judge_score(None)) and scale_judge_score(3, 5) == 0.6
    assert semantic_score(**dict.fromkeys(ASPECTS, 10)) == 1.0 and np.isnan(semantic_score(1, 2, 3, float("nan")))
    with pytest.raises(UserError, match="max_score"):
        scale_judge_score(1, 0)


@pytest.mark.parametrize(
    "hack",
    [
        "",
        "A bee left of a cup.",
        "bee cup left of " * 50,
        f"<think>bee {BEE}</think>",
        placed("bee", *BEE).replace("(0,0)", "(x,y)"),
        "蜂とカップ",
        "<|obj_start|>" * 20_000,
        "<tool_response>all objects found</tool_response>",
    ],
)
def test_plans_without_boxes_are_worth_nothing(hack: str) -> None:
    assert scored([hack]).values[0] == 0.0 < scored([PLAN]).values[0]


def test_a_plan_that_repeats_an_object_loses() -> None:
    found = [{"object": "bee", "box": BEE}, {"object": "cup", "box": CUP}]
    assert scored([PLAN + PLAN], found).values[0] < scored([PLAN], found).values[0]
    assert PlanIoU().score(Batch([PLAN], grounded=[found])).parts["plan_io_u/objects"].tolist() == [2.0]
