"""Judged and Panel: verdicts as scores."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from guerdon import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest, ScriptedChat
from guerdon.models.judge import Dialogue, JudgeProtocol, ScriptedProtocol, Verdict
from guerdon.models.protocols.listwise import Listwise
from guerdon.models.protocols.rating import Rating
from guerdon.models.protocols.sampled import Sampled
from guerdon.models.protocols.step_judgement import StepJudgement
from guerdon.rewards import Judged, Panel
from guerdon.scores import Outcome

CALLS: list[tuple[str, int]] = []


@dataclass(frozen=True)
class Counting(ChatModel):
    """Says what it is told to say, and counts."""

    said: str
    who: str = ""
    by_text: tuple[tuple[str, str], ...] = ()

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        CALLS.append((self.who, len(requests)))
        await asyncio.sleep(0)
        return [self._reply(request.text) for request in requests]

    def _reply(self, text: str) -> ChatReply:
        said = next((reply for key, reply in self.by_text if key in text), self.said)
        return ChatReply(outcome=Outcome(said[1:-1])) if said.startswith("<timed") else ChatReply(said)


def panel(*judges: ChatModel, protocol: JudgeProtocol | None = None, **fields: Any) -> Panel:
    return Panel(judges, protocol or ScriptedProtocol(), **fields)


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


def test_steps_and_uncertainty_reach_the_scores() -> None:
    steps = ScriptedChat({"\none\n": '{"steps": {"1": {"score": 10}, "2": {"score": 0}}}'}, default="none")
    scores = Judged(steps, StepJudgement(cut="lines", reduction="sum")).score(Batch(["one\ntwo", "three"]))
    assert scores.values.tolist()[:1] == [1.0] and np.isnan(scores.values[1])
    assert scores.steps is not None and scores.steps[0] is not None and scores.reduction == "sum"
    assert scores.steps[0].values.tolist() == [1.0, 0.0]
    assert scores.steps[0].spans is not None and scores.steps[0].spans.tolist() == [[0, 3], [4, 7]]
    plain = Judged(ScriptedChat({}, default="3"), Rating()).score(Batch(["a"]))
    assert plain.steps is None and plain.uncertainty is None
    repeated = Judged(ScriptedChat({}, default="3"), Sampled(Rating(), k=3)).score(Batch(["a"]))
    assert repeated.uncertainty is not None and repeated.uncertainty.tolist() == [0.0]
    assert repeated.parts["judged/agreement"].tolist() == [1.0]


def test_rows_without_a_verdict_are_missing_data() -> None:
    def first() -> Dialogue:
        return {0: Verdict(1.0)}
        yield []

    @dataclass(frozen=True)
    class Silent(JudgeProtocol):
        def dialogues(self, batch: Batch) -> list[Dialogue]:
            return [first()]

    scores = Judged(ScriptedChat({}), Silent()).score(Batch(["a", "b"]))
    assert scores.values.tolist()[0] == 1.0 and scores.outcomes() == {"judged": {"scored": 1, "missing_data": 1}}


def test_a_panel_that_agrees_asks_a_majority_and_no_more() -> None:
    scores = panel(*(Counting("score: 1", who) for who in "abcde")).score(Batch(["x", "y"]))
    assert scores.values.tolist() == [1.0, 1.0]
    assert sorted(CALLS) == [("a", 2), ("b", 2), ("c", 2)]
    assert scores.report.counters["panel"]["judge_calls"] == 6
    assert scores.uncertainty is not None and scores.uncertainty.tolist() == [0.0, 0.0]


def test_only_open_rows_go_on_to_further_judges() -> None:
    judges = (
        Counting("score: 1", "a"),
        Counting("score: 1", "b", (("hard", "score: 0"),)),
        Counting("score: 0", "c"),
    )
    scores = panel(*judges, name="p").score(Batch(["easy", "hard", "easy too"]))
    assert scores.values.tolist() == [1.0, 0.0, 1.0]
    assert sorted(CALLS) == [("a", 3), ("b", 3), ("c", 1)]
    assert scores.parts["p/agreement"].round(3).tolist() == [1.0, 0.667, 1.0]


def test_failures_and_splits_leave_a_panel_undecided() -> None:
    yes, no, lost = Counting("score: 1"), Counting("score: 0"), Counting("<timed_out>")
    two = panel(yes, no).score(Batch(["x"]))
    assert two.unscored.all() and two.outcomes() == {"panel": {"undecided": 1}}
    half = panel(yes, lost, lost).score(Batch(["x"]))
    assert half.unscored.all() and half.outcomes() == {"panel": {"timed_out": 1}}
    still = panel(yes, lost, yes).score(Batch(["x"]))
    assert still.values.tolist() == [1.0] and still.parts["panel/undecided"].round(3).tolist() == [0.333]
    mean = panel(yes, lost, no, aggregate="mean").score(Batch(["x"]))
    assert mean.values.tolist() == [0.5]
    assert mean.uncertainty is not None and mean.uncertainty.round(3).tolist() == [0.707]


def test_a_panel_on_groups_asks_whole_groups() -> None:
    equal = '{"scores": {"1": 1, "2": 1}}'
    first = Counting(equal, "a")
    second = Counting(equal, "b", (("question two", '{"scores": {"1": 0, "2": 1}}'),))
    third = Counting('{"scores": {"1": 0, "2": 0}}', "c")
    batch = Batch(["a", "b", "c", "d"], ["question one", "question one", "question two", "question two"])
    judges = panel(first, second, third, protocol=Listwise(asks="scores", low=0, high=1))
    scores = judges.score(batch)
    assert scores.values.tolist()[:2] == [1.0, 1.0] and sorted(scores.values.tolist()[2:]) == [0.0, 1.0]
    assert [n for who, n in CALLS if who == "c"] == [1], "one request: the group that is open"
    assert judges.siblings == "group"


def test_a_panel_needs_judges() -> None:
    with pytest.raises(UserError, match="judges"):
        panel()
    with pytest.raises(UserError, match="chat='model' is unknown"):
        panel("model")
    with pytest.raises(UserError, match="aggregate"):
        panel(Counting("x"), aggregate="median")
