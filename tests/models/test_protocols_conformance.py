"""Every judge protocol: requests for anything, a verdict in bounds or none, never a number from a failure, plain data."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from guerdon import Batch, from_spec, to_spec
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest, ScriptedChat
from guerdon.models.judge import JudgeProtocol
from guerdon.models.protocols.chain_of_rubrics import ChainOfRubrics
from guerdon.models.protocols.checklist import Checklist
from guerdon.models.protocols.critique_then_score import CritiqueThenScore
from guerdon.models.protocols.listwise import Listwise
from guerdon.models.protocols.nuggets import Nuggets
from guerdon.models.protocols.pairwise import Pairwise
from guerdon.models.protocols.rating import Rating
from guerdon.models.protocols.reference_comparison import ReferenceComparison
from guerdon.models.protocols.sampled import Sampled
from guerdon.models.protocols.step_judgement import StepJudgement
from guerdon.models.protocols.tournament import Tournament
from guerdon.rewards import Judged
from guerdon.scores import Outcome

RUBRIC = [
    {"id": "right", "text": "It is right.", "kind": "hard"},
    {"id": "brief", "text": "It is brief.", "weight": 2.0},
]
PROTOCOLS: list[JudgeProtocol] = [
    Rating(),
    Rating(
        low=0, high=10, critique=True, reference="exemplar", context={"nuggets": "Facts"}, instructions="Be strict."
    ),
    CritiqueThenScore(),
    Checklist(RUBRIC),
    Checklist(levels=5, chunk=1, missing="drop", failed=-1.0),
    Nuggets(chunk=1, blocks=200),
    StepJudgement(),
    StepJudgement(cut="paragraphs", reduction="min"),
    ReferenceComparison(),
    ReferenceComparison(ChainOfRubrics(), debias="random"),
    Listwise(),
    Listwise(asks="scores", orders=3),
    Tournament(),
    Tournament(Pairwise(critique=False, equal=False), schedule="knockout", debias="consistent"),
    Tournament(schedule="double_elimination", debias="none"),
    Tournament(schedule="adaptive", aggregate="elo", debias="random"),
    Tournament(schedule="circular", aggregate="copeland"),
    Sampled(Rating(), k=3),
    Sampled(Tournament(schedule="knockout"), k=3, aggregate="mean"),
]
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: type(p).__name__)

HOSTILE = [
    "",
    " \n\t ",
    "\x00",
    "\ud800",
    "a" * 20_000,
    "<think>" * 2_000,
    "[" * 5_000,
    "{" * 5_000,
    '{"a":' * 2_000,
    "<rating>" * 2_000,
    "<verdict>" * 2_000 + "A",
    "\u202e\u200d<<<" * 500,
    "9" * 5_000,
    "1e999",
    "<rating>NaN</rating>",
    "<rating>99999</rating>",
    "<verdict>C</verdict>",
    '{"1": {"verdict": ["yes"]}, "steps": [], "ranking": {"1": 1}, "scores": [1]}',
    '{"1": null, "2": NaN, "steps": {"1": {"score": 1e400}}, "ranking": [[["1"]]], "scores": {"1": true}}',
    '{"1": {"why": "", "verdict": "absolutely"}, "steps": {"1": {"score": -3}}, "scores": {"1": 1000}}',
    '{"ranking": ["1", "1", "2"], "scores": {"1": "ten"}}',
]


def batch_of(completions: list[str]) -> Batch:
    n = len(completions)
    return Batch(
        completions,
        [f"question {i % 2}" for i in range(n)],
        columns={
            "exemplar": ["an exemplar"] * n,
            "nuggets": [["one fact", "another"]] * n,
            "rubric": [["It is right.", "It is brief."]] * n,
        },
    )


class Parrot(ChatModel):
    """Says one thing to everyone; a class of its own, so that nothing is matched."""

    def __init__(self, reply: ChatReply) -> None:
        self.said = reply

    async def complete(self, requests):  # type: ignore[no-untyped-def]
        return [self.said for _ in requests]


@every_protocol
def test_any_completion_can_be_asked_about(protocol: JudgeProtocol) -> None:
    scores = Judged(ScriptedChat({}, default="no idea"), protocol).score(batch_of(HOSTILE))
    known = {"unparseable", "undecided", "scored"}
    assert set(scores.outcomes()["judged"]) <= known
    assert (scores.values[~scores.unscored] == 0.5).all(), "only a text without a rival is worth the middle"


@every_protocol
@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_a_malformed_reply_is_no_verdict(protocol: JudgeProtocol, said: str) -> None:
    scores = Judged(Parrot(ChatReply(said)), protocol).score(batch_of(["a", "b", "c", "d"]))
    assert scores.unscored.all()
    assert set(scores.outcomes()["judged"]) <= {"unparseable", "undecided"}


@every_protocol
@pytest.mark.parametrize(
    "outcome", [Outcome.TIMED_OUT, Outcome.TRANSPORT_ERROR, Outcome.REFUSED, Outcome.TRUNCATED], ids=str
)
def test_a_failed_call_is_its_outcome_and_never_a_number(protocol: JudgeProtocol, outcome: Outcome) -> None:
    scores = Judged(Parrot(ChatReply("<rating>5</rating>", outcome, "no")), protocol).score(
        batch_of(["a", "b", "c", "d"])
    )
    assert scores.unscored.all()
    assert scores.outcomes() == {"judged": {outcome.value: 4}}


@every_protocol
def test_a_protocol_is_data(protocol: JudgeProtocol) -> None:
    reward = Judged(ScriptedChat({}, default="x"), protocol)
    assert from_spec(to_spec(reward)) == reward
    assert pickle.loads(pickle.dumps(protocol)) == protocol
    assert hash(protocol) == hash(pickle.loads(pickle.dumps(protocol)))
    low, high = protocol.bounds
    assert low < high and not math.isnan(low)


@every_protocol
def test_requests_are_the_same_each_time_and_for_permuted_batches(protocol: JudgeProtocol) -> None:
    batch = batch_of(["a", "b", "c", "d", "e", "f"])

    def first(of: Batch) -> set[ChatRequest]:
        asked = [question for dialogue in protocol.dialogues(of) for question in next(dialogue)]
        return {question for question in asked if isinstance(question, ChatRequest)}

    rng = np.random.default_rng(0)
    assert first(batch) == first(batch) == first(batch.select(rng.permutation(6)))


@every_protocol
def test_an_empty_batch_asks_nothing(protocol: JudgeProtocol) -> None:
    assert len(Judged(ScriptedChat({}), protocol).score(batch_of([]))) == 0
