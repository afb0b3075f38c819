from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import constraints
from guerdon.shaping.potential import potential_shaping
from tests.shaping.grouped import NAN, numbers


def learned(costs, limits, updates, rate, **options):
    """Weights before each update, and the last state."""
    state = constraints.multiplier_initial(len(limits), normalized=options.get("normalized", True))
    bootstrap = options.pop("bootstrap", None)
    rewards, weights = [], []
    for _ in range(updates):
        reward, weight = constraints.multiplier_weights(state, limits, bootstrap=bootstrap, **options)
        rewards.append(reward)
        weights.append(weight.tolist())
        before = copy.deepcopy(state)
        moved = constraints.multiplier_update(state, costs, limits, rate=rate, **options)
        assert all(np.array_equal(state[k], before[k]) for k in state), "the given state is left alone"
        state = moved
    return rewards, weights, state


def test_a_violated_upper_limit_gains_weight() -> None:
    rewards, weights, state = learned([[1.0], [0.0], [1.0], [1.0]], [(None, 0.1)], 4, 0.1)
    assert rewards == pytest.approx([0.5, 0.450169, 0.401331, 0.354435], abs=1e-5)
    assert [w for (w,) in weights] == pytest.approx([-0.5, -0.549831, -0.598669, -0.645565], abs=1e-5)
    assert state["params"] == pytest.approx([-0.379351, 0.419351], abs=1e-5)


def test_a_kept_limit_loses_weight_and_a_lower_limit_is_a_bonus() -> None:
    rewards, weights, _ = learned([[0.0]] * 4, [(None, 0.1)], 3, 0.1)
    assert rewards == sorted(rewards) and weights[-1][0] > weights[0][0] > -0.51
    rewards, weights, _ = learned([[0.0]] * 2, [(0.99, None)], 3, 0.1)
    assert rewards == sorted(rewards, reverse=True) and 0.5 == weights[0][0] < weights[-1][0]


def test_the_bootstrap_constraint_keeps_the_reward_alive() -> None:
    rewards, weights, _ = learned([[0.0, 1.0]] * 2, [(0.99, None), (None, 0.01)], 5, 0.5, bootstrap=0)
    assert rewards == pytest.approx([0.333333, 0.422314, 0.466957, 0.485560, 0.493190], abs=1e-5)
    assert weights[1] == pytest.approx([0.422314, -0.422314], abs=1e-5)


@given(st.lists(numbers(-50, 50), min_size=2, max_size=5))
def test_normalised_weights_sum_to_one(params) -> None:
    limits = [(None, 0.1)] * (len(params) - 1)
    state = {**constraints.multiplier_initial(len(limits)), "params": np.array(params)}
    reward, weights = constraints.multiplier_weights(state, limits)
    assert reward - weights.sum() == pytest.approx(1.0) and reward >= 0 and (weights <= 0).all()


def test_unnormalised_multipliers_rise_from_zero_at_once() -> None:
    limits, state = [(None, 0.5)], constraints.multiplier_initial(1, normalized=False)
    for _ in range(5):
        state = constraints.multiplier_update(state, [[0.0]], limits, rate=0.1, normalized=False)
    assert constraints.multiplier_weights(state, limits, normalized=False)[1].tolist() == [0.0]
    for _ in range(20):
        state = constraints.multiplier_update(state, [[1.0]], limits, rate=0.1, normalized=False)
    reward, weights = constraints.multiplier_weights(state, limits, normalized=False)
    assert reward == 1.0 and weights[0] < -0.5


def test_unscored_costs_and_wind_up() -> None:
    limits = [(None, 0.5), (None, 0.5)]
    known = constraints.multiplier_update(constraints.multiplier_initial(2), [[1.0, 0.0]], limits, rate=0.1)
    gaps = constraints.multiplier_update(
        constraints.multiplier_initial(2), [[1.0, NAN], [NAN, 0.0], [NAN, NAN]], limits, rate=0.1
    )
    assert gaps["params"] == pytest.approx(known["params"])
    silent = constraints.multiplier_update(constraints.multiplier_initial(2), [[NAN, NAN]], limits, rate=0.1)
    assert silent["params"].tolist() == [0.02] * 3
    state = constraints.multiplier_initial(1)
    for _ in range(50):
        state = constraints.multiplier_update(state, [[1.0]], [(None, 0.0)], rate=1.0, cap=2.0)
    assert np.abs(state["params"]).max() == 2.0


