from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import schedules

STEPS = st.integers(-50, 500)


def test_by_hand() -> None:
    assert schedules.linear(-5, start=1.0, end=0.0, steps=10) == 1.0
    assert schedules.linear(210, start=384, end=640, steps=105, clamp=False) == 384 + 512
    assert schedules.cosine(25, start=0.0, end=1.0, steps=100) == pytest.approx((1 - math.cos(math.pi / 4)) / 2)
    assert schedules.exponential(5, start=1.0, end=1e-4, steps=10) == pytest.approx(1e-2)
    assert schedules.warmup(3, steps=4, value=8.0) == 6.0
    assert [schedules.piecewise(s, boundaries=(2, 4), values=(0, 1, 5)) for s in (1, 2, 3, 4, 9)] == [0, 1, 1, 5, 5]
    assert schedules.piecewise(9, boundaries=(), values=(3,)) == 3


@pytest.mark.parametrize("schedule", [schedules.linear, schedules.cosine, schedules.exponential])
@given(step=STEPS)
def test_from_start_to_end_and_held_there(schedule, step) -> None:
    value = schedule(step, start=2.0, end=0.5, steps=100)
    assert 0.5 <= value <= 2.0
    assert value == (2.0 if step <= 0 else pytest.approx(0.5) if step >= 100 else value)
    assert schedule(step + 1, start=2.0, end=0.5, steps=100) <= value + 1e-12
    assert schedule(step, start=2.0, end=2.0, steps=100) == pytest.approx(2.0)
    assert schedule(0, start=2.0, end=0.5, steps=0) == 0.5


def test_warmup_cosine() -> None:
    at = [schedules.warmup_cosine(s, warmup_steps=10, steps=100, peak=2e-5) for s in (0, 5, 10, 99, 100, 500)]
    assert at == pytest.approx([0.0, 1e-5, 2e-5, 6.091729809042379e-09, 0.0, 0.0], abs=1e-18)
    assert schedules.warmup_cosine(0, warmup_steps=0, steps=10) == 1.0
    assert [schedules.warmup_cosine(s, warmup_steps=5, steps=5) for s in (4, 5, 6)] == [0.8, 1.0, 0.0]


def test_residual_weights() -> None:
    assert schedules.residual_weights(-5) == (0.8, 0.2)
    assert schedules.residual_weights(200) == pytest.approx((0.85, 0.15))
    assert schedules.residual_weights(1200) == pytest.approx((0.8 + 0.2 - 0.085, 0.085))
    assert schedules.residual_weights(9999) == pytest.approx((0.98, 0.02))
    assert schedules.residual_weights(100, kind="linear") == pytest.approx((0.9, 0.1))
    assert schedules.residual_weights(3, kind="linear", warmup_steps=0) == pytest.approx((1.0, 0.0))


@given(STEPS)
def test_what_beta_loses_alpha_gains(step) -> None:
    for kind in ("smart", "linear"):
        alpha, beta = schedules.residual_weights(step, kind=kind)
        assert alpha + beta == pytest.approx(1.0) and 0 <= beta <= 0.2


def test_adaptive_weight_follows_outcomes() -> None:
    state = schedules.adaptive_weight_initial()
    weights, modes = [], []
    for outcome in (0.7, 1.0, 1.0):
        weight, state = schedules.adaptive_weight(0.15, outcome, state)
        weights.append(weight)
        modes.append(state["mode"])
    assert weights == pytest.approx([0.15, 0.148544, 0.14839112])
    assert modes == ["nothing", "decrease", "decrease"]
    assert state["ema"] == pytest.approx(0.71188)
    weight, after = schedules.adaptive_weight(0.5, math.nan, state)
    assert weight == 0.2 and after == state


def test_adaptive_weight_moves_one_step_at_most_and_stays_inside() -> None:
    start = schedules.adaptive_weight_initial()
    assert schedules.adaptive_weight(0.05, 0.0, start, rate=5.0)[0] == pytest.approx(0.06)
    assert schedules.adaptive_weight(0.0, 1.0, start)[0] == 0.02


@pytest.mark.parametrize(
    ("base", "rewards", "expected"),
    [
        (0.7, [0.1, 0.2], 0.7),
        (0.7, [0.5, 0.5, 0.5], 0.7),
        (0.7, [0.4, 0.43, 0.46], 0.7),
        (0.7, [0.9, 0.1, 0.5, 0.5, 0.51], 0.7),
        (0.31, [0.1, 0.3, 0.9], 0.3),
        (1.1, [0.9, 0.3, 0.1], 1.2),
        (0.7, [0.1, 0.3, 0.9], 0.63),
    ],
)
def test_temperature(base, rewards, expected) -> None:
    assert schedules.adaptive_temperature(base, rewards) == pytest.approx(expected)


def test_plateau() -> None:
    flat = [0.5] * 6 + [0.505] * 5
    assert schedules.has_plateaued(flat)
    assert not schedules.has_plateaued(flat[:10]), "not before step 10 is over"
    assert not schedules.has_plateaued([0.5] * 10 + [0.52])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: schedules.linear(0, start=0, end=1, steps=-1), "steps=-1"),
        (lambda: schedules.exponential(0, start=0, end=1, steps=1), "start=0"),
        (lambda: schedules.piecewise(0, boundaries=(1,), values=(1,)), "values has 1"),
        (lambda: schedules.piecewise(0, boundaries=(2, 1), values=(1, 2, 3)), "must increase"),
        (lambda: schedules.residual_weights(0, kind="cubic"), "kind='cubic'"),
        (lambda: schedules.adaptive_temperature(1.0, [], window=0), "window=0"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(ValueError, match=named):
        call()
