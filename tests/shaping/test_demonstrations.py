from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import demonstrations
from tests.shaping.grouped import NAN, numbers


def test_asaf_loss_by_hand() -> None:
    learner_new, learner_old = [[-3.0, -3.0]], [[-1.0, -1.0]]
    expert_new, expert_old = [[-0.1, -0.1]], [[-1.0, -1.0]]
    expected = (math.log1p(math.exp(-4.0)) + math.log1p(math.exp(-1.8))) / 2
    assert demonstrations.asaf_loss(learner_new, learner_old, expert_new, expert_old) == pytest.approx(expected)
    assert demonstrations.asaf_loss(learner_old, learner_new, expert_old, expert_new) > 2.0, "the wrong way round"


def test_equal_policies_cost_ln_2_and_long_windows_are_safe() -> None:
    windows = [[-1.0] * n for n in (1, 3, 0)]
    assert demonstrations.asaf_loss(windows, windows, windows, windows) == pytest.approx(math.log(2))
    long = [[-5.0] * 10_000]
    loss = demonstrations.asaf_loss(long, [[-1.0] * 10_000], [[-1.0] * 10_000], long)
    assert loss == pytest.approx(0.0)
    assert demonstrations.asaf_loss([[-1.0] * 10_000], long, long, [[-1.0] * 10_000]) == pytest.approx(40_000.0)
    with pytest.raises(ValueError, match="at least one window"):
        demonstrations.asaf_loss([], [], [], [])


def test_log_ratio_is_the_logit_of_the_discriminator() -> None:
    ratio = demonstrations.window_log_ratio([[-0.5, -0.25], []], [[-1.0, -1.0], []])
    assert ratio.tolist() == [1.25, 0.0]
    new, old = math.exp(-0.75), math.exp(-2.0)
    discriminator = new / (new + old)
    assert demonstrations.adversarial_reward([discriminator])[0] == pytest.approx(ratio[0])


@given(st.lists(st.booleans(), max_size=20), st.integers(1, 6))
def test_windows_cover_every_step_once_and_never_cross_an_end(not_done, size) -> None:
    starts, ends = demonstrations.episode_windows(not_done, size)
    covered = [step for a, b in zip(starts, ends, strict=True) for step in range(a, b + 1)]
    assert covered == list(range(len(not_done)))
    for a, b in zip(starts, ends, strict=True):
        assert b - a < size and all(not_done[a:b])


def test_windows_longer_than_the_episode() -> None:
    starts, ends = demonstrations.episode_windows([1, 0, 1, 0], 5)
    assert starts.tolist() == [0, 2] and ends.tolist() == [1, 3]
    with pytest.raises(ValueError, match="size=0"):
        demonstrations.episode_windows([1], 0)


def test_implicit_reward_and_divergences() -> None:
    out = demonstrations.implicit_token_reward([-1.0, -2.0, -0.5], [-1.2, -1.0, NAN], beta=0.1, mask=[1, 1, 0])
    assert out == pytest.approx([0.02, -0.1, 0.0])
    h = np.array([1.5, -0.2, 0.0])
    assert demonstrations.f_divergence_reward(h, kind="airl") == pytest.approx(h)
    assert demonstrations.f_divergence_reward(h, kind="gail") == pytest.approx(np.log(1 + np.exp(h)))
    assert demonstrations.f_divergence_reward(h, kind="fairl") == pytest.approx(-h * np.exp(h))
    assert demonstrations.f_divergence_reward([1e4], kind="gail").tolist() == [1e4]
    with pytest.raises(ValueError, match="kind='js'"):
        demonstrations.f_divergence_reward(h, kind="js")
    with pytest.raises(ValueError, match="clip=0"):
        demonstrations.adversarial_reward([0.5], clip=0)


@given(st.lists(numbers(0, 8), min_size=2, max_size=5))
def test_prediction_kl_is_zero_only_for_the_real_distribution(odds) -> None:
    p = (np.array(odds) + 0.1) / (np.array(odds) + 0.1).sum()
    assert demonstrations.prediction_kl(p, p) == pytest.approx(0.0)
    assert demonstrations.prediction_kl(p, np.full(len(p), 1 / len(p))) >= -1e-12


def test_prediction_kl_at_the_ends() -> None:
    assert demonstrations.prediction_kl([1.0, 0.0], [0.5, 0.5]) == pytest.approx(math.log(2))
    assert demonstrations.prediction_kl([1.0, 0.0], [1.0, 0.0]) == 0.0
    assert demonstrations.prediction_kl([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert demonstrations.prediction_kl([[1.0, 0.0], [0.5, 0.5]], [[0.5, 0.5]] * 2) == pytest.approx(math.log(2) / 2)
