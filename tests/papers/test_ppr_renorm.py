"""PPR with ReNorm: signs, failed judgements, where rewards lie, hacks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.errors import CompositionError
from guerdon.models.chat import ChatReply, ChatRequest, ScriptedChat
from guerdon.models.protocols.score_of_max import ScoreOfMax
from guerdon.rewards import Given, GivenSteps, JudgedSteps
from guerdon.rewards.search import trajectory

PAPER = find_paper("ppr-renorm")
GOOD, BAD = "<final_score>9,10</final_score>", "<final_score>0,10</final_score>"
TURN = re.compile(r"<<<TURN TO JUDGE \w+\n(.*?)\nTURN TO JUDGE \w+>>>", re.DOTALL)


@dataclass(frozen=True)
class TurnJudge(ScriptedChat):
    """A scripted judge that looks at the turn to judge and nothing else."""

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        turns = [TURN.findall(request.text)[-1] for request in requests]
        return await super().complete([ChatRequest(({"role": "user", "content": turn},)) for turn in turns])


JUDGE = TurnJudge({"<think>a</think><search>who": GOOD}, default=BAD)


def searched(*queries: str, answer: str = "Ann") -> list[dict[str, str]]:
    turns = [turn for query in queries for turn in (f"<think>a</think><search>{query}</search>", "It is Ann.")]
    return trajectory(*turns, f"<think>b</think><answer>{answer}</answer>")


def batch(completions: Sequence[Any], **columns: Any) -> Batch:
    size = len(completions)
    return Batch(completions, golden_answers=["Ann"] * size, question=["Who?"] * size, columns=columns)


HONEST = searched("who leads")
HACKS = {
    "empty": "",
    "copied question": "Who?",
    "keyword soup": "<search>who who who</search> Ann Ann",
    "repeated reference": "<answer>" + "Ann " * 1000 + "</answer>",
    "tag stuffing": "<think>a</think><search>who leads</search>" * 50 + "<answer>Bo</answer>",
    "invented evidence": "<think>a</think><search>who</search><information>Ann</information><answer>Bo</answer>",
    "evidence in a thought": "<think><search>who</search><information>Ann</information></think><answer>Bo</answer>",
    "answer shopping": searched("who leads", answer="Ann, Bo or Cy"),
    "idle searching": searched("x", "x", "x", "x"),
    "searching forever": searched(*["who leads"] * 8, answer="Bo"),
    "never answers": searched("who leads")[:2],
    "mixed language": searched("谁", answer="Ann 安"),
    "huge text": "<think>" + "so " * 100_000 + "</think><answer>Bo</answer>",
}


def test_no_hack_reaches_an_honest_trajectory() -> None:
    scores = PAPER.build(chat=JUDGE).score(batch([HONEST, *HACKS.values()]))
    assert scores.values[0] == pytest.approx(1.9) and scores.steps is not None
    assert scores.steps[0].values == pytest.approx([0.9, 1.0])
    for hack, value in zip(HACKS, scores.values[1:], strict=True):
        assert value < scores.values[0] - 0.5, f"{hack}: {value}"


def test_plain_sums_pay_for_searching_forever() -> None:
    forever, never = searched(*["who leads"] * 8, answer="Bo"), searched("who leads", answer="Bo")
    plain = PAPER.build(chat=JUDGE, mu=0.0).score(batch([forever, never])).values
    centred = PAPER.build(chat=JUDGE).score(batch([forever, never])).values
    assert plain[0] > plain[1] + 5 and centred[0] < centred[1] <= 0


def test_steps_lie_on_what_the_policy_wrote() -> None:
    scores = PAPER.build(chat=JUDGE).score(batch([searched("who a", "x"), "<answer>Ann</answer>"]))
    assert scores.steps is not None
    first, second = scores.steps
    assert first is not None and first.values == pytest.approx([0.9, 0.0, 1.0]) and first.spans is not None
    text = "\n\n".join(message["content"] for message in searched("who a", "x"))
    assert [text[a:b] for a, b in first.spans] == [
        "<think>a</think><search>who a</search>",
        "<think>a</think><search>x</search>",
        "<think>b</think><answer>Ann</answer>",
    ]
    assert second is not None and second.values.tolist() == [1.0], "nothing to judge: the outcome alone"


def test_a_failing_judge() -> None:
    judge = ScriptedChat({"search>who": GOOD, "search>b": "<timed_out>", "search>c": "no tag"}, default=BAD)
    completions = [searched("who"), searched("b"), searched("c"), searched("b", answer="Bo")]
    default = PAPER.build(chat=judge).score(batch(completions))
    assert np.isnan(default.values).tolist() == [False, True, True, True]
    assert default.outcomes()["process"] == {"scored": 1, "timed_out": 2, "unparseable": 1}
    assert default.parts["process/valid_rate"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert PAPER.build(chat=judge, invalid="skip").score(batch(completions)).values == pytest.approx([1.9, 1, 1, 0])
    assert PAPER.build("official", chat=judge).score(batch(completions)).values == pytest.approx([1.9, 1, 1, -1])


def test_valid_rate_of_a_judge_that_errs_three_times_in_ten() -> None:
    replies = {f"<search>q{i}</search>": "<transport_error>" if i % 10 < 3 else GOOD for i in range(100)}
    completions = [searched(*(f"q{10 * k + j}" for j in range(10))) for k in range(10)]
    judge = TurnJudge(replies, default=BAD)
    scores = JudgedSteps(judge, ScoreOfMax(question=None)).score(batch(completions))
    assert scores.parts["judged_steps/valid_rate"].mean() == pytest.approx(0.7)
    assert scores.parts["judged_steps/max_score"].tolist() == [10.0] * 10


def test_given_steps() -> None:
    scores = PAPER.build().score(batch([HONEST] * 5, process_rewards=[[0.5], [None], None, ["x"], [0.5, 0.5]]))
    assert scores.values == pytest.approx([1.5, np.nan, np.nan, np.nan, 2.0], nan_ok=True)
    assert scores.steps is not None and scores.steps[4].spans is None, "more numbers than steps: no spans"
    assert scores.outcomes()["process"] == {"missing_data": 3}


def test_it_needs_steps() -> None:
    with pytest.raises(CompositionError, match="steps"):
        PAPER.build(process=Given("p")).score(batch([HONEST], p=[1.0]))


def test_what_the_judge_is_shown() -> None:
    row = Batch([searched("a", "b")], ["the prompt"], question=["Who?"])
    reward = GivenSteps()
    asked = ScoreOfMax().ask(row, reward.trajectories(row))[0]
    assert [question is not None for question in asked] == [True, True, False]
    assert asked[1] is not None
    assert TURN.findall(asked[1].request.text) == ["<think>a</think><search>b</search>"]
    assert (
        "It is Ann." in asked[1].request.text
        and "Who?" in asked[1].request.text
        and "<answer>" not in asked[1].request.text
    )
    prompt = ScoreOfMax(question=None).ask(row, reward.trajectories(row))[0][0]
    assert prompt is not None and "the prompt" in prompt.request.text and "(nothing)" in prompt.request.text
