"""Rewards read off what the user is likely to say next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Outcome
from guerdon.data.follow_ups import FOLLOW_UPS, NEGATIVE, POSITIVE
from guerdon.errors import UserError
from guerdon.models.lm import CausalLM, LogprobRequest, ScriptedLM, TokenScores
from guerdon.rewards import FollowUpLikelihood
from guerdon.rewards.followups import follow_up_reward

LISTS = {"all": {POSITIVE: ["Thanks!", "Great."], NEGATIVE: ["That is wrong."]}}
SEEN: list[LogprobRequest] = []


@dataclass(frozen=True)
class Listener(CausalLM):
    """Friendly to replies that hold "4", the more so if they beg; refuses dialogues of more than ``limit`` messages."""

    limit: int = 99
    words: Any = field(default=("Did that help?",))

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        SEEN.extend(requests)
        return [self._one(request) for request in requests]

    def _one(self, request: LogprobRequest) -> TokenScores:
        if len(request.prompt) > self.limit:
            return TokenScores.failed(Outcome.TRUNCATED, "too long")
        reply = " ".join(m["content"] for m in request.prompt[1:])
        mood = ("4" in reply) + 3.0 * any(word in reply for word in self.words)
        friendly = str(request.target) in ("Thanks!", "Great.")
        count = len(str(request.target).split())
        return TokenScores(np.arange(count), np.full(count, -2.0 + mood if friendly else -2.0 - mood))


@dataclass(frozen=True)
class Logits(CausalLM):
    """Gives normalisers: four tokens a follow-up of two letters, closed by one; the logit of token t is 10 t + tokens before."""

    normaliser: bool = True

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        SEEN.extend(requests)
        made = []
        for request in requests:
            if isinstance(request.target, tuple):
                ids = np.array(request.target)
                logsumexp = np.array([5.0, 0.0]) if self.normaliser else None
                made.append(TokenScores(ids, 10.0 * ids + len(request.prefix) - 5.0, logsumexp))
            else:
                ids = np.array([ord(c) - ord("a") for c in request.target] + [99])
                made.append(TokenScores(ids, np.zeros(len(ids)), masks={"closing": ids == 99}))
        return made


@pytest.fixture(autouse=True)
def forget() -> None:
    SEEN.clear()


def score(completions: list[Any], prompt: Any = "2+2?", **options: Any) -> Any:
    options = {"lm": Listener(), "follow_ups": LISTS} | options
    return FollowUpLikelihood(**options).score(Batch(completions, [prompt] * len(completions)))


def test_a_satisfied_user_is_worth_more() -> None:
    scores = score(["It is 4.", "It is 5."])
    assert scores.values.tolist() == [2.0, 0.0]
    assert scores.parts["follow_up_likelihood/all"].tolist() == [2.0, 0.0]
    assert scores.notes["follow_up_likelihood"][0].message == "likeliest: Thanks!"


def test_the_follow_up_is_the_users_next_turn() -> None:
    score(
        ["<think>hm</think>It is 4."], [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]
    )
    assert {request.role for request in SEEN} == {"user"}
    turns = [(m["role"], m["content"]) for m in SEEN[0].prompt]
    assert turns == [("system", "Be brief."), ("user", "2+2?"), ("assistant", "It is 4.")]


def test_swapped_roles_put_the_follow_up_into_the_assistants_turn() -> None:
    score(["It is 4."], swapped=True)
    assert SEEN[0].role == "assistant"
    assert [m["role"] for m in SEEN[0].prompt] == ["user", "assistant", "user"]
    assert [m["content"] for m in SEEN[0].prompt][1:] == ["2+2?", "It is 4."]


def test_begging_does_not_pay_behind_the_guard() -> None:
    plain, begging = score(["It is 5.", "It is 5. Did that help?"]).values
    assert plain == begging
    bare = score(["It is 5.", "It is 5. Did that help?"], guard=False).values
    assert bare[1] > bare[0]


def test_sum_is_the_length_times_the_mean() -> None:
    lm = ScriptedLM({"Thanks!": [-1.0, -2.0], "Great.": [-1.0], "That is wrong.": [-1.0, -2.0, -6.0]})
    assert score(["x"], lm=lm).values.tolist() == [-1.25 + 3.0]
    assert score(["x"], lm=lm, scoring="sum_logprob").values.tolist() == [-2.0 + 9.0]


def test_calibration_subtracts_the_empty_reply() -> None:
    warm = Listener(words=())
    assert score(["It is 4.", ""], lm=warm, calibrate=True).values.tolist() == [2.0, 0.0]
    assert any(request.prompt[-1]["content"] == "" for request in SEEN)


def test_swapping_the_lists_flips_the_sign_and_repeating_an_utterance_changes_nothing() -> None:
    swapped = {"all": {POSITIVE: LISTS["all"][NEGATIVE], NEGATIVE: LISTS["all"][POSITIVE]}}
    doubled = {"all": {POSITIVE: [*LISTS["all"][POSITIVE], "Thanks!"], NEGATIVE: LISTS["all"][NEGATIVE]}}
    value = score(["It is 4."]).values[0]
    assert score(["It is 4."], follow_ups=swapped).values[0] == -value
    assert score(["It is 4."], follow_ups=doubled).values[0] == value


def test_a_long_dialogue_loses_its_oldest_turns_and_never_the_follow_up() -> None:
    turns = [{"role": r, "content": f"{r} {k}"} for k in range(3) for r in ("user", "assistant")]
    prompt = [{"role": "system", "content": "s"}, *turns, {"role": "user", "content": "2+2?"}]
    scores = score(["It is 4."], prompt, lm=Listener(limit=5))
    assert scores.values.tolist() == [2.0]
    note = scores.notes["follow_up_likelihood"][0]
    assert note.outcome is Outcome.WINDOWED and "oldest turns" in note.message
    assert [m["content"] for m in SEEN[-1].prompt] == ["s", "user 2", "assistant 2", "2+2?", "It is 4."]
    assert score(["It is 4."], lm=Listener(limit=1)).notes["follow_up_likelihood"][0].outcome is Outcome.TRUNCATED


def test_what_the_model_cannot_score_is_unscored() -> None:
    scores = score(["x"], lm=ScriptedLM({"Thanks!": [-1.0], "Great.": [-1.0]}))
    assert np.isnan(scores.values[0]) and scores.notes["follow_up_likelihood"][0].outcome is Outcome.MISSING_DATA
    broken = score(["x"], lm=ScriptedLM({"Thanks!": [-1.0], "Great.": [np.nan], "That is wrong.": [-1.0]}))
    assert broken.notes["follow_up_likelihood"][0].outcome is Outcome.INSTRUMENT_ERROR
    unheard = score(["x"], lm=ScriptedLM({}), of="<answer>")
    assert unheard.outcomes()["follow_up_likelihood"] == {"missing_data": 1}


def test_a_completion_without_the_part_that_is_read_counts_as_empty() -> None:
    scores = score(["4", "<answer>4</answer>"], of="<answer>")
    assert scores.values.tolist() == [0.0, 2.0]
    assert scores.notes["follow_up_likelihood"][0].outcome is Outcome.MALFORMED


def test_the_released_score_reads_raw_logits_at_one_position() -> None:
    lists = {"all": {POSITIVE: ["bc"], NEGATIVE: ["a"]}}
    plain = score(["x"], lm=Logits(), follow_ups=lists, scoring="official_logit")
    # "bc" closed by one token: its two ids counted, two from the end: the logits after two tokens.
    assert plain.values[0] == pytest.approx((10 + 20) / 2 + 2 - (0 + 2))
    probes = [request for request in SEEN if isinstance(request.target, tuple)]
    assert [(request.prefix, request.target) for request in probes][:2] == [((1, 2), (1,)), ((1, 2), (2,))]
    with_bos = score(["x"], lm=Logits(), follow_ups=lists, scoring="official_logit", bos=3)
    assert with_bos.values[0] == pytest.approx((30 + 10 + 20) / 3 + 1 - ((30 + 0) / 2 + 1))
    blind = score(["x"], lm=Logits(normaliser=False), follow_ups=lists, scoring="official_logit")
    assert blind.notes["follow_up_likelihood"][0].outcome is Outcome.INSTRUMENT_ERROR


def test_what_cannot_work_is_said() -> None:
    with pytest.raises(UserError, match="categories holds 'correct'"):
        FollowUpLikelihood(Listener(), categories=("correct",))
    with pytest.raises(UserError, match="negative"):
        FollowUpLikelihood(Listener(), follow_ups={"all": {POSITIVE: ["Thanks!"], NEGATIVE: []}})
    with pytest.raises(UserError, match="scoring='prob'"):
        FollowUpLikelihood(Listener(), scoring="prob")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no prompts"):
        FollowUpLikelihood(Listener(), follow_ups=LISTS).score(Batch(["4"]))
    with pytest.raises(UserError, match="at least one of each"):
        follow_up_reward([], [-1.0])


def test_the_own_list_has_ten_of_each_and_no_utterance_twice() -> None:
    every = [f for kinds in FOLLOW_UPS.values() for utterances in kinds.values() for f in utterances]
    assert len(FOLLOW_UPS) == 6 and len(every) == 120 == len(set(every))
    assert {len(utterances) for kinds in FOLLOW_UPS.values() for utterances in kinds.values()} == {10}
    reward = FollowUpLikelihood(Listener(), categories=("correctness", "relevance"))
    assert reward.subparts == ("correctness", "relevance")
    assert len(reward.score(Batch(["4"], ["2+2?"]))) == 1 and len(SEEN) == 40


def test_the_policy_can_be_the_listener() -> None:
    assert FollowUpLikelihood("policy", follow_ups=LISTS).needs_policy
    assert not FollowUpLikelihood(Listener(), follow_ups=LISTS).needs_policy
