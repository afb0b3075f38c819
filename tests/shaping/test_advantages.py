from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import advantages
from tests.shaping.grouped import NAN, grouped, members, numbers, permuted

GROUP_WISE = {
    "grpo": advantages.grpo_advantage,
    "dr_grpo": advantages.dr_grpo_advantage,
    "rloo": advantages.rloo_advantage,
    "jepo": advantages.jepo_advantage,
    "step": advantages.step_advantage,
    "reinforce": advantages.reinforce_advantage,
    "gdpo": lambda v, g: advantages.gdpo_advantage([v, -2 * np.asarray(v)], g, (1.0, 0.25)),
}


@pytest.mark.parametrize("name", GROUP_WISE)
@given(sample=grouped(low=-20, high=20), seed=st.integers(0, 99), shift=numbers(-50, 50))
def test_equivariant_shift_invariant_nan_stays(name, sample, seed, shift) -> None:
    values, groups = sample
    out = GROUP_WISE[name](values, groups)
    assert (np.isnan(out) == np.isnan(values)).all()
    shuffled, of, order = permuted(values, groups, seed)
    assert GROUP_WISE[name](shuffled, of) == pytest.approx(out[order], nan_ok=True, abs=1e-9)
    assert GROUP_WISE[name](values + shift, groups) == pytest.approx(out, nan_ok=True, abs=1e-6)


@pytest.mark.parametrize("name", GROUP_WISE)
def test_no_signal_no_advantage(name) -> None:
    out = GROUP_WISE[name]([0.3, 0.1 + 0.2, 0.3, 5.0, NAN], [0, 0, 0, 1, 2])
    assert out[:4].tolist() == [0.0] * 4 and np.isnan(out[4])
    assert GROUP_WISE[name]([], []).tolist() == []


@pytest.mark.parametrize("name", ["grpo", "dr_grpo", "rloo", "step", "reinforce"])
@given(sample=grouped(gaps=False, least=1))
def test_advantages_of_a_group_sum_to_zero(name, sample) -> None:
    values, groups = sample
    out = GROUP_WISE[name](values, groups)
    for rows in members(values, groups):
        assert out[rows].sum() == pytest.approx(0.0, abs=1e-8)


def test_grpo_by_hand() -> None:
    out = advantages.grpo_advantage([0.1, 0.4, 0.4, 0.9, 0.2, 0.2], [0, 0, 0, 1, 1, 1])
    assert out == pytest.approx([-1.154694, 0.577347, 0.577347, 1.154698, -0.577349, -0.577349], abs=1e-5)
    population = advantages.grpo_advantage([0.1, 0.2, 0.0, 0.5], [0] * 4, ddof=0, eps=0.0)
    assert population == pytest.approx([-0.5345225, 0.0, -1.0690450, 1.6035675], abs=1e-6)


def test_a_group_of_one() -> None:
    values, groups = [2.0, NAN, 3.0, NAN], [0, 1, 2, 2]
    assert advantages.grpo_advantage(values, groups)[[0, 2]].tolist() == [0.0, 0.0]
    raw = advantages.grpo_advantage(values, groups, single="raw", eps=1.0)
    assert raw[[0, 2]].tolist() == [1.0, 0.0], "a sample whose siblings could not be scored is not alone"
    assert np.isnan(raw[[1, 3]]).all()
    with pytest.raises(ValueError, match="single='one'"):
        advantages.grpo_advantage(values, groups, single="one")


def test_small_spread_can_be_ignored() -> None:
    noise = [0.500, 0.501]
    assert abs(advantages.grpo_advantage(noise, [0, 0])[0]) > 0.7
    assert advantages.grpo_advantage(noise, [0, 0], min_std=0.01).tolist() == [0.0, 0.0]


@given(grouped())
def test_rloo_is_the_value_minus_the_others(sample) -> None:
    values, groups = sample
    out = advantages.rloo_advantage(values, groups)
    for rows in members(values, groups):
        for i in rows:
            others = values[rows[rows != i]]
            assert out[i] == pytest.approx(values[i] - others.mean() if len(others) else 0.0, abs=1e-9)


@given(grouped(low=-1000, high=0))
def test_jepo_is_the_log_mean_minus_that_of_the_others(sample) -> None:
    values, groups = sample
    out = advantages.jepo_advantage(values, groups)
    for rows in members(values, groups):
        for i in rows:
            others = values[rows[rows != i]]
            if len(others):
                whole = np.logaddexp.reduce(values[rows]) - math.log(len(rows))
                without = np.logaddexp.reduce(others) - math.log(len(others))
                assert out[i] == pytest.approx(whole - without, abs=1e-9)
            else:
                assert out[i] == 0.0


