from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.advantages import jepo_advantage, rloo_advantage
from guerdon.shaping.gain import binned_gain, gain_range, shape_gain
from guerdon.shaping.likelihood import (
    AGGREGATES,
    as_bfloat16,
    likelihood_metrics,
    likelihood_slope,
    log_mean_exp,
    perplexity,
    perplexity_rank,
    sequence_likelihood,
)

tokens = st.lists(st.floats(-40, 0), min_size=1, max_size=12)


@given(tokens)
def test_identities(logprobs: list[float]) -> None:
    total, mean, prob, mean_prob, exp_mean = (sequence_likelihood(logprobs, how) for how in AGGREGATES)  # type: ignore[arg-type]
    assert prob == pytest.approx(math.exp(total)) and exp_mean == pytest.approx(math.exp(mean))
    assert total == pytest.approx(mean * len(logprobs)) and prob <= exp_mean + 1e-12 and exp_mean <= mean_prob + 1e-12
    assert perplexity(logprobs) == pytest.approx(1 / exp_mean) or exp_mean < 1e-12


@given(tokens, st.sampled_from(AGGREGATES))
def test_slopes_are_the_derivative(logprobs: list[float], how: str) -> None:
    values, step = np.array(logprobs), 1e-6
    for t, slope in enumerate(likelihood_slope(values, how)):  # type: ignore[arg-type]
        moved = [values + sign * step * (np.arange(len(values)) == t) for sign in (1, -1)]
        up, down = (sequence_likelihood(each, how) for each in moved)  # type: ignore[arg-type]
        assert (up - down) / (2 * step) == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_long_and_impossible_answers_stay_finite() -> None:
    long = [math.log(0.5)] * 2000
    assert sequence_likelihood(long, "prob") == 0.0 and sequence_likelihood(long) == pytest.approx(2000 * math.log(0.5))
    assert sequence_likelihood([-1.0, -math.inf]) == -10001.0 and likelihood_slope([-1.0, -math.inf]).tolist() == [
        1.0,
        0.0,
    ]
    assert sequence_likelihood([-math.inf], "mean_prob") == 0.0
    assert math.isnan(sequence_likelihood([math.nan, -1.0])) and math.isnan(perplexity([]))
    assert sequence_likelihood([-1.0, -9.0], mask=[1, 0]) == -1.0


def test_an_empty_answer_is_an_error_unless_it_is_allowed() -> None:
    with pytest.raises(ValueError, match="no token"):
        sequence_likelihood([])
    assert sequence_likelihood([-1.0], mask=[0], empty=0.0) == 0.0
    with pytest.raises(ValueError, match="one per token"):
        sequence_likelihood([-1.0], mask=[1, 0])
    with pytest.raises(ValueError, match="choices"):
        sequence_likelihood([-1.0], "median")  # type: ignore[arg-type]


def test_perplexity_forgives_long_reasoning_and_never_overflows() -> None:
    assert perplexity([-2.0], reasoning_tokens=1) == pytest.approx(math.exp(2)) == perplexity([-2.0])
    assert perplexity([-2.0], reasoning_tokens=1000) == pytest.approx(math.exp(0.5))
    assert math.isnan(perplexity([-1000.0])) and perplexity([-100.0], reasoning_tokens=1000, largest=1e30) > 1e10


@given(st.lists(st.floats(-2000, 0), min_size=1, max_size=8))
def test_jensen(values: list[float]) -> None:
    assert log_mean_exp(values) >= np.mean(values) - 1e-9
    assert log_mean_exp(values) <= max(values) + 1e-9


@given(st.lists(st.floats(-2000, 0), min_size=2, max_size=8))
def test_group_advantages(values: list[float]) -> None:
    groups = [0] * len(values)
    assert rloo_advantage(values, groups).sum() == pytest.approx(0, abs=1e-6)
    assert np.isfinite(jepo_advantage(values, groups)).all()
    assert jepo_advantage([values[0]] * 3, [0] * 3) == pytest.approx([0, 0, 0])
    assert jepo_advantage([values[0]], [0]).tolist() == [0.0]