def test_a_bandit_learns_to_keep_a_rate() -> None:
    """Arms of high, medium, low reward whose cost rates are 1, 0.2, 0: the learned mixture must cost about the limit."""
    reward, cost, limits = np.array([1.0, 0.5, 0.1]), np.array([1.0, 0.2, 0.0]), [(None, 0.1)]
    state, rates = constraints.multiplier_initial(1), []
    for update in range(4000):
        weight, signed = constraints.multiplier_weights(state, limits)
        score = weight * reward + signed[0] * cost
        policy = np.exp(score / 0.02 - (score / 0.02).max())
        policy /= policy.sum()
        state = constraints.multiplier_update(state, [[float(policy @ cost)]], limits, rate=0.01)
        if update >= 2000:
            rates.append(float(policy @ cost))
    assert np.mean(rates) == pytest.approx(0.1, abs=0.02)


def test_constrained_reward() -> None:
    out = constraints.constrained_reward([1.0, 2.0, NAN], [[1.0, 0.0], [NAN, 0.0], [0.0, 0.0]], 0.5, [-0.3, 0.2])
    assert out[0] == pytest.approx(0.2) and np.isnan(out[1:]).all()


def test_focus_by_hand() -> None:
    coefficient, inside = constraints.focus_coefficient(
        [[0.6, 0.5], [0.9, 0.5], [0.0, 0.0], [1.0, 0.0], [NAN, 1.0]], [[1.0, 1.0]] * 5, cosine=0.9
    )
    assert coefficient[:4] == pytest.approx([0.913988, 0.424234, 0.0, 0.0], abs=1e-5)
    assert inside.tolist() == [True, True, False, False, False] and np.isnan(coefficient[4])
    assert constraints.focus_coefficient([[0.6, 0.5]], [[1.0, 1.0]], cosine=0.9, border=1.0)[0].tolist() == [1.0]
    edge = [math.cos(0.3), math.sin(0.3)]
    at_edge = constraints.focus_coefficient([edge], [[1.0, 0.0]], cosine=math.cos(0.3) - 1e-12)[0]
    assert at_edge[0] == pytest.approx(0.1)


@given(numbers(0.25, 50))
def test_focus_looks_at_direction_only(scale) -> None:
    rewards = np.array([[1.0, 0.9], [0.2, 0.25]])
    first = constraints.focus_coefficient(rewards, [[1.0, 1.0]] * 2)[0]
    assert constraints.focus_coefficient(rewards * scale, [[1.0, 1.0]] * 2)[0] == pytest.approx(first)


def test_focus_log_reward_has_the_magnitude_too() -> None:
    out = constraints.focus_log_reward(
        [[1.0, 1.0], [2.0, 2.0], [0.0, 0.0]], [[1.0, 1.0]] * 3, weights=[0.5, 0.5], beta=2.0, outside=-9.0
    )
    assert out == pytest.approx([0.0, 2 * math.log(2), -9.0])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: constraints.limit_signs([(0.1, 0.2)]), r"limits\[0\]"),
        (lambda: constraints.limit_signs([(None, None)]), r"limits\[0\]"),
        (lambda: constraints.multiplier_initial(0), "count=0"),
        (lambda: constraints.multiplier_weights(constraints.multiplier_initial(2), [(None, 1.0)]), "3 parameters"),
        (
            lambda: constraints.multiplier_weights(constraints.multiplier_initial(1), [(None, 1.0)], bootstrap=1),
            "bootstrap=1",
        ),
        (
            lambda: constraints.multiplier_update(constraints.multiplier_initial(1), [1.0], [(None, 1.0)], rate=0.1),
            "costs has shape",
        ),
        (lambda: constraints.constrained_reward([1.0], [[1.0]], 1.0, [1.0, 2.0]), "costs has shape"),
        (lambda: constraints.focus_coefficient([[1.0]], [[1.0]], cosine=1.0), "cosine=1.0"),
        (lambda: constraints.focus_coefficient([[1.0]], [[1.0]], border=0.0), "border=0.0"),
        (lambda: potential_shaping([0.0], [0.0]), "potentials has 1 entries for 1"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(ValueError, match=named):
        call()


# -- potential shaping ------------------------------------------------------------------------------------------------


def test_potential_by_hand() -> None:
    assert potential_shaping([0.0, 0.0], [1.0, 1.0, 1.0], gamma=0.9) == pytest.approx([-0.1, -0.1])
    assert potential_shaping([], [3.0]).tolist() == []
    assert np.isnan(potential_shaping([0.0, NAN, 1.0], [0.0] * 4)).tolist() == [False, True, False]


@given(st.lists(st.tuples(numbers(), numbers()), min_size=1, max_size=8), st.floats(0.1, 1.0))
def test_shaping_changes_the_return_by_the_first_potential_only(rows, gamma) -> None:
    rewards = np.array([row[0] for row in rows])
    potentials = np.array([row[1] for row in rows] + [0.0])
    discounts = gamma ** np.arange(len(rewards))
    shaped = potential_shaping(rewards, potentials, gamma=gamma)
    assert discounts @ shaped == pytest.approx(discounts @ rewards - potentials[0], abs=1e-6)
