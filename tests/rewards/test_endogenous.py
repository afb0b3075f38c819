from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import Batch
from guerdon.errors import UserError
from guerdon.models.lm import LogprobRequest, PolicyLM, ScriptedLM, bound_policy
from guerdon.rewards import Endogenous, ImplicitReward
from guerdon.rewards.policy_terms import OwesGradient
from guerdon.scores import Outcome
from guerdon.shaping.soft_bellman import endogenous_rewards

LOGPROBS, NORMALISERS = [-0.5, -1.0], [3.0, 2.0, 1.0]
LM = ScriptedLM({"(7, 8)": {"logprobs": LOGPROBS, "logsumexp": NORMALISERS}, "good": LOGPROBS, "odd": [math.nan]})


def with_ids(*rows: Any) -> Batch:
    return Batch(["good"] * len(rows), ["q"] * len(rows), completion_ids=rows)


def test_tokens_by_hand() -> None:
    zero = Endogenous(LM, tokens=True).score(with_ids([7, 8], []))
    assert zero.tokens is not None and [row.tolist() for row in zero.tokens if row is not None] == [[0.5, 1.0], []]
    assert zero.values.tolist() == [1.5, 0.0], "log-probability -1.5 plus V(s1) 3"
    following = Endogenous(LM, tokens=True, terminal="next").score(with_ids([7, 8]))
    assert following.tokens is not None and following.tokens[0] is not None
    assert following.tokens[0].tolist() == [0.5, 0.0]
    averaged = Endogenous(LM, tokens=True, aggregate="mean").score(with_ids([7, 8]))
    assert averaged.values.tolist() == [0.75]


def test_the_outcome_needs_no_normaliser() -> None:
    rows = Batch(["good", "", "odd", "unknown"], ["q"] * 4)
    scores = Endogenous(LM, closed=False).score(rows)
    assert scores.values == pytest.approx([-1.5, 0.0, math.nan, math.nan], nan_ok=True) and scores.tokens is None
    outcomes = [note and note.outcome for note in scores.notes["endogenous"]]
    assert outcomes == [None, Outcome.EMPTY, Outcome.INSTRUMENT_ERROR, Outcome.MISSING_DATA]
    assert Endogenous(LM, aggregate="mean").score(rows).values[0] == -0.75
    discounted = Endogenous(LM, aggregate="discounted_sum", gamma=0.5, clip_min=0.2)
    assert discounted.score(rows).values[0] == -1.0
    with pytest.raises(UserError, match="needs the logsumexp of the logits, and ScriptedLM gives"):
        Endogenous(LM, tokens=True).score(rows.select([0]))
    said = Endogenous(ScriptedLM({"good": {"logprobs": LOGPROBS, "logsumexp": NORMALISERS}}), tokens=True).score(
        rows.select([0])
    )
    assert said.tokens is None and "no completion_ids" in said.note(0) and said.values.tolist() == [1.5]


def test_arguments_that_cannot_be() -> None:
    for wrong in ({"terminal": "last"}, {"aggregate": "max"}, {"alpha": 0.0}, {"terminal": "next"}):
        with pytest.raises(UserError):
            Endogenous(LM, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="so that the reward is 0"):
        ImplicitReward(LM, LM)


def test_a_system_prompt_steers() -> None:
    lm = ScriptedLM({"Be rude.\n\nq": {"good": [-9.0]}, "good": [-1.0]})
    assert Endogenous(lm, system="Be rude.").score(Batch(["good"], ["q"])).values.tolist() == [-9.0]
    asked: list[LogprobRequest] = []

    class Watched(ScriptedLM):
        def logprobs(self, requests: Any) -> Any:
            asked.extend(requests)
            return super().logprobs(requests)

    chat = [{"role": "user", "content": "q"}]
    Endogenous(Watched({"good": [-1.0]}), system="Be kind.").score(Batch(["good"], [chat]))
    assert [message["role"] for message in asked[0].prompt] == ["system", "user"] and asked[0].closed


def test_impossible_tokens_stay_finite() -> None:
    lm = ScriptedLM(
        {
            "(7,)": {"logprobs": [-math.inf], "logsumexp": [1.0, 1.0]},
            "(8,)": {"logprobs": [-1.0], "logsumexp": [math.nan, 0.0]},
        }
    )
    values = Endogenous(lm, tokens=True).score(with_ids([7], [8])).values
    assert values[0] == pytest.approx(-9999.0) and math.isnan(values[1])


