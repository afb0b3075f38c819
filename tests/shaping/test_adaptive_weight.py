"""The weight of other evidence, corrected by how outcomes go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.adaptive_weight import adaptive_weights, adaptive_weights_in_order, outcome_ema_in_order
from guerdon.shaping.schedules import (
    adapted_weight,
    adaptive_weight_initial,
    outcome_ema,
    residual_weight,
    residual_weights,
)

START = adaptive_weight_initial()


def test_by_hand() -> None:
    low = {"ema": 0.25, "slope": 0.0}
    assert adaptive_weights([1.0, 0.0], low, weight=0.15).tolist() == pytest.approx([0.154, 0.154])
    assert adapted_weight(0.15, {"ema": 0.9, "slope": 0.01})[0] == pytest.approx(0.15 - 0.2 * 0.25 * 0.13)
    assert adapted_weight(0.15, {"ema": 0.9, "slope": 0.0}) == (0.15, "nothing")
    assert adapted_weight(0.5, START) == (0.2, "nothing") and adapted_weight(0.0, START) == (0.02, "nothing")
    assert adaptive_weights_in_order([0.0, 1.0, 1.0], START, weight=0.15).tolist() == [0.1565, 0.15, 0.15]
    assert adapted_weight(0.05, {"ema": 0.0, "slope": 0.0}, rate=5.0)[0] == pytest.approx(0.06), "at most largest_step"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms(), st.sampled_from([None, 0.3]))
def test_the_mean_forgets_the_order_of_a_batch(outcomes: list[float], random: object, ema: float | None) -> None:
    state = {"ema": ema, "slope": 0.0}
    shuffled = random.sample(outcomes, len(outcomes))  # type: ignore[attr-defined]
    assert outcome_ema(outcomes, state) == pytest.approx(outcome_ema(shuffled, state))


@given(st.floats(0, 1), st.integers(1, 8))
def test_equal_outcomes_move_it_as_one_by_one(outcome: float, count: int) -> None:
    state = {"ema": 0.5, "slope": 0.0}
    together, singly = outcome_ema([outcome] * count, state), outcome_ema_in_order([outcome] * count, state)
    assert together["ema"] == pytest.approx(singly["ema"])


def test_unscored_outcomes_do_not_count() -> None:
    nan = float("nan")
    assert outcome_ema([nan], START) == START and outcome_ema([nan, 1.0], START)["ema"] == 1.0
    assert outcome_ema([5.0], START)["ema"] == 1.0, "outcomes lie in [0, 1]"


def test_schedule_at_its_edges() -> None:
    assert residual_weights(0, alpha=0.7) == (0.7, 0.2) and residual_weights(0, beta=0.3) == (0.7, 0.3)
    assert residual_weight(200, floor=0.5) == 0.2, "the floor is at most beta"
    assert residual_weight(0, warmup_steps=0) == 0.2 and residual_weight(
        1, warmup_steps=0, decay_steps=0
    ) == pytest.approx(0.15)
    assert residual_weights(3, kind="linear", warmup_steps=0) == (1.0, 0.0)