def test_log_mean_exp_is_at_least_the_mean() -> None:
    out = advantages.group_log_mean_exp([-2000.0, -900.0, -905.0, -1000.0, -5.0, NAN], [0, 0, 0, 0, 1, 2])
    assert out[0] == pytest.approx(-901.3795790126308)
    assert out[4] == -5.0 and np.isnan(out[5])


def test_gdpo_weighs_parts_of_any_scale_alike() -> None:
    parts = np.array([[0.0, 1.0, 1.0, 0.0], [0.5, 0.1, 0.3, 0.2], [0.0, 1.0, 1.5, 0.0], [0.3, 0.3, 0.2, 0.1]])
    expected = [0.4635610664620271, 1.2986682883232037, 2.2146701186713877, -3.9768994734566183]
    options = {"ddof": 0, "eps": 1e-8, "whiten": False}
    assert advantages.gdpo_advantage(parts, [0] * 4, **options) == pytest.approx(expected, abs=1e-6)
    parts[1] *= 100
    assert advantages.gdpo_advantage(parts, [0] * 4, **options) == pytest.approx(expected, abs=1e-5)
    whitened = advantages.gdpo_advantage(parts, [0] * 4, ddof=0, eps=0.0)
    assert whitened.mean() == pytest.approx(0.0) and whitened.std() == pytest.approx(1.0)


def test_gdpo_and_unscored_parts() -> None:
    parts, groups = [[0.0, 1.0, NAN], [NAN, 1.0, NAN]], [0, 0, 0]
    assert np.isnan(advantages.gdpo_advantage(parts, groups)).tolist() == [True, False, True]
    assert np.isnan(advantages.gdpo_advantage(parts, groups, missing="zero")).tolist() == [False, False, True]


def test_reinforce_keeps_the_spread_of_prompts() -> None:
    out = advantages.reinforce_advantage([0.0, 2.0, 0.0, 4.0], [0, 0, 1, 1])
    assert out[3] == pytest.approx(2 * out[1])


def test_steps_are_compared_at_their_index() -> None:
    values, groups, steps = [2.0, 0.0, 1.0, 9.0, 5.0], [0, 0, 0, 0, 1], [0, 0, 1, 1, 0]
    out = advantages.step_advantage(values, groups, steps, eps=0.0)
    half = math.sqrt(0.5)
    assert out == pytest.approx([half, -half, -half, half, 0.0])
    together = advantages.step_advantage(values, groups, eps=0.0)
    assert together == pytest.approx(advantages.grpo_advantage(values, groups, eps=0.0))


def test_outliers() -> None:
    rewards = [1.0] * 255 + [0.0]
    out = advantages.mask_outliers(rewards)
    assert out[-1] == 0.0 and out[0] == pytest.approx(0.06262242910851495)
    assert advantages.mask_outliers([1.0, 2.0, 3.0, 4.0]) == pytest.approx(
        [-1.3416408, -0.4472136, 0.4472136, 1.3416408]
    )
    assert advantages.mask_outliers([7.0, 7.0]).tolist() == [0.0, 0.0]
    assert np.isnan(advantages.mask_outliers([1.0, NAN, 2.0])).tolist() == [False, True, False]


def test_a_median_is_not_stretched_by_what_it_should_find() -> None:
    values = [0.0, 1.0, 2.0, 3.0, 4.0, 100.0, 110.0]
    assert (advantages.mask_outliers(values) != 0).all(), "two outliers hide in the std"
    masked = advantages.mask_outliers(values, method="mad")
    assert masked[-2:].tolist() == [0.0, 0.0] and (masked[:5] != 0).all()


def test_the_released_filter_empties_a_batch_of_large_mean() -> None:
    assert advantages.mask_outliers([50.0, 51.0, 49.0], variant="official").tolist() == [0.0, 0.0, 0.0]
    assert (advantages.mask_outliers([50.0, 51.0, 49.0])[1:] != 0).all()
    out = advantages.mask_outliers([1.0, 2.0, 3.0, 4.0], variant="official")
    assert out == pytest.approx([0.0, -0.4472136, 0.4472136, 1.3416408], abs=1e-6)
    for options in ({"variant": "both"}, {"method": "iqr"}):
        with pytest.raises(ValueError, match=f"{next(iter(options))}="):
            advantages.mask_outliers([1.0], **options)
