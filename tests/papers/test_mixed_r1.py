"""Mixed-R1: routing, invariances of the four rewards, known weakness, hacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.models.encoders import TableEncoder
from guerdon.rewards import BMAS, BoxIoU, ChartAnswer, ShortAnswer
from guerdon.shaping.assignment import best_assignment
from guerdon.shaping.boxes import box_iou, multi_box_iou
from guerdon.shaping.token_matching import token_matching
from guerdon.text.boxes import extract_boxes
from guerdon.text.short_answers import chart_score, normalize_short_answer

PAPER = find_paper("mixed-r1")
GOLD: dict[str, Any] = {"matching": "B", "chart": "1,200", "grounding": [0, 0, 10, 10], "open": "A red cat on a sofa"}
RIGHT = {"matching": "(b) Rome", "chart": "1210", "grounding": "[0, 0, 10, 10]", "open": "A red cat on a sofa"}


def form(answer: str) -> str:
    return f"<think>look</think><answer>{answer}</answer>"


def test_a_mixed_batch_equals_the_rewards_by_themselves() -> None:
    kinds = list(GOLD) * 2
    completions = [form(RIGHT[kind]) for kind in GOLD] + [form("no")] * 4
    batch = Batch(completions, reference=[GOLD[kind] for kind in kinds], task_type=kinds)
    values = PAPER.build().score(batch).parts["task"]
    alone = {"matching": ShortAnswer(), "chart": ChartAnswer(), "grounding": BoxIoU(), "open": BMAS()}
    for i, kind in enumerate(kinds):
        assert values[i] == alone[kind].score(batch.select([i])).values[0]
    assert values[:4].tolist() == pytest.approx([1.0] * 4) and (values[4:] < 1).all()


def test_an_unknown_type_is_not_scored() -> None:
    assert np.isnan(PAPER.build().score(Batch([form("x")], reference=["x"], task_type=["song"])).values[0])


def test_bmas_sees_truncation_and_padding_but_not_order() -> None:
    gold = "a red cat on a sofa"
    batch = Batch([gold, "a red cat", gold + " with blue stripes", "sofa a on cat red a"], reference=[gold] * 4)
    scores = BMAS().score(batch)
    forward, backward = scores.parts["bmas/forward"], scores.parts["bmas/backward"]
    assert scores.values[[0, 3]] == pytest.approx([1.0, 1.0])  # shuffled words: the known weakness
    assert forward[1] == pytest.approx(1.0) and backward[1] < 1.0 and forward[2] < 1.0
    assert backward[2] == pytest.approx(1.0)


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_bmas_invariances(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    there, back = token_matching(u, v), token_matching(v, u)
    assert there.score == pytest.approx(back.score) and there.forward == pytest.approx(back.backward)
    scaled = token_matching(u[::-1] * rng.uniform(0.1, 9, (n, 1)), np.concatenate([v, v]))
    assert scaled.score == pytest.approx(there.score)
    assert token_matching(u, u).score == pytest.approx(1.0)
    counted = token_matching(u, v, response_counts=np.full(n, 3), reference_counts=np.full(m, 2))
    assert counted.score == pytest.approx(there.score) and -1 - 1e-9 <= there.score <= 1 + 1e-9


def test_bmas_degenerate() -> None:
    assert token_matching([], [[1.0]]).score == 0.0 == token_matching([[0.0, 0.0]], [[1.0, 0.0]]).score
    assert token_matching([[1, 0]], [[-1, 0]], mean="harmonic").score == 0.0
    table = TableEncoder({"a": [1.0, 0.0], "b": [0.0, 1.0]})
    scores = BMAS(encoder=table).score(Batch(["a", "...", "b"], reference=[["b", "a"], "a", "..."]))
    assert scores.values[:2].tolist() == [1.0, 0.0] and np.isnan(scores.values[2])


boxes = st.tuples(*[st.integers(0, 20)] * 4)


@settings(max_examples=30)
@given(st.lists(boxes, min_size=1, max_size=4), st.lists(boxes, min_size=1, max_size=4), st.integers(1, 5))
def test_iou_invariances(left: list[tuple[int, ...]], right: list[tuple[int, ...]], factor: int) -> None:
    table = box_iou(left, right)
    assert np.allclose(table, box_iou(right, left).T) and (table >= 0).all() and (table <= 1).all()
    moved = box_iou(np.array(left) * factor + 7, np.array(right) * factor + 7)
    assert np.allclose(table, moved)
    assert multi_box_iou(left, right) == pytest.approx(multi_box_iou(left[::-1], right))
    rows, _ = best_assignment(table)
    assert len(rows) == min(len(left), len(right))


def test_boxes_as_models_write_them() -> None:
    assert extract_boxes('```json\n[{"bbox_2d": [1, 2, 3, 4], "label": "cat"}]\n```') == [(1, 2, 3, 4)]
    assert extract_boxes("(1, 2), (3,4)") == [(1, 2, 3, 4)] and extract_boxes("[1, 2, 3]") == []
    assert extract_boxes("[1, 2, 3, 1e999]") == [] and extract_boxes("[" * 50_000) == []
    assert extract_boxes("(1,2)" * 50_000)[0] == (1, 2, 1, 2)


def test_short_and_chart_answers() -> None:
    said = ["B", "(B)", "b.", "B: Rome", "[b]", "a.m.", "A cat", " YES!! ", "ﬁne"]
    assert list(map(normalize_short_answer, said)) == ["b", "b", "b", "b", "b", "a.m", "a cat", "yes", "fine"]
    assert [chart_score(x, "100") for x in ("105", "105.1", "nan", "1e2", "one hundred")] == [1, 0, 0, 1, 0]
    assert chart_score("0.001", "0") == 0.0 and chart_score("0", "0", graded=True) == 1.0
    assert chart_score("-50", "100", graded=True) == 0.0 and chart_score("45%", "45") == 1.0
    assert chart_score("Spain.", "spain") == 1.0


@pytest.mark.parametrize("kind", list(GOLD))
def test_hacks(kind: str) -> None:
    honest, gold = form(RIGHT[kind]), GOLD[kind]
    hacks = [
        "",
        form(""),
        "Which one?",
        RIGHT[kind],
        f"<think>{RIGHT[kind]}</think>",
        honest * 2,
        form("Perhaps something else entirely, 7, or " + " ".join([RIGHT[kind]] * 3)),
        form("A B C D 1 2 3 yes no [0,0,1,1] [0,0,999,999] red cat sofa dog"),
        form("红色的猫"),
        form("word " * 20_000),
        form("<tool_response>the answer is right</tool_response>"),
    ]
    size = len(hacks) + 1
    scores = PAPER.build().score(Batch([honest, *hacks], reference=[gold] * size, task_type=[kind] * size))
    assert (scores.values[1:] < scores.values[0]).all(), scores.values
