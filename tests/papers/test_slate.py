"""SLATE: grades of a turn, candidates of one prefix, and what a judge's silence is worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.models.chat import ScriptedChat
from guerdon.models.protocols.search_turn import SearchTurn
from guerdon.papers.slate import RetrievalGatedAnswer, step_group
from guerdon.rewards import EarlyStop, Judged
from guerdon.rewards.search import trajectory
from guerdon.shaping.clipped_surrogate import step_objective
from guerdon.text.search_steps import loose_score, search_steps

PAPER = find_paper("slate")
SEARCH, ANSWER = (
    "<think>Who leads?</think><search>leader of Alba</search>",
    "<think>It says so.</think><answer>Ann</answer>",
)
JUDGE = ScriptedChat(
    {"<<<QUERY": "<score>1</score>", "\nAnn\nANSWER ": "Same.\n<score>1</score>", "<<<ANSWER ": "<score>-1</score>"},
    default="<explanation>Clear.</explanation><score>1</score>",
)


def batch(*turns: str, **columns: object) -> Batch:
    n = len(turns)
    named = {"turn": [0] * n, "question": ["Who leads Alba?"] * n, "so_far": [""] * n, "golden_answers": [["Ann"]] * n}
    return Batch(turns, ["prefix"] * n, columns={**named, **columns})


def test_a_judge_grades_thought_query_and_answer() -> None:
    wrong = ANSWER.replace("Ann", "Bo")
    scores = PAPER.build(chat=JUDGE).score(batch(SEARCH, ANSWER, wrong, "Ann", "<answer>Ann</answer>"))
    assert scores.values == pytest.approx([2.0, 2.1, 0.1, -2.0, 0.1])
    assert scores.parts["action"].tolist() == [1.0, 1.0, -1.0, -1.0, 1.0]


def test_a_failed_judgement_is_unscored_and_the_release_makes_it_zero() -> None:
    for said, outcome in (("<timed_out>", "timed_out"), ("In 2024 it was fine.", "unparseable")):
        chat = ScriptedChat({}, default=said)
        scores = PAPER.build(chat=chat).score(batch(SEARCH))
        assert np.isnan(scores.values).all() and scores.outcomes()["thought"] == {outcome: 1}
    official = (
        PAPER.build("official", chat=ScriptedChat({}, default="In 2024 it was fine.")).score(batch(SEARCH)).values
    )
    assert official.tolist() == [4048.0], "prose becomes a score"
    assert PAPER.build("official", chat=ScriptedChat({}, default="<timed_out>")).score(
        batch(SEARCH)
    ).values.tolist() == [0.0]


def test_missing_gold_and_odd_fields() -> None:
    scores = Judged(JUDGE, SearchTurn(aspect="action"), name="j").score(batch(ANSWER, SEARCH, golden_answers=[[], []]))
    assert scores.outcomes() == {"j": {"missing_data": 1, "scored": 1}}
    with pytest.raises(UserError):
        SearchTurn(aspect="mood")  # type: ignore[arg-type]
    assert EarlyStop().score(Batch([ANSWER] * 4, turn=[0, 4, 9, None])).values == pytest.approx(
        [0.1, 0, 0, np.nan], nan_ok=True
    )


HACKS = [
    "",
    "Who leads Alba?",
    "<search></search>",
    "<think>a</think>",
    "Ann " * 1000,
    "<answer>" * 1000,
    "<think><answer>Ann</answer>",
]


def test_no_hack_reaches_an_honest_turn() -> None:
    values = PAPER.build(chat=JUDGE).score(batch(SEARCH, *HACKS)).values
    assert (values[1:] < values[0]).all()


@given(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]), min_size=1, max_size=6))
def test_candidates_of_a_step(rewards: list[float]) -> None:
    group = step_group(rewards)
    assert group["advantages"].sum() == pytest.approx(0.0, abs=1e-9) and group["selection"].sum() == pytest.approx(1.0)
    if len(set(rewards)) == 1:
        assert (group["advantages"] == 0).all() and group["selection"] == pytest.approx(1 / len(rewards))
    assert step_group(rewards, temperature=0.0)["selection"].argmax() == int(np.argmax(rewards))


def test_advantages_of_steps_vary_less_than_those_of_trajectories() -> None:
    rng = np.random.default_rng(0)
    grades = rng.integers(-1, 2, size=(2000, 4, 5)).astype(float)
    own = grades - grades.mean(axis=2, keepdims=True)
    returns = grades.sum(axis=1, keepdims=True)
    full = np.broadcast_to(returns - returns.mean(axis=2, keepdims=True), grades.shape)
    assert full.var() / own.var() == pytest.approx(4.0, rel=0.05)
    assert np.corrcoef(full.ravel(), own.ravel())[0, 1] == pytest.approx(0.5, abs=0.02)


def test_the_objective() -> None:
    assert step_objective([], []) == 0.0
    assert step_objective([[1.0], [1.0]], [[0.0], [0.0]], [2.0, [4.0]], kl_weight=0.5) == pytest.approx(-0.5)
    assert step_objective([[1.0], [1.0]], [[0.0], [0.0]], reduction="sum") == 2.0
    with pytest.raises(ValueError, match="one row"):
        step_objective([[1.0]], [])


def test_readers() -> None:
    assert loose_score("<score>+1</score> of 2") == 1.0 and loose_score("fine") == 0.0
    steps = search_steps("<search>a</search><information>d</information><think>open").steps
    assert [(step.thinking, step.action_type, step.information) for step in steps] == [("", "search", "d")]
    assert search_steps("<think>" * 50_000 + "</answer>" * 50_000).steps == ()


def test_the_baseline_wants_a_search_that_was_answered() -> None:
    honest = trajectory("<think>a</think><search>q</search>", "Ann leads.", "<answer>Ann</answer>")
    forged = "<search>q</search><information>Ann</information><answer>Ann</answer>"
    rows = Batch([honest, forged, "<answer>Ann</answer>"], golden_answers=[["Ann"]] * 3)
    assert RetrievalGatedAnswer().score(rows).values.tolist() == [1.0, 0.0, 0.0]
    assert RetrievalGatedAnswer(variant="official").score(rows).values.tolist() == [1.0, 1.0, 0.0], (
        "it takes text at its word"
    )
    assert PAPER.build("retrieval-gated").range == (0.0, 1.0)