def test_metrics_by_hand() -> None:
    found = likelihood_metrics([[-1.0], [], [-3.0, -3.0, -3.0]])
    assert found == pytest.approx({"per_token": -2.5, "per_answer": -2.0, "perplexity": math.exp(2)})
    assert all(map(math.isnan, likelihood_metrics([]).values()))


def test_bfloat16_is_that_of_hardware() -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).normal(size=500) * 10.0 ** np.random.default_rng(1).integers(-20, 20, 500)
    expected = torch.tensor(values, dtype=torch.float32).to(torch.bfloat16).to(torch.float64).tolist()
    assert [as_bfloat16(value) for value in values] == expected
    assert math.isnan(as_bfloat16(math.nan)) and as_bfloat16(0.0) == 0.0


def test_ranks_by_perplexity() -> None:
    assert perplexity_rank([2.0, 2.0, 1.0], [0] * 3).tolist() == pytest.approx([0.5, 0.5, 1.0])
    assert perplexity_rank([2.0, 2.0, 1.0], [0] * 3, ties="order").tolist() == pytest.approx([2 / 3, 1 / 3, 1.0])
    assert perplexity_rank([5.0, np.nan, 1.0, 2.0], [0, 0, 1, 0]).tolist()[0::2] == [0.5, 1.0]
    with pytest.raises(ValueError, match="choices"):
        perplexity_rank([1.0], [0], ties="none")  # type: ignore[arg-type]


def test_shapes_by_hand() -> None:
    def s(z: float) -> float:
        return 1 / (1 + math.exp(-z))

    at = [-0.4, 0.2, 0.6]
    expected = {
        "identity": at,
        "one_minus": [1.4, 0.8, 0.4],
        "threshold_0.5": [0, 0, 0.6],
        "leaky_0.5": [-0.004, 0.002, 0.6],
        "sigmoid_0": [s(x) for x in at],
        "sigmoid_4": [s(4 * (2 * x - 1)) for x in at],
        "comp_threshold_0.5_sigmoidv2_6": [0, 0, s(0.6)],
        "comp_threshold_0.5_sigmoidv2fixed_6": [0, 0, 0.5 + 0.5 * (2 * s(0.6) - 1)],
        "comp_threshold_0.5_sigmoidv3_6": [0, 0, 0.5 + s(-2.4)],
        "comp_threshold_0.5_sigmoid_6": [0, 0, s(1.2)],
        "comp_threshold_0.5_tanh_6": [0, 0, s(1.2)],
    }
    for shape, values in expected.items():
        assert shape_gain(at, shape=shape) == pytest.approx(values), shape
    for wrong in ("thresh_0", "comp_threshold_0.5_relu_6", "sigmoid_x", "comp_threshold", ""):
        with pytest.raises(ValueError, match="choices"):
            shape_gain(at, shape=wrong)


def test_ranges_of_shapes_hold() -> None:
    for shape in ("threshold_0", "leaky_0.3", "comp_threshold_0.3_sigmoidv3_6", "one_minus"):
        low, high = gain_range(shape, -1.0, 1.0)
        values = shape_gain(np.linspace(-1, 1, 999), shape=shape)
        assert low - 1e-9 <= values.min() and values.max() <= high + 1e-9
    assert gain_range("identity", -math.inf, 0.0) == (-math.inf, math.inf)


def test_bins_round_halves_to_even_below_what_floats_can_tell() -> None:
    assert binned_gain(0.3, 5) == pytest.approx(0.2) and binned_gain(0.7, 5) == pytest.approx(0.6)
    assert binned_gain(-0.21, 5) == pytest.approx(-0.2)
    with pytest.raises(ValueError, match="at least 1"):
        binned_gain(0.5, 0)
