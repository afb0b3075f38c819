"""SearchLLM: the gate's properties, hacks under real constraints, missing scores, the soft gate's inversion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from guerdon import Batch, find_paper, from_spec, to_spec
from guerdon.errors import UserError
from guerdon.rewards import EvidenceContains, Given, SearchAnswer, SearchForm, TokenF1
from guerdon.rewards.search import trajectory
from guerdon.shaping.bottom_line import gated_utility

PAPER = find_paper("searchllm")


def value(constraints: Any, behaviours: Any, variant: str = "default", **options: Any) -> float:
    scored = PAPER.build(variant, **options).score(
        Batch([""], constraint_scores=[constraints], behaviour_scores=[behaviours])
    )
    return float(scored.values[0])


def test_the_soft_gate_can_be_outweighed_and_the_hard_one_not() -> None:
    violated, clean = [0] + [1] * 8, [1] * 9
    rich, good, poor = value(violated, [1] * 4), value(clean, [0.7] * 4), value(clean, [0.5] * 4)
    assert good > rich > poor and rich == pytest.approx(0.5988, abs=1e-4)
    assert np.mean([*violated, 1, 1, 1, 1]) > np.mean([*clean, 0.7, 0.7, 0.7, 0.7]), "the linear mean is wrong"
    assert value(violated, [1] * 4, hard=0.5) == 0.0 and value(clean, [0.5] * 4, hard=0.5) == 0.5


def test_edges() -> None:
    assert value([], [0.4]) == 0.4 and value([1], []) == 1.0 and value([1], [0.3], weights=[0.0]) == 1.0
    assert value([2.0], [-1.0]) == 0.0 and value([5, 7], [9]) == 1.0
    assert value({"grounded": 1, "format": 1}, {"rich": 0.5, "brief": 1.0}, weights={"brief": 1.0}) == 1.0
    nan = float("nan")
    for gap in (None, nan, "unknown"):
        assert np.isnan(value([1, gap], [0.5])) and np.isnan(value([1], [0.5, gap]))
        assert value([1, gap], [0.5], "official") == pytest.approx(0.5 * 0.0995, abs=1e-5), (
            "a failed judgement counts as 0"
        )
        assert value([1], [0.5, gap], "official") == 0.5
    assert np.isnan(value(None, [0.5])) and np.isnan(value([1], None)) and np.isnan(value("1", [1]))
    assert np.isnan(gated_utility([nan], [1.0], hard=0.5).value)
    for wrong in ([1.0], [1.0, -1.0]):
        with pytest.raises(UserError, match="weights"):
            value([1], [0.5, 0.5], weights=wrong)
    with pytest.raises(UserError, match="delta"):
        PAPER.build(delta=-1.0)


def test_weights_of_each_sample() -> None:
    batch = Batch(["", ""], constraint_scores=[[1]] * 2, behaviour_scores=[[0, 1]] * 2, w=[[1, 3], [3, 1]])
    assert PAPER.build(weights_column="w").score(batch).values.tolist() == [0.75, 0.25]


# -- of rewards -------------------------------------------------------------------------------------------------------

QUESTION, ANSWER = "Who leads Alba?", "Ann Lee leads it"
FOUND = "Alba is led by Ann Lee."
HONEST = trajectory(
    "<think>Look it up.</think><search>leader of Alba</search>", FOUND, f"<think>So.</think><answer>{ANSWER}</answer>"
)
HACKS = {
    "empty": "",
    "copied question": QUESTION,
    "keyword soup": "Ann Lee leads Alba " * 40,
    "repeated reference": f"<answer>{ANSWER}</answer> " * 40,
    "answer alone": f"<answer>{ANSWER}</answer>",
    "evidence in a thought": f"<think>{FOUND}<information>{FOUND}</information></think><answer>{ANSWER}</answer>",
    "invented evidence": f"<think>a</think><search>b</search><information>{FOUND}</information><think>c</think>"
    f"<answer>{ANSWER}</answer>",
    "tag stuffing": "<think>a</think><answer>Ann Lee</answer>" * 30,
    "mixed language": "<think>a</think><answer>Ann Lee 是</answer>",
    "huge": "<answer>" + "Ann Lee " * 30_000,
    "answer shopping": "<think>a</think><answer>Ann Lee, Bo or Cy</answer>",
}


def composed(variant: str = "default", **options: Any) -> Any:
    constraints = [EvidenceContains(name="grounded"), SearchForm(name="format")]
    behaviours = [SearchAnswer(measure="f1", name="answer"), TokenF1(reference="wanted", of="<answer>", name="rich")]
    return PAPER.build(variant, constraints=constraints, behaviours=behaviours, **options)


def rollouts(completions: list[Any]) -> Batch:
    size = len(completions)
    columns = {"golden_answers": [["Ann Lee"]] * size, "wanted": [ANSWER] * size}
    return Batch(completions, [QUESTION] * size, columns=columns)


def test_no_hack_reaches_an_honest_answer() -> None:
    for options in ({}, {"hard": 0.5}, {"weights": (3.0, 1.0)}):
        values = composed(**options).score(rollouts([HONEST, *HACKS.values()])).values
        assert values[0] > 0.5
        for hack, hacked in zip(HACKS, values[1:], strict=True):
            assert hacked < 0.5 * values[0], f"{hack}: {hacked}"


def test_rewards_and_columns_agree() -> None:
    scores = composed(weights=(3.0, 1.0)).score(rollouts([HONEST, HACKS["answer alone"]]))
    listed = Batch(
        ["", ""],
        constraint_scores=np.stack([scores.parts["grounded"], scores.parts["format"]], axis=1).tolist(),
        behaviour_scores=np.stack([scores.parts["answer"], scores.parts["rich"]], axis=1).tolist(),
    )
    assert PAPER.build(weights=(3.0, 1.0)).score(listed).values == pytest.approx(scores.values)
    assert composed().range == (0.0, 1.0) and from_spec(to_spec(composed())) == composed()
    assert {"gate", "utility"} <= set(scores.parts)


def test_a_hard_gate_spares_the_judges() -> None:
    reward = PAPER.build(
        constraints=[SearchForm(name="format")], behaviours=[Given("judged", 0.0, 1.0, name="judged")], hard=0.5
    )
    values = reward.score(rollouts([HONEST, ""]).replace(judged=[0.7, None])).values
    assert values.tolist() == pytest.approx([0.7, 0.0])
    soft = PAPER.build(constraints=[Given("a", name="a")], behaviours=[Given("b", name="b"), Given("c", name="c")])
    gaps = Batch([""] * 2, a=[1.0, None], b=[0.5, 1.0], c=[None, 1.0])
    assert np.isnan(soft.score(gaps).values).all()
    official = PAPER.build(
        "official", constraints=[Given("a", name="a")], behaviours=[Given("b", name="b"), Given("c", name="c")]
    )
    assert official.score(gaps).values[0] == pytest.approx(0.5)
    with pytest.raises(UserError, match="weights"):
        composed(weights=(0.0, 0.0))
