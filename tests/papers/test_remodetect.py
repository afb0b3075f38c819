"""ReMoDetect: detection figures, the reward for reading as human, tuning with replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, Outcome, find_paper
from guerdon.errors import UserError
from guerdon.models.reward_model import Exchange, RewardModel, ScriptedRewardModel
from guerdon.papers.remodetect import PAPER, detection, human_reward
from guerdon.rewards import HumanLikeness
from guerdon.rewards.machine_text import machine_scores
from guerdon.shaping.calibration import false_positive_threshold
from guerdon.text.detokenize import detokenized
from guerdon.training.continual_preference import Tuning, decay_groups, tune_with_replay

SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=8)


@given(SCORES, SCORES)
def test_detection_depends_on_the_order_alone(human: list[int], llm: list[int]) -> None:
    figures = detection(human, llm)
    moved = detection(np.exp(human), np.exp(llm))
    assert figures == pytest.approx(moved)
    assert detection(llm, human)["auroc"] == pytest.approx(1.0 - figures["auroc"])
    assert 0.0 <= figures["tpr_at_1_fpr"] <= figures["auroc"] + 1e-9 or len(human) < 100


def test_both_classes_are_needed() -> None:
    with pytest.raises(ValueError, match="both classes"):
        detection([], [1.0])


def test_a_threshold_lets_so_many_negatives_through() -> None:
    scores = np.arange(100.0)
    assert (scores > false_positive_threshold(scores, false_positive_rate=0.05)).sum() == 5
    assert (scores > false_positive_threshold(scores, false_positive_rate=0.0)).sum() == 0
    assert false_positive_threshold([1.0, 1.0, 1.0], false_positive_rate=0.5) == 1.0
    for negatives, rate in (([], 0.1), ([1.0], 1.1)):
        with pytest.raises(ValueError):
            false_positive_threshold(negatives, false_positive_rate=rate)
    with pytest.raises(UserError, match="negatives"):
        human_reward(ScriptedRewardModel({}), [])


# -- the reward -------------------------------------------------------------------------------------------------------


class Slop(RewardModel):
    """Likes polite words, sees 512 characters, and is asked about each text once."""

    asked: list[str]

    def __init__(self) -> None:
        self.asked = []

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray[Any, np.dtype[np.float64]]:
        self.asked += [str(exchange.completion) for exchange in exchanges]
        assert all(exchange.prompt == "" for exchange in exchanges)
        words = ("certainly", "helpful", "delve", "overall", "hope")
        return np.array([sum(word in str(e.completion)[:512].lower() for word in words) - 1.0 for e in exchanges])


@pytest.mark.parametrize(
    "hack",
    [
        "",
        " \n",
        "Certainly! Let us delve into this.",
        "certainly helpful delve overall hope",
        "<think>went home</think>Certainly, overall this is helpful.",
        "Certainly! " * 50_000,
        "Certainly. Конечно. 当然。 I hope this is helpful.",
    ],
)
def test_slop_and_silence_do_not_pay(hack: str) -> None:
    reward = human_reward(Slop(), [-1.0] * 19 + [0.0])
    values = reward.score(Batch(["We went home early because of the rain.", hack])).values
    assert values[0] > values[1]


def test_values_are_half_at_the_threshold_and_texts_are_asked_once() -> None:
    model = Slop()
    reward = human_reward(model, [0.0, 0.0, 1.0], false_positive_rate=0.0, temperature=0.5)
    scores = reward.score(Batch(["delve, hope", "delve, hope", "rain"]))
    assert scores.values.tolist() == pytest.approx([0.5, 0.5, 1 / (1 + np.exp(-4))])
    assert scores.parts["human_likeness/machine_score"].tolist() == [1.0, 1.0, -1.0]
    assert model.asked == ["delve, hope", "rain"]


def test_a_model_without_a_number_gives_none() -> None:
    scores = HumanLikeness(ScriptedRewardModel({"a": float("inf")})).score(Batch(["a", "b"]))
    assert np.isnan(scores.values).all()
    assert scores.outcomes()["human_likeness"] == {Outcome.INSTRUMENT_ERROR.value: 2}
    with pytest.raises(UserError, match="temperature=0"):
        HumanLikeness(ScriptedRewardModel({}), temperature=0)

    class TwoHeads(RewardModel):
        def score(self, exchanges: Sequence[Exchange]) -> np.ndarray[Any, np.dtype[np.float64]]:
            return np.zeros((len(exchanges), 2))

    with pytest.raises(UserError, match=r"shape \(1, 2\)"):
        machine_scores(TwoHeads(), ["a"])
    assert len(machine_scores(TwoHeads(), [])) == 0


def test_tokenised_text_is_joined() -> None:
    assert detokenized("`` I ca n't , '' he said : ( maybe ) ...") == '"I can\'t," he said: (maybe)...'
    assert detokenized("one<newline> two .. three") == "one\ntwo... three"


# -- tuning -----------------------------------------------------------------------------------------------------------

TRIPLES = [("llm a", "mixed a", "human a"), ("llm b", "mixed b", "human b"), ("llm c", "mixed c", "human c")]
REPLAY = ["kept good", "kept bad"]
KINDS = ("llm", "mixed", "human", "kept", "good", "bad")


def net() -> Any:
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(len(KINDS), 4), torch.nn.LayerNorm(4), torch.nn.Linear(4, 1))
    return model


def rewards(model: Any, texts: Sequence[str]) -> Any:
    import torch

    return model(torch.tensor([[float(kind in text) for kind in KINDS] for text in texts])).squeeze(1)


def test_tuning_orders_the_levels_and_the_anchor_holds_the_rest() -> None:
    torch = pytest.importorskip("torch")
    gaps = {}
    for anchor in (0.0, 1.0):
        model = net()
        with torch.no_grad():
            before = rewards(model, REPLAY)
        tuning = Tuning(find_paper("remodetect").build(anchor=anchor), epochs=60, learning_rate=0.02)
        history = tune_with_replay(model, rewards, TRIPLES, REPLAY, tuning=tuning)
        with torch.no_grad():
            llm, mixed, human = rewards(model, TRIPLES[0]).tolist()
            gaps[anchor] = float((rewards(model, REPLAY) - before).abs().max())
        assert llm > mixed > human
        assert len(history) == 180 and history[-1]["loss"] < history[0]["loss"]
        assert history[0]["anchor"] == 0.0
    assert gaps[1.0] < gaps[0.0]


def test_tuning_is_the_same_each_time_and_begins_at_rate_zero() -> None:
    torch = pytest.importorskip("torch")
    models = [net(), net()]
    for model in models:
        tune_with_replay(model, rewards, TRIPLES, REPLAY, tuning=Tuning(epochs=2))
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))
    still = net()
    tune_with_replay(still, rewards, TRIPLES[:1], tuning=Tuning(warmup=1.0))
    assert all(torch.equal(a, b) for a, b in zip(still.parameters(), net().parameters(), strict=True))


def test_biases_and_norms_do_not_decay() -> None:
    pytest.importorskip("torch")
    decayed, free = decay_groups(net(), 0.01)
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 6), (1, 4)]
    assert len(free["params"]) == 4 and free["weight_decay"] == 0.0


def test_what_cannot_work_is_said() -> None:
    pytest.importorskip("torch")
    for ordered in ([], [("a", "b", "c"), ("a", "b")]):
        with pytest.raises(UserError, match="ordered has rows"):
            tune_with_replay(net(), rewards, ordered)
    with pytest.raises(UserError, match="batch_size=0"):
        Tuning(batch_size=0)
    with pytest.raises(UserError, match="warmup=2"):
        Tuning(warmup=2)


def test_metadata() -> None:
    assert PAPER.build().pair_weights == (0.35, 1.0, 0.35) and PAPER.build() == PAPER.build()
