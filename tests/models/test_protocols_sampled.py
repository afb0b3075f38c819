"""Asking several times: strict majorities, means, what is saved and what is left undecided."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon import Batch
from guerdon.errors import UserError
from guerdon.models.ballots import still_needed, tallied
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Dialogue, Verdict
from guerdon.models.protocols.listwise import Listwise
from guerdon.models.protocols.rating import Rating
from guerdon.models.protocols.sampled import Sampled
from guerdon.models.protocols.step_judgement import StepJudgement
from guerdon.models.protocols.wrapping import side_by_side
from guerdon.scores import Outcome

LOST = ChatReply(outcome=Outcome.TIMED_OUT, message="late")
VOTES = st.lists(st.sampled_from([Verdict(0.0), Verdict(1.0), Verdict.undecided(Outcome.TIMED_OUT)]), max_size=9)


def carried_out(dialogue: Dialogue, script: list[ChatReply]) -> tuple[dict[int, Verdict], list[list[ChatRequest]]]:
    """The verdicts of a dialogue whose questions get these replies in order, and the rounds of questions."""
    left, rounds = iter(script), []
    try:
        questions = next(dialogue)
        while True:
            rounds.append([question for question in questions if isinstance(question, ChatRequest)])
            questions = dialogue.send([next(left) for _ in questions])
    except StopIteration as end:
        return dict(end.value), rounds


def sampled(script: str, **fields: object) -> tuple[Verdict, list[int]]:
    """One sample's verdict and the sizes of the rounds; each letter of the script is a rating, ``x`` a lost call."""
    protocol = Sampled(Rating(), **fields)  # type: ignore[arg-type]
    [dialogue] = protocol.dialogues(Batch(["4"], ["2+2?"]))
    verdicts, rounds = carried_out(dialogue, [LOST if c == "x" else ChatReply(c) for c in script])
    return verdicts[0], [len(one) for one in rounds]


def test_a_majority_that_stands_is_not_asked_further() -> None:
    verdict, rounds = sampled("555", k=5)
    assert (verdict.value, rounds, verdict.uncertainty) == (5.0, [3], 0.0)
    verdict, rounds = sampled("55455", k=5)
    assert (verdict.value, rounds) == (5.0, [3, 1]) and verdict.parts["agreement"] == 0.75
    verdict, rounds = sampled("54545", k=5)
    assert (verdict.value, rounds) == (5.0, [3, 1, 1]) and verdict.parts["agreement"] == 0.6


def test_without_a_majority_it_is_undecided() -> None:
    verdict, rounds = sampled("12345", k=5)
    assert (verdict.value, verdict.outcome) == (None, Outcome.UNDECIDED) and sum(rounds) <= 5
    verdict, rounds = sampled("55xx", k=4)
    assert verdict.outcome == Outcome.TIMED_OUT and verdict.parts["undecided"] == 0.5, "two of four are no majority"


def test_failures_count_against_every_value() -> None:
    assert sampled("x5x5x", k=5)[0].value is None
    verdict, rounds = sampled("xxx", k=5)
    assert verdict.outcome == Outcome.TIMED_OUT and rounds == [3], "three of five are lost: no majority can stand"


def test_the_mean_asks_all_at_once() -> None:
    verdict, rounds = sampled("1234x", k=5, aggregate="mean")
    assert verdict.value == 2.5 and rounds == [5] and verdict.uncertainty == pytest.approx(1.2909944)
    assert verdict.parts["undecided"] == pytest.approx(0.2)
    assert sampled("1xxx5", k=5, aggregate="mean")[0].outcome == Outcome.TIMED_OUT, "two of five are no majority"


@given(VOTES, st.integers(0, 4))
def test_an_early_majority_is_the_final_one(votes: list[Verdict], more: int) -> None:
    of = len(votes) + more
    early = tallied(votes, of, "majority")
    if early is None:
        assert 1 <= still_needed(votes, of, "majority") <= more
        return
    for rest in ([Verdict(0.0)] * more, [Verdict(1.0)] * more):
        full = tallied([*votes, *rest], of, "majority")
        assert full is not None and full.value == early.value


