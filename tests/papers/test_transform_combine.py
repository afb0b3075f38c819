"""Transforming and combining rewards: the algebra of log-sigmoids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.errors import MissingColumn
from guerdon.papers.transform_combine import aligned_policy, marginal_gain

PAPER = find_paper("transform-combine")
numbers = st.floats(-50, 50)


def value(helpful: float | None, harmless: float | None, *, reference: float = 0.0, variant: str = "default") -> float:
    columns = {
        "helpful": [helpful],
        "harmless": [harmless],
        "helpful_reference": [reference],
        "harmless_reference": [reference],
    }
    return float(PAPER.build(variant).score(Batch(["y"], columns=columns)).values[0])


def test_balanced_beats_lopsided() -> None:
    assert value(1, 1) > value(5, -3)
    assert value(0, 0) > value(8, -8)
    assert value(0, 0) == pytest.approx(2 * np.log(0.5))
    assert value(1, 1, variant="softmin") > value(5, -3, variant="softmin")


@given(numbers, numbers, st.floats(-20, 20))
def test_a_shift_of_score_and_reference_changes_nothing(helpful: float, harmless: float, shift: float) -> None:
    assert value(helpful, harmless) == pytest.approx(
        value(helpful + shift, harmless + shift, reference=shift), abs=1e-6
    )


@given(numbers, st.floats(0.01, 5))
def test_slope_is_one_minus_sigmoid(score: float, step: float) -> None:
    h = 1e-4
    numeric = (value(score + h, 0.0) - value(score - h, 0.0)) / (2 * h)
    assert numeric == pytest.approx(float(marginal_gain(score)), abs=1e-5)
    assert value(score + step, 0.0) >= value(score, 0.0)


def test_extremes_are_finite_and_missing_values_unscored() -> None:
    assert np.isfinite(value(1e4, -1e4))
    assert np.isnan(value(None, 1.0))
    with pytest.raises(MissingColumn, match="helpful_reference"):
        PAPER.build().score(Batch(["y"], helpful=[1.0], harmless=[1.0]))


def test_limits_of_the_aligned_policy() -> None:
    base, rewards = [0.5, 0.3, 0.2], [0.0, 1.0, 2.0]
    assert aligned_policy(base, rewards, reference=-50.0) == pytest.approx(base), "a reference far below: no preference"
    raw = np.array(base) * np.exp(rewards)
    assert aligned_policy(base, rewards, reference=50.0) == pytest.approx(raw / raw.sum()), "far above: the raw reward"
