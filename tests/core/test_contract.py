"""The contract, proved on the compositions that the papers ask for."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from guerdon import (
    Batch,
    Combine,
    FirstScored,
    Gate,
    Note,
    Outcome,
    Reward,
    Router,
    Schedule,
    Scores,
    Steps,
    Sum,
    column,
)
from guerdon.errors import CompositionError, MissingColumn, UserError
from guerdon.models.chat import ChatModel, ChatReply, ScriptedChat
from guerdon.models.judge import ScriptedProtocol
from guerdon.rewards import ExactMatch, Judged, Tags, TokenF1

CALLS: list[int] = []


@dataclass(frozen=True)
class CountingChat(ChatModel):
    """Says the helpful and safe scores written in the completion, and counts how often it is asked."""

    async def complete(self, requests):
        CALLS.append(len(requests))
        await asyncio.sleep(0.01)
        return [ChatReply(request.text.split("\n\n", 1)[1]) for request in requests]


def judged() -> Judged:
    return Judged(CountingChat(), ScriptedProtocol(names=("helpful", "safe")), name="judge")


def replies(*rows: tuple[float, float]) -> Batch:
    return Batch([f"score: 0\nhelpful: {h}\nsafe: {s}" for h, s in rows], ["q"] * len(rows))


def test_gate_over_two_parts_of_one_judge_call() -> None:
    CALLS.clear()
    judge = judged()
    reward = Gate(judge.part("safe"), judge.part("helpful"), at_least=0.5, otherwise=-1.0)
    scores = reward.score(replies((0.9, 1.0), (0.8, 0.0), (0.1, 0.7)))
    assert scores.values.tolist() == [0.9, -1.0, 0.1]
    assert CALLS == [3], "one judge call feeds both"
    assert set(scores.parts) == {"judge", "judge/helpful", "judge/safe"}
    assert scores.parts["judge/helpful"].tolist() == [0.9, 0.8, 0.1], "a part seen in full is logged in full"


def test_per_part_zscored_sum() -> None:
    judge = judged()
    reward = judge.part("helpful").then("zscore") + judge.part("safe").then("zscore")
    assert reward.siblings == "group"
    scores = reward.score(replies((0.0, 100.0), (1.0, 0.0)))
    assert scores.values == pytest.approx([0.0, 0.0], abs=1e-6), "parts of different scale weigh the same"


@dataclass(frozen=True, repr=False)
class Rarity(Reward):
    """1 minus the share of siblings that say the same."""

    bounds = (0.0, 1.0)
    ties = "group"

    def _score(self, batch):
        values = np.empty(len(batch))
        for rows in batch.by_group():
            said = [batch.completions[i] for i in rows]
            values[rows] = [1 - said.count(text) / len(said) for text in said]
        return values


def test_group_reward_inside_a_gate_sees_complete_groups() -> None:
    reward = Gate(ExactMatch(), Rarity(), otherwise=-1.0)
    batch = Batch(["x", "x", "y", "z"], ["q", "q", "q", "r"], reference=["x", "no", "y", "no"])
    scores = reward.score(batch)
    assert scores.values == pytest.approx([1 / 3, -1.0, 2 / 3, -1.0]), (
        "row 1 fails the gate and is still a sibling of row 0"
    )
    assert [note and note.outcome for note in scores.notes["rarity"]] == [None, Outcome.SKIPPED, None, Outcome.SKIPPED]


@dataclass(frozen=True, repr=False)
class CrossVote(Reward):
    """1 where the completion says what most rollouts of the paired question say."""

    pair: str = column("pair_id", expects="key shared by a question and its paraphrase")
    bounds = (0.0, 1.0)

    @property
    def own_tie(self):
        return self.pair

    def _score(self, batch):
        values = np.full(len(batch), np.nan)
        ties = batch.tie(self.pair)
        for pair in set(ties.tolist()):
            rows = np.flatnonzero(ties == pair)
            sides = set(batch.groups[rows].tolist())
            for side in sides:
                own = rows[batch.groups[rows] == side]
                other = [batch.completions[i] for i in rows if batch.groups[i] != side]
                vote = max(other, key=other.count) if other else None
                values[own] = [float(batch.completions[i] == vote) if vote else np.nan for i in own]
        return values


def test_paired_question_reward() -> None:
    batch = Batch(
        ["4", "4", "5", "4", "5", "5"], ["2+2", "2+2", "2+2", "two and two"] + ["two and two"] * 2, pair_id=[7] * 6
    )
    reward = CrossVote() + 0.5 * Rarity()
    assert reward.siblings == "pair_id"
    assert CrossVote().score(batch).values.tolist() == [0, 0, 1, 1, 0, 0]
    with pytest.raises(CompositionError, match="different columns"):
        CrossVote() + CrossVote(pair="other", name="other")


@dataclass(frozen=True, repr=False)
class Turns(Reward):
    """One point for every word that is a number."""

    def _score(self, batch):
        steps = [Steps(np.array([float(w.isdigit()) for w in str(c).split()])) for c in batch.completions]
        return Scores.from_steps(steps)


def test_step_reward_with_an_outcome_term() -> None:
    batch = Batch(["1 x 3", "x y"], reference=["1 x 3", "z"])
    scores = (2.0 * Turns() + ExactMatch()).score(batch)
    assert scores.values.tolist() == [5.0, 0.0]
    assert [row.values.tolist() for row in scores.steps] == [[2, 0, 3], [0, 0]], "the outcome joins the last step"
    with pytest.raises(CompositionError, match="placement"):
        Turns().then("sigmoid").score(batch)
    assert Turns().then("sigmoid", placement="values").score(batch).steps is None
    each = Turns().then("clip", low=0.0, high=0.5, placement="each").score(batch)
    assert each.values.tolist() == [1.0, 0.0]
    gated = Gate(ExactMatch(), Turns()).score(batch)
    assert gated.steps[0].values.tolist() == [1, 0, 1] and gated.steps[1] is None


@dataclass(frozen=True, repr=False)
class Said(Reward):
    """The number the completion says."""

    def _score(self, batch):
        return np.array([float(c) for c in batch.completions])


def test_stateful_quantile_shaper() -> None:
    reward = Said().then("adaptive_quantile", low=0.0, high=1.0, window=100, min_history=2)
    assert reward.stateful
    scorer = reward.scorer()
    first = Batch(["0.2", "0.4"], ["q", "q"])
    assert scorer.advance(first).values == pytest.approx([0.0, 1.0], abs=1e-6), (
        "too little history: the group's own scores"
    )
    later = Batch(["0.3", "0.8"], ["q", "q"])
    assert scorer.score(later).values == pytest.approx([0.5, 1.0], abs=1e-6)
    assert scorer.score(later).values == pytest.approx([0.5, 1.0], abs=1e-6), "score never advances state"
    saved = scorer.state_dict()
    scorer.advance(later)
    assert scorer.score(later).values[0] == pytest.approx(1 / 6, abs=1e-6)
    scorer.load_state_dict(saved)
    assert scorer.score(later).values == pytest.approx([0.5, 1.0], abs=1e-6)
    with pytest.raises(UserError, match="advanced"):
        pickle.dumps(scorer)
    with pytest.raises(UserError, match="scorer"):
        reward(prompts=["q", "q"], completions=["1", "2"])
    with pytest.raises(UserError, match="same reward"):
        Said().then("adaptive_quantile", low=0.1, high=0.9).scorer().load_state_dict(saved)


def test_step_schedule() -> None:
    reward = Said() * Schedule("linear", {"start": 0.0, "end": 1.0, "steps": 10}) + ExactMatch()

    def at(step: int | None) -> Batch:
        return Batch(["2"], reference=["2"], step=step)

    assert reward.score(at(0)).values.tolist() == [1.0]
    assert reward.score(at(5)).values.tolist() == [2.0]
    assert reward.score(at(50)).values.tolist() == [3.0]
    with pytest.raises(UserError, match="step"):
        reward.score(at(None))


# -- the NaN rule -----------------------------------------------------------------------------------------------------


def test_unscored_terms_are_explicit() -> None:
    batch = Batch(["a", "a"], reference=["a", None])
    assert np.isnan((ExactMatch() + Tags("b")).score(batch).values[1])
    zero = Sum(ExactMatch(), Tags("b"), missing="zero").score(batch).values
    assert zero.tolist() == [1.0, 0.0]
    note = ExactMatch().score(batch).notes["exact_match"][1]
    assert note.outcome is Outcome.MISSING_DATA
    with pytest.raises(MissingColumn, match=r"'reference'.*columns present: answer"):
        ExactMatch().score(Batch(["a"], answer=["a"]))


def test_first_scored_and_router() -> None:
    batch = Batch(["a", "b"], reference=[None, "b"], other=["a", "x"], domain=["chat", "none"])
    first = FirstScored(ExactMatch(), ExactMatch(reference="other", name="second"))
    scores = first.score(batch)
    assert scores.values.tolist() == [1.0, 1.0]
    assert scores.notes["second"][1].outcome is Outcome.SKIPPED
    routed = Router("domain", {"chat": TokenF1(reference="other"), "math": ExactMatch()}).score(batch)
    assert routed.values[0] == 1.0 and np.isnan(routed.values[1])


def test_a_judge_that_fails_is_never_zero() -> None:
    judge = Judged(ScriptedChat({"good": "score: 1", "slow": "<timed_out>", "odd": "I like it"}), ScriptedProtocol())
    scores = judge.score(Batch(["good", "slow", "odd", "unknown"]))
    assert scores.values[0] == 1.0 and np.isnan(scores.values[1:]).all()
    assert scores.outcomes() == {"judged": {"scored": 1, "timed_out": 1, "unparseable": 1, "transport_error": 1}}


# -- the runtime ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Slow(Reward):
    async def _score(self, batch):
        await asyncio.sleep(0.2)
        return np.ones(len(batch))


@dataclass(frozen=True, repr=False)
class Heavy(Reward):
    heavy = True

    def _score(self, batch):
        time.sleep(0.2)
        return np.ones(len(batch))


@dataclass(frozen=True, repr=False)
class Outer(Reward):
    """A plain reward that scores a child itself."""

    child: Reward

    def _score(self, batch):
        return self.child.score(batch).values


@dataclass(frozen=True, repr=False)
class Wrong(Reward):
    async def _score(self, batch):
        return Slow().score(batch).values


@dataclass(frozen=True, repr=False)
class Better(Reward):
    async def _score(self, batch):
        return (await (Slow() + Said()).ascore(batch)).values


def test_parts_run_concurrently() -> None:
    reward = Sum(Slow(name="a"), Slow(name="b"), Heavy(name="c"), Heavy(name="d"))
    scores = reward.score(Batch(["x"]))
    report = scores.report
    assert set(report.seconds) == {"a", "b", "c", "d"}
    assert report.wall < 0.75 * sum(report.seconds.values())


def test_the_callers_loop_is_never_blocked() -> None:
    async def main() -> int:
        ticks = 0
        scoring = asyncio.ensure_future(Sum(Heavy(), Slow()).ascore(Batch(["x"])))
        while not scoring.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert (await scoring).values.tolist() == [2.0]
        return ticks

    assert asyncio.run(main()) >= 5


def test_scoring_a_child_never_deadlocks() -> None:
    deep: Reward = Slow()
    for i in range(20):
        deep = Outer(deep, name=f"outer{i}")
    assert Sum(deep, Slow(name="beside")).score(Batch(["x"])).values.tolist() == [2.0]
    with pytest.raises(RuntimeError, match="await ascore"):
        Wrong().score(Batch(["1"]))
    assert Better().score(Batch(["1"])).values.tolist() == [2.0]


def test_scores_from_many_threads_and_loops() -> None:
    results: list[float] = []
    reward = Slow() + Said()
    workers = [threading.Thread(target=lambda: results.append(reward.score(Batch(["1"])).values[0])) for _ in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [2.0] * 16
    assert asyncio.run(reward.ascore(Batch(["1"]))).values.tolist() == [2.0]


def test_equal_rewards_are_evaluated_once() -> None:
    CALLS.clear()
    Sum(judged().part("safe"), judged().part("helpful"), judged()).score(replies((1, 1)))
    assert CALLS == [1]


# -- composition ------------------------------------------------------------------------------------------------------


def test_colliding_parts_are_an_error() -> None:
    with pytest.raises(CompositionError, match="name="):
        ExactMatch() + ExactMatch(reference="other")
    assert (ExactMatch() + ExactMatch(reference="other", name="other")).columns == {"reference", "other"}


def test_sums_are_flat_and_ranges_follow() -> None:
    reward = ExactMatch() + 0.5 * (Tags("a") + 2 * TokenF1())
    assert isinstance(reward, Combine) and len(reward.terms) == 3
    assert reward.options["weights"] == (1.0, 0.5, 1.0)
    assert reward.range == (0.0, 2.5)
    assert (1 - ExactMatch()).range == (0.0, 1.0)
    assert sum([ExactMatch(), Tags("a")]) == ExactMatch() + Tags("a")
    assert reward.name == "exact_match+tags+token_f1"


def test_unknown_rules_and_options_name_the_choices() -> None:
    with pytest.raises(CompositionError, match="did you mean 'clip'"):
        ExactMatch().then("clipp")
    with pytest.raises(CompositionError, match="no option 'lo'"):
        ExactMatch().then("clip", lo=0, high=1)
    with pytest.raises(CompositionError, match="needs high"):
        ExactMatch().then("clip", low=0)


def test_a_reward_that_gives_too_few_values_is_named() -> None:
    @dataclass(frozen=True, repr=False)
    class Short(Reward):
        def _score(self, batch):
            return np.zeros(1)

    with pytest.raises(CompositionError, match="'short' gave 1 values for 2"):
        Short().score(Batch(["a", "b"]))


def test_notes_say_why() -> None:
    scores = Scores([1.0], notes={"a": [Note(Outcome.EMPTY, "nothing there", answer="B")]})
    assert scores.note(0) == "a: empty: nothing there; answer 'B'"


def test_a_consulted_child_is_evaluated_once_and_under_the_scorers_state() -> None:
    CALLS.clear()
    judge = judged()
    assert Sum(Outer(judge), judge).score(replies((1, 1))).values.tolist() == [0.0]
    assert CALLS == [1]
    adaptive = Said().then("adaptive_quantile", low=0.0, high=1.0, min_history=2)
    scorer = Outer(adaptive).scorer()
    scorer.advance(Batch(["0", "10"], ["q", "q"]))
    assert scorer.score(Batch(["5"], ["r"])).values == pytest.approx([0.5])


@dataclass(frozen=True, repr=False)
class Faulty(Reward):
    """Consults a shared child, then fails."""

    child: Reward

    async def _score(self, batch):
        await self.child.ascore(batch)
        raise UserError("a clear message")


def test_a_failure_beside_shared_work_is_told_as_it_is() -> None:
    shared = Slow()
    for _ in range(20):
        with pytest.raises(UserError, match="a clear message"):
            Sum(Faulty(shared), Outer(shared, name="beside"), Outer(shared + Said(), name="other")).score(Batch(["1"]))
