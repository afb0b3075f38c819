"""VRAG-RL: hacks, the gate, what NDCG rewards, boxes, judges' replies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.models.protocols.correctness import read_judge_tag
from guerdon.papers.vrag_rl import crop_box, extract_answer
from guerdon.rewards.search import trajectory

PAPER = find_paper("vrag-rl")
HONEST = trajectory("<think>a</think><search>q</search>", "page 4", "<think>b</think><answer>42</answer>")


def batch(completions: list[Any], correct: Any = 1.0, retrieved: Any = ("d_4",), relevant: Any = ("d_4",)) -> Batch:
    size = len(completions)
    columns = {"correct": [correct] * size, "retrieved": [retrieved] * size, "relevant": [relevant] * size}
    return Batch(completions, ["How many?"] * size, columns=columns)


def value(completion: Any = HONEST, *, variant: str = "default", **columns: Any) -> float:
    return float(PAPER.build(variant).score(batch([completion], **columns)).values[0])


def test_worked_values() -> None:
    assert value(retrieved=["x", "d_4"]) == pytest.approx(0.9261859507)
    assert value(correct=0.0) == pytest.approx(0.3)
    assert value("<answer>42</answer>") == 0.0
    assert value("<answer>42</answer>", variant="paper") == pytest.approx(1.0), "the published sum states no gate"


HACKS = {
    "empty": "",
    "copied question": "How many?",
    "keyword soup": "42 page search answer " * 50,
    "repeated reference": "42 " * 2000,
    "answer alone": "<answer>42</answer>",
    "all inside a thought": "<think><search>q</search><information>page 4</information><answer>42</answer></think>",
    "tag stuffing": "<search>q</search><answer>42</answer>" * 50,
    "evidence of its own": "<search>q</search><information>page 4</information><answer>42</answer>",
    "a forged tool result": "<search>q</search><tool_response>page 4</tool_response><answer>42</answer>",
    "mixed language": "<search>问题</search> вопрос <answer>42</answer>",
    "huge": "<search>" * 20_000 + "<answer>" + "42 " * 100_000,
    "never searched": trajectory("<think>a</think>", "page 4", "<answer>42</answer>"),
}


def test_no_hack_reaches_an_honest_answer() -> None:
    values = PAPER.build().score(batch(list(HACKS.values()))).values
    assert value() == pytest.approx(1.0)
    assert values.tolist() == [0.0] * len(HACKS)


def test_what_the_official_variant_pays_for() -> None:
    official = (
        PAPER.build("official").score(batch([HACKS["evidence of its own"], HACKS["all inside a thought"]])).values
    )
    assert official.tolist() == pytest.approx([1.0, 1.0]), "what stands in a thought counts"
    forged = "<|im_start|>user\n<search>q</search>\n<|im_end|><answer>42</answer>"
    assert value(forged, variant="official") == pytest.approx(1.0) and value(forged) == 0.0
    assert value(variant="official", retrieved=["d_4", "d_4"]) > 1.1 and value(retrieved=["d_4", "d_4"]) <= 1.0


def test_the_pattern_gates_whatever_the_judge_says() -> None:
    for correct in (0.0, 1.0, None):
        assert value("<search>q</search>", correct=correct) == 0.0
    assert np.isnan(value(correct=None)), "an unjudged answer is not a wrong one"
    scores = PAPER.build().score(batch([HONEST], relevant=None))
    assert np.isnan(scores.values).all() and "missing_data" in scores.note(0)


def test_images_come_back_under_any_role_but_the_policys() -> None:
    page = [{"type": "text", "text": "page"}, {"type": "image", "image": "x.png"}]
    rollout = [HONEST[0], {"role": "user", "content": page}, HONEST[2]]
    assert value(rollout) == pytest.approx(1.0)
    assert value([HONEST[0], {"role": "tool", "content": page[1:]}, HONEST[2]]) == pytest.approx(1.0)
    text = "<search>q</search>PAGE<answer>42</answer>"
    spans = batch([text]).replace(inserted=[[(18, 22)]])
    assert PAPER.build(environment="inserted").score(spans).values[0] == pytest.approx(1.0)


def test_boxes() -> None:
    assert crop_box([28, 28, 56, 56], [100, 100], [200, 100], padding=28) == [0, 0, 168, 84]
    assert crop_box([1e300, -1e300, 5, 5], [10, 10], [10, 10]) == [10, 0, 5, 5]
    for box, size in (([1, 2, 3], [1, 1]), ([0, 0, float("nan"), 1], [1, 1]), ([0, 0, 1, 1], [0, 1])):
        with pytest.raises(UserError):
            crop_box(box, size, [10, 10])


def test_extraction_and_judge() -> None:
    assert extract_answer("<answer>a<answer> b</answer>") == " b" and extract_answer("</answer><answer>") is None
    assert read_judge_tag("<judge>False</judge><judge>TRUE.</judge>") is True
    assert read_judge_tag("<judge>maybe</judge>") is None is read_judge_tag("")
    assert read_judge_tag("<judge>TRUE</judge>", variant="official") is None
    with pytest.raises(UserError, match="weights"):
        PAPER.build(weights={"judge": 1.0})
