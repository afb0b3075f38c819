"""Team losses: hand-computed values, whose gradient goes where, straight-through masks, settings that cannot work."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from guerdon import find_paper
from guerdon.errors import UserError
from guerdon.shaping.demonstrations import prediction_kl
from guerdon.training.losses.coordination import Coached, TeamPrediction, chosen_mask, logits_kl, sub_policy_masks

torch = pytest.importorskip("torch")


def leaf(values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_kl_is_that_of_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    real, predicted = rng.normal(size=(2, 3, 5, 4))
    odds = [np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True) for x in (real, predicted)]
    assert logits_kl(real, predicted).item() == pytest.approx(prediction_kl(*odds))
    assert logits_kl([[0.0, 0.0]], [[math.log(3.0), 0.0]]).item() == pytest.approx(0.5 * math.log(4 / 3))


@pytest.mark.parametrize("actions", ["discrete", "continuous"])
def test_each_side_of_a_prediction_gets_its_own_weight(actions: str) -> None:
    def gradients(predictor: float, predicted: float) -> tuple[np.ndarray, np.ndarray]:
        real, guess = leaf([[0.5, -1.0], [2.0, 0.0]]), leaf([[0.0, 0.3], [1.0, 1.0]])
        TeamPrediction(predictor, predicted, actions)([real], [guess])["loss"].backward()  # type: ignore[arg-type]
        return np.asarray(real.grad), np.asarray(guess.grad)

    (real_both, guess_both), (real_none, guess_alone) = gradients(1.0, 1.0), gradients(1.0, 0.0)
    assert np.abs(real_none).max() == 0.0 and np.abs(real_both).max() > 0.0
    np.testing.assert_allclose(guess_both, guess_alone)
    real_half, guess_none = gradients(0.0, 0.5)
    np.testing.assert_allclose(real_half, 0.5 * real_both)
    assert np.abs(guess_none).max() == 0.0


def test_pairs_are_averaged() -> None:
    parts = TeamPrediction(1.0, 0.0, "continuous")([[[1.0]], [[3.0]]], [[[0.0]], [[0.0]]])
    assert parts["loss"].item() == 5.0 == parts["team"].item() and not parts["team"].requires_grad


def test_coach_and_agents_meet() -> None:
    coach, agents = leaf([[2.0, 0.0]]), leaf([[[0.0, 1.0]], [[0.5, 0.0]]])
    optimizer = torch.optim.Adam([coach, agents], lr=0.1)
    first = Coached()(coach, agents)["agreement"].item()
    for _ in range(200):
        optimizer.zero_grad()
        parts = Coached(agents=1.0, policy=0.0, coach=0.2)(coach, agents)
        parts["loss"].backward()
        optimizer.step()
    assert parts["agreement"].item() < 0.01 < first
    stubborn = leaf([[2.0, 0.0]])
    Coached(coach=0.0)(stubborn, agents.detach())["loss"].backward()
    assert np.abs(np.asarray(stubborn.grad)).max() == 0.0, "without lambda_3 the coach does not mind the agents"


def test_the_coach_learns_through_its_hard_choice() -> None:
    masks = sub_policy_masks(3, 6)
    assert masks.sum(dim=1).tolist() == [2.0] * 3 and masks.sum(dim=0).tolist() == [1.0] * 6
    coach = leaf([[0.1, 0.0, -0.1]])
    worth = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    optimizer = torch.optim.Adam([coach], lr=0.1)
    for _ in range(60):
        mask = chosen_mask(coach, masks)
        assert sorted(mask[0].tolist()) == [0.0] * 4 + [1.0] * 2, "the choice is hard"
        optimizer.zero_grad()
        Coached(agents=0.0, coach=0.0)(coach, coach.detach()[None], coached_loss=-(mask * worth).sum())[
            "loss"
        ].backward()
        optimizer.step()
    assert int(coach.argmax()) == 2
    noise = torch.tensor([[9.0, 0.0, 0.0]], dtype=torch.float64)
    assert chosen_mask(coach, masks, noise=noise)[0].tolist() == pytest.approx([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])


def test_settings_that_cannot_work() -> None:
    for wrong in (lambda: Coached(agents=-1.0), lambda: TeamPrediction(predicted=-1.0), lambda: sub_policy_masks(3, 4)):
        with pytest.raises(UserError):
            wrong()
    with pytest.raises(UserError, match="choices"):
        TeamPrediction(actions="mixed")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="pair"):
        TeamPrediction()([], [])
    with pytest.raises(UserError, match="shape"):
        Coached()([[0.0, 1.0]], [[0.0, 1.0]])


def test_the_paper_builds_them() -> None:
    paper = find_paper("reward-specification")
    assert paper.build("coach", options={"policy": 0.5}) == Coached(policy=0.5)
    assert paper.build("team") == TeamPrediction()
