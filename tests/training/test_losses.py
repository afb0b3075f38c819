"""Losses: hand-computed values, gradients against autograd and finite differences, degenerate inputs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.errors import UserError
from guerdon.training.losses.direct_preference import (
    TokenRegularizedPreference,
    dpo_loss,
    dpo_reg_loss,
    simpo_reg_loss,
    token_regularizer,
)
from guerdon.training.losses.reward_ranking import (
    ContinualPreference,
    anchor_loss,
    bradley_terry_loss,
    ordinal_ranking_loss,
)

torch = pytest.importorskip("torch")
LOGPS = st.lists(st.floats(-5, 0), min_size=1, max_size=6)


def tensors(*values: list[float]) -> list:
    return [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]


def test_dpo_by_hand() -> None:
    assert dpo_loss(2.0, 1.0, beta=0.5).item() == pytest.approx(math.log(1 + math.exp(-0.5)))
    assert dpo_loss(-1e6, 1e6, beta=1.0).item() == 2e6


def test_the_gradient_of_the_regulariser_is_minus_beta_times_the_token_reward() -> None:
    (logps,) = tensors([-1.0, -2.0, -0.5])
    rewards = [0.3, -0.2, 0.0]
    token_regularizer(logps, rewards, beta=0.4).backward()
    assert logps.grad.tolist() == pytest.approx([-0.12, 0.08, 0.0])


def test_the_sequence_weight_carries_no_gradient() -> None:
    chosen, rejected = tensors([-1.0, -0.3], [-0.7])
    given = ([-0.9, -0.4], [-0.2], [0.4, -0.1], [-0.3])
    options = {"beta": 0.8, "alpha": 0.5}
    parts = dpo_reg_loss(chosen, given[0], rejected, given[1], given[2], given[3], **options)
    parts["loss"].backward()
    weight, step = parts["sequence_weight"].item(), 1e-6

    def stopped(first: float) -> float:
        moved = [first, -0.3]
        ratio = sum(moved) - sum(given[0]) - (-0.7 - given[1][0])
        regulariser = -0.8 * (moved[0] * 0.4 + moved[1] * -0.1) - 0.8 * (-0.7 * -0.3)
        return math.log(1 + math.exp(-0.8 * ratio)) + 0.5 * weight * regulariser

    slope = (stopped(-1.0 + step) - stopped(-1.0 - step)) / (2 * step)
    assert chosen.grad[0].item() == pytest.approx(slope, abs=1e-8)
    assert not parts["sequence_weight"].requires_grad


@settings(max_examples=30)
@given(LOGPS, LOGPS, st.floats(0.01, 2.0))
def test_without_alpha_or_without_rewards_it_is_dpo(chosen: list[float], rejected: list[float], beta: float) -> None:
    reference = ([-1.0] * len(chosen), [-1.0] * len(rejected))
    base = dpo_loss(sum(chosen) + len(chosen), sum(rejected) + len(rejected), beta=beta).item()
    ones, zeros = ([0.5] * len(chosen), [0.5] * len(rejected)), ([0.0] * len(chosen), [0.0] * len(rejected))
    for rewards, alpha in ((ones, 0.0), (zeros, 0.7)):
        parts = dpo_reg_loss(chosen, reference[0], rejected, reference[1], *rewards, beta=beta, alpha=alpha)
        assert parts["loss"].item() == pytest.approx(base, abs=1e-12)


def test_padding_changes_nothing_and_pairs_are_averaged() -> None:
    one = dpo_reg_loss([-1.0, -2.0], [-1.5, -1.0], [-0.5], [-0.4], [0.2, 0.1], [-0.3], beta=0.3, alpha=0.5)
    padded = dpo_reg_loss(
        [[-1.0, -2.0]] * 2,
        [[-1.5, -1.0]] * 2,
        [[-0.5, -9.0]] * 2,
        [[-0.4, 3.0]] * 2,
        [[0.2, 0.1]] * 2,
        [[-0.3, 7.0]] * 2,
        beta=0.3,
        alpha=0.5,
        mask_chosen=[[1, 1]] * 2,
        mask_rejected=[[1, 0]] * 2,
    )
    assert {k: v.item() for k, v in one.items()} == pytest.approx({k: v.item() for k, v in padded.items()})


def test_empty_responses_and_impossible_tokens() -> None:
    parts = dpo_reg_loss([], [], [-1.0], [-1.0], [], [0.5], beta=1.0, alpha=1.0)
    assert parts["reg_chosen"].item() == 0.0 and parts["loss"].item() == pytest.approx(math.log(2) + 0.25)
    assert token_regularizer([-math.inf, -1.0], [0.0, 0.5], beta=1.0).item() == 0.5


def test_simpo_averages_and_has_a_margin() -> None:
    parts = simpo_reg_loss([-1.0, -2.0], [-2.0], [0.2, 0.4], [-0.1], beta=2.0, gamma=0.5, alpha=0.5)
    margin = 2.0 * (-1.5 + 2.0) - 0.5
    weight = 1 / (1 + math.exp(margin))
    assert parts["simpo_loss"].item() == pytest.approx(math.log(1 + math.exp(-margin)))
    assert parts["reg_chosen"].item() == pytest.approx(-2.0 * (-0.2 - 0.8) / 2)
    expected = parts["simpo_loss"].item() + 0.5 * weight * (1.0 - 2.0 * 0.2)
    assert parts["loss"].item() == pytest.approx(expected)
    summed = simpo_reg_loss([-1.0, -2.0], [-2.0], [0.2, 0.4], [-0.1], reduction="sum", beta=2.0)
    assert summed["reg_chosen"].item() == pytest.approx(2.0)
    masked = TokenRegularizedPreference(base="simpo", beta=2.0, gamma=0.5, alpha=0.5, reduction="mean")(
        [[-1.0, -2.0, 9.0]], [[-2.0]], [[0.2, 0.4, 9.0]], [[-0.1]], mask_chosen=[[1, 1, 0]]
    )
    assert masked["loss"].item() == pytest.approx(expected)


def test_what_cannot_work_is_said() -> None:
    with pytest.raises(UserError, match="shape"):
        token_regularizer([-1.0, -1.0], [0.1], beta=1.0)
    with pytest.raises(UserError, match="reduction='max'"):
        token_regularizer([-1.0], [0.1], beta=1.0, reduction="max")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="base='ppo'"):
        TokenRegularizedPreference(base="ppo")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"beta=0"):
        TokenRegularizedPreference(beta=0)


# -- reward models ----------------------------------------------------------------------------------------------------


def test_ranking_by_hand() -> None:
    assert bradley_terry_loss([1.0, 0.0], [0.0, 0.0]).item() == pytest.approx(
        (math.log(1 + math.exp(-1)) + math.log(2)) / 2
    )
    ties = ordinal_ranking_loss([[2.0], [2.0], [2.0]], pair_weights=(0.35, 1, 0.35))
    assert ties.item() == pytest.approx(1.7 * math.log(2) / 3)
    assert ordinal_ranking_loss([[1.0], [9.0], [0.0]], pair_weights=(0, 1, 0)).item() == pytest.approx(
        math.log(1 + math.exp(-1)) / 3
    )


def test_a_shift_of_all_rewards_changes_only_the_penalty() -> None:
    levels = [[1.0, 2.0], [0.5, 0.0], [-1.0, 0.3]]
    shifted = [[value + 5.0 for value in level] for level in levels]
    assert ordinal_ranking_loss(levels).item() == pytest.approx(ordinal_ranking_loss(shifted).item())
    assert ordinal_ranking_loss(levels, l2=0.01).item() < ordinal_ranking_loss(shifted, l2=0.01).item()


def test_raising_the_best_lowers_the_loss_until_the_penalty_balances() -> None:
    slopes = []
    for value in (0.0, 50.0):
        (best,) = tensors([value])
        ContinualPreference()(best, [0.0], [-1.0])["loss"].backward()
        slopes.append(best.grad.item())
    assert slopes[0] < 0 < slopes[1]


def test_the_anchor_holds_the_student_and_not_the_teacher() -> None:
    teacher, student = tensors([1.0, 2.0], [0.0, 4.0])
    anchor = anchor_loss(teacher, student, coefficient=0.1)
    anchor.backward()
    assert anchor.item() == pytest.approx(0.5)
    assert teacher.grad is None and student.grad.tolist() == pytest.approx([-0.2, 0.4])
    assert anchor_loss([1.0, 2.0], [0.0, 4.0], coefficient=0.1, reduction="mean").item() == pytest.approx(0.25)
    assert anchor_loss([], []).item() == 0.0 == anchor_loss([], [], reduction="mean").item()


def test_levels_and_weights_must_fit() -> None:
    with pytest.raises(UserError, match="2 levels make 1 pairs"):
        ordinal_ranking_loss([[1.0], [2.0]], pair_weights=(1, 1, 1))
    with pytest.raises(UserError, match="1 levels make 0 pairs"):
        ordinal_ranking_loss([[1.0]])
    with pytest.raises(UserError, match="negative"):
        ContinualPreference(anchor=-1)