@settings(max_examples=50, deadline=None)
@given(VOTES.filter(bool))
def test_still_needed_votes_alike_decide(votes: list[Verdict]) -> None:
    for of in range(1, 10):
        cast: list[Verdict] = []
        while (verdict := tallied(cast, of, "majority")) is None:
            cast += [Verdict(1.0)] * still_needed(cast, of, "majority")
            assert len(cast) <= of
        assert verdict.value == 1.0 and len(cast) == of // 2 + 1


def test_samples_are_numbered_and_hot() -> None:
    [dialogue] = Sampled(Rating(), k=3, temperature=0.9, seed=7).dialogues(Batch(["4"], ["q"]))
    _, rounds = carried_out(dialogue, [ChatReply("1"), ChatReply("2"), ChatReply("2")])
    asked = [request for one in rounds for request in one]
    assert [(r.sample, r.seed, r.temperature) for r in asked] == [(0, 7, 0.9), (1, 7, 0.9), (2, 7, 0.9)]


def test_each_sample_stops_by_itself_and_groups_stay_together() -> None:
    batch = Batch(["a", "b", "c"], ["q", "q", "p"])
    assert len(Sampled(Rating(), k=3).dialogues(batch)) == 3
    dialogues = Sampled(Listwise(asks="scores", low=0, high=1), k=3).dialogues(batch)
    assert len(dialogues) == 2
    said = [ChatReply('{"scores": {"1": 1, "2": 0}}'), ChatReply('{"scores": {"1": 1, "2": 1}}')]
    verdicts, rounds = carried_out(dialogues[0], [said[0], said[1], said[0]])
    assert set(verdicts) == {0, 1} and {verdict.value for verdict in verdicts.values()} == {0.0, 1.0}
    assert [len(one) for one in rounds] == [2, 1], "while one of a group is open the group is asked"


def test_steps_follow_the_majority() -> None:
    batch = Batch(["one\ntwo"], ["q"])
    reply = ChatReply('{"steps": {"1": {"score": 10}, "2": {"score": 0}}}')
    [dialogue] = Sampled(StepJudgement(cut="lines"), k=3).dialogues(batch)
    verdict = carried_out(dialogue, [reply, reply])[0][0]
    assert verdict.value == 0.5 and verdict.steps is not None and verdict.steps.values.tolist() == [1.0, 0.0]
    other = ChatReply('{"steps": {"1": {"score": 5}, "2": {"score": 5}}}')
    [dialogue] = Sampled(StepJudgement(cut="lines"), k=2, aggregate="mean").dialogues(batch)
    mean = carried_out(dialogue, [reply, other])[0][0]
    assert mean.steps is not None and mean.steps.values.tolist() == [0.75, 0.25]
    with pytest.raises(UserError, match="mean"):
        Sampled(StepJudgement(reduction="min"), aggregate="mean")


def test_dialogues_side_by_side() -> None:
    def short() -> Dialogue:
        [reply] = yield [ChatRequest(())]
        return {0: Verdict(float(reply.text))}

    def long() -> Dialogue:
        yield [ChatRequest(())] * 2
        [reply] = yield [ChatRequest(())]
        return {0: Verdict(float(reply.text))}

    def none() -> Dialogue:
        return {}
        yield []

    merged = side_by_side([short(), none(), long()])
    assert len(next(merged)) == 3
    assert len(merged.send([ChatReply("1"), ChatReply("8"), ChatReply("9")])) == 1
    with pytest.raises(StopIteration) as end:
        merged.send([ChatReply("2")])
    assert [{i: v.value for i, v in one.items()} for one in end.value.value] == [{0: 1.0}, {}, {0: 2.0}]
