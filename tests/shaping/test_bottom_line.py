"""Gate and utility: symmetry, monotonicity, limits, missing scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.bottom_line import behaviour_utility, bottom_line_gate, gated_utility

units = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(units, st.floats(1e-4, 10), st.data())
def test_the_gate(scores: list[float], delta: float, data: st.DataObject) -> None:
    gate = bottom_line_gate(scores, delta=delta)
    assert 0 < gate <= 1.0 + 1e-12
    assert bottom_line_gate(data.draw(st.permutations(scores)), delta=delta) == pytest.approx(gate)
    assert bottom_line_gate(scores * 3, delta=delta) == pytest.approx(gate), "copies change nothing"
    i = data.draw(st.integers(0, len(scores) - 1))
    raised = [*scores[:i], min(scores[i] + 0.1, 1.0), *scores[i + 1 :]]
    assert bottom_line_gate(raised, delta=delta) >= gate - 1e-12
    assert bottom_line_gate([1.0] * len(scores), delta=delta) == pytest.approx(1.0)


@given(units, st.data())
def test_the_utility_rises_and_stays_in_range(scores: list[float], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.floats(0.1, 5), min_size=len(scores), max_size=len(scores)))
    utility = behaviour_utility(scores, weights)
    assert min(scores) - 1e-9 <= utility <= max(scores) + 1e-9
    assert behaviour_utility([min(s + 0.1, 1) for s in scores], weights) >= utility - 1e-12


def test_limits_of_delta() -> None:
    assert bottom_line_gate([0.25, 1.0], delta=0.0) == pytest.approx(0.5), "the geometric mean"
    assert bottom_line_gate([0.0, 1.0], delta=0.0) == 0.0
    assert bottom_line_gate([0.0, 0.0], delta=1e6) == pytest.approx(1.0, abs=1e-5)
    assert [round(bottom_line_gate([0.0] + [1.0] * (m - 1)), 3) for m in (1, 2, 3, 5, 9, 20)] == [
        *(0.01, 0.1, 0.215, 0.397, 0.599, 0.794)
    ]


def test_missing_scores() -> None:
    nan = float("nan")
    assert np.isnan(bottom_line_gate([1.0, nan])) and np.isnan(behaviour_utility([1.0, nan]))
    assert bottom_line_gate([1.0, nan], missing="official") == pytest.approx((0.01 / 1.01) ** 0.5)
    assert behaviour_utility([0.5, nan], missing="official") == 0.5 == behaviour_utility([0.5, nan], [1.0, 0.0])
    assert np.isnan(gated_utility([nan], [1.0], hard=0.5).value)
    assert gated_utility([nan, 1.0], [1.0], hard=0.5, missing="official").value == 0.0
    with pytest.raises(ValueError, match="missing"):
        bottom_line_gate([1.0], missing="zero")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weights"):
        behaviour_utility([1.0], [-1.0])
