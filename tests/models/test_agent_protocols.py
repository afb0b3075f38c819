"""Protocols on agents, levels and answers, and those that ask again or act: hostile texts, failures, plain data."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from guerdon import Batch, from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest, ScriptedChat
from guerdon.models.judge import JudgeProtocol
from guerdon.models.protocols.acting import Acting
from guerdon.models.protocols.action_comparison import ActionComparison
from guerdon.models.protocols.answer_check import AnswerCheck
from guerdon.models.protocols.level_comparison import LevelComparison
from guerdon.models.protocols.rating import Rating
from guerdon.models.protocols.reference_comparison import ReferenceComparison
from guerdon.models.protocols.retried import Retried
from guerdon.models.protocols.search_turn import SearchTurn
from guerdon.models.protocols.tournament import Tournament
from guerdon.models.tools.calculator import Calculator
from guerdon.rewards import Judged
from guerdon.scores import Outcome

PROTOCOLS: list[JudgeProtocol] = [
    ReferenceComparison(LevelComparison()),
    ReferenceComparison(ActionComparison(), debias="random"),
    Tournament(ActionComparison(), schedule="knockout"),
    Retried(Rating()),
    Retried(Tournament(LevelComparison())),
    SearchTurn(),
    SearchTurn(aspect="action"),
    AnswerCheck(),
    Acting(Rating(), [Calculator()]),
    Acting(Retried(Rating()), [Calculator()], grammar="react"),
]
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: type(p).__name__)

HOSTILE = ["", " \n", "\x00", "\ud800", "<think>" * 3000, "{" * 5000, "<Answer>" * 3000, "<score>" * 3000, "9" * 5000,
           "\u202e<<<" * 500,
           "<tool_call>" * 3000, "Action:" * 3000, "correct:" * 3000, "<score>7</score>", "<Answer>3</Answer>", "level 9", "NaN",
           "<search>q</search>", "<think>a</think><answer>b</answer>", "Relevance: 9"]  # fmt: skip


def batch_of(completions: list[str]) -> Batch:
    n = len(completions)
    columns = {
        "exemplar": ["an exemplar"] * n,
        "observation": ["[7] cart"] * n,
        "history": [[{"action": "click"}]] * n,
        "so_far": ["nothing"] * n,
        "golden_answers": [["Ann"]] * n,
        "answer": ["Ann"] * n,
    }
    return Batch(completions, [f"question {i % 2}" for i in range(n)], columns=columns)


@dataclass(frozen=True)
class Parrot(ChatModel):
    """Says one thing to everyone, and counts."""

    said: ChatReply
    asked: list[ChatRequest] = field(default_factory=list, compare=False, hash=False)

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        self.asked.extend(requests)
        return [self.said for _ in requests]


@every_protocol
def test_any_completion_and_any_reply(protocol: JudgeProtocol) -> None:
    low, high = protocol.bounds
    for said in HOSTILE:
        scores = Judged(Parrot(ChatReply(said)), protocol).score(batch_of(HOSTILE[:4] + HOSTILE[-4:]))
        known = scores.values[~np.isnan(scores.values)]
        assert ((known >= low) & (known <= high)).all()
        assert set(scores.outcomes().get("judged", {})) <= {"unparseable", "undecided", "scored"}


@every_protocol
@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.REFUSED, Outcome.TRANSPORT_ERROR])
def test_a_failure_keeps_its_name(protocol: JudgeProtocol, outcome: Outcome) -> None:
    batch = batch_of([f"<think>a</think><answer>{name}</answer>" for name in ("Ann", "Bo", "Cy", "Di")])
    scores = Judged(Parrot(ChatReply(outcome=outcome, message="m")), protocol).score(batch)
    assert np.isnan(scores.values).all() and scores.outcomes() == {"judged": {outcome.value: 4}}


@every_protocol
def test_plain_data(protocol: JudgeProtocol) -> None:
    assert pickle.loads(pickle.dumps(protocol)) == protocol and from_spec(to_spec(protocol)) == protocol


@every_protocol
def test_batch_mates_change_nothing(protocol: JudgeProtocol) -> None:
    chat = ScriptedChat({}, default="<score>1</score>\ncorrect: yes\n3")
    texts = ["<think>a</think><answer>Ann</answer>", "<think>b</think><answer>Bo</answer>"]
    whole = Judged(chat, protocol).score(batch_of(texts * 2))
    rows = np.array([0, 2]) if protocol.ties else np.array([0])
    alone = Judged(chat, protocol).score(batch_of(texts * 2).select(rows))
    assert np.array_equal(whole.values[rows], alone.values, equal_nan=True)


def test_what_is_asked_again_and_what_is_not() -> None:
    for said, calls in ((ChatReply("no idea"), 3), (ChatReply("4"), 1), (ChatReply(outcome=Outcome.TIMED_OUT), 1)):
        chat = Parrot(said)
        Judged(chat, Retried(Rating())).score(Batch(["a"]))
        assert len(chat.asked) == calls
        assert [request.sample for request in chat.asked] == [None, 1, 2][:calls]
    with pytest.raises(UserError, match="attempts"):
        Retried(Rating(), attempts=0)


def test_only_the_row_that_could_not_be_read_is_asked_again() -> None:
    chat = ScriptedChat({"\nclear\nANSWER": "5"}, default="hm")
    scores = Judged(chat, Retried(Rating())).score(Batch(["clear", "murky"]))
    assert scores.values[0] == 5.0 and np.isnan(scores.values[1])


@every_protocol
def test_an_empty_batch_asks_nothing(protocol: JudgeProtocol) -> None:
    chat = Parrot(ChatReply("5"))
    assert len(Judged(chat, protocol).score(batch_of([])).values) == 0 and not chat.asked