def test_ending_at_once_is_scored_and_not_free() -> None:
    lm = ScriptedLM({"good": [-0.5, -1.0], "": [-8.0]})
    assert Endogenous(lm).score(Batch(["good", ""], ["q", "q"])).values.tolist() == [-1.5, -8.0]
    unknown = Endogenous(ScriptedLM({"good": [-0.5]})).score(Batch([""], ["q"]))
    assert unknown.unscored.all() and unknown.notes["endogenous"][0].outcome is Outcome.MISSING_DATA


# -- implicit reward ------------------------------------------------------------------------------------------------------


def test_implicit_by_hand() -> None:
    tuned, base = (
        ScriptedLM({"(7, 8)": [-0.5, -1.0], "good": [-0.5, -1.0]}),
        ScriptedLM({"(7, 8)": [-1.5, -0.5], "good": [-1.5, -0.5]}),
    )
    scores = ImplicitReward(tuned, base, tokens=True).score(with_ids([7, 8]))
    assert scores.tokens is not None and scores.tokens[0] == pytest.approx([0.1, -0.05])
    assert scores.values == pytest.approx([0.05])
    assert ImplicitReward(tuned, base, average=True, closed=False).score(
        Batch(["good", ""], ["q", "q"])
    ).values == pytest.approx([0.025, 0.0])
    swapped = ImplicitReward(base, tuned).score(Batch(["good"], ["q"])).values
    assert swapped == pytest.approx([-0.05])


def test_models_of_different_tokens_are_not_compared() -> None:
    scores = ImplicitReward(ScriptedLM({"good": [-1.0]}), ScriptedLM({"good": [-1.0, -1.0]})).score(
        Batch(["good"], ["q"])
    )
    assert scores.unscored.all() and scores.notes["implicit_reward"][0].outcome is Outcome.INSTRUMENT_ERROR
    unknown = ImplicitReward(ScriptedLM({"good": [-1.0]}), ScriptedLM({})).score(Batch(["good"], ["q"]))
    assert unknown.notes["implicit_reward"][0].outcome is Outcome.MISSING_DATA


def test_the_policy_owes_beta_for_every_token() -> None:
    base = ScriptedLM({"(7, 8)": [-1.5, -0.5]})
    reward = ImplicitReward(PolicyLM(), base, beta=0.2)
    assert reward.needs_policy and isinstance(reward, OwesGradient)
    rows = with_ids([7, 8], [])
    with bound_policy(ScriptedLM({"(7, 8)": [-1.0, -1.0]})):
        first, second = reward.policy_terms(rows, reward.score(rows))
    assert second is None and first is not None
    assert first.derivative(base.logprobs(first.requests))[0].tolist() == [0.2, 0.2]
    assert ImplicitReward(LM, base).policy_terms(rows, reward.score(rows.select([]))) == [None, None]


# -- real weights ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("alpha", "terminal"), [(1.0, "zero"), (2.0, "next")])
def test_token_rewards_are_those_of_the_full_logits(tmp_path: Path, alpha: float, terminal: Any) -> None:
    torch = pytest.importorskip("torch")
    from guerdon.models.lms import TransformersLM
    from tests.models.tiny_lm import save_tiny, tiny_model, tiny_tokenizer

    lm = TransformersLM(save_tiny(tmp_path, template=None), dtype="float32", device="cpu")
    tokenizer = tiny_tokenizer(None)
    prompt, said = "What is two plus three?", " The answer is five."
    ids = tokenizer(said, add_special_tokens=False)["input_ids"]
    before = tokenizer(prompt)["input_ids"]
    with torch.no_grad():
        logits = copy.deepcopy(tiny_model()).double()(torch.tensor([before + ids])).logits[0].numpy()
    rows = slice(len(before) - 1, len(before) + len(ids) - (terminal == "zero"))
    expected = endogenous_rewards(logits[rows], ids, alpha=alpha, terminal=terminal)
    reward = Endogenous(lm, tokens=True, alpha=alpha, terminal=terminal)
    scores = reward.score(Batch([said], [prompt], completion_ids=[ids]))
    assert scores.tokens is not None and scores.tokens[0] == pytest.approx(expected.token_rewards, abs=1e-4)
    assert scores.values == pytest.approx([expected.sequence_reward], abs=1e-3)
    outcome = Endogenous(lm, alpha=alpha, closed=False).score(Batch([said], [prompt])).values
    assert outcome == pytest.approx([expected.alpha_times_logprob], abs=1e-3)
    assert np.isfinite(outcome).all()
    ended = Endogenous(lm, alpha=alpha).score(Batch([said, ""], [prompt] * 2)).values
    assert ended[0] < outcome[0] and ended[1] < 0
