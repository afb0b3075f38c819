"""Process rewards multiplied by how the trajectory ended."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.step_outcome import outcome_modulated


def test_worked_values() -> None:
    assert outcome_modulated([0.9, 0.5], "done", True) == pytest.approx([1.44, 0.8, 2.0])
    assert outcome_modulated([0.9, 0.5], "done", None) == pytest.approx([0.72, 0.4, 0.0])
    assert outcome_modulated([0.9, 0.5], "wrong") == pytest.approx([0.9, 0.5, -0.9])
    assert outcome_modulated([1, 0.8, 0.6, 0.4, 0.2], "fail") == pytest.approx([0.9, 0.72, 0.54, 0.36, 0.18])
    assert outcome_modulated([], "done", 1.0).tolist() == [2.0]
    assert outcome_modulated([0.9, 0.5], "wrong", mode="orm").tolist() == [0.0, 0.0, -0.9]
    assert outcome_modulated([0.9, 0.5], "fail", mode="orm").tolist() == [0.0, 0.0]
    assert outcome_modulated([0.123], "done", True, digits=3).tolist() == [0.197, 2.0]
    assert np.isnan(outcome_modulated([0.5], "done", float("nan"))).tolist() == [True, True]
    assert outcome_modulated([0.5], "done", float("nan"), mode="prm").tolist() == [0.5, 0.0]
    for wrong in ({"state": "lost"}, {"state": "done", "mode": "all"}):
        with pytest.raises(ValueError, match="unknown"):
            outcome_modulated([], **wrong)  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_coupling_keeps_the_sign_and_the_order_of_endings(relevance: list[float]) -> None:
    right = outcome_modulated(relevance, "done", True)[:-1]
    malformed = outcome_modulated(relevance, "wrong")[:-1]
    unfinished = outcome_modulated(relevance, "fail")
    wrong = outcome_modulated(relevance, "done", False)[:-1]
    assert (right >= malformed).all() and (malformed >= unfinished).all() and (unfinished >= wrong).all()
    assert (np.sign(right) == np.sign(wrong)).all()
