"""The outcome first, and the ladders of form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.residual import format_ladder, residual


@given(st.lists(st.floats(-0.2, 1.0), min_size=2, max_size=6), st.booleans(), st.booleans())
def test_the_default_ladder_rises(values: list[float], valid: bool, evidence: bool) -> None:
    ordered = np.sort(values)
    rows = np.ones((4, len(ordered))) * np.array([[0.0], [1.0], [valid], [evidence]])
    rows[0] = ordered
    assert (np.diff(format_ladder(rows)) >= -1e-12).all()
    assert (np.diff(format_ladder(rows, ladder="monotone")) >= -1e-12).all()
    assert (format_ladder(rows) <= format_ladder([[1.0], [1.0], [1.0], [0.0]])).all()


def test_ladders_by_hand() -> None:
    rows = [
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.1, 0.1, 0.0],
        [1, 1, 1, 1, 1, 1, 1, 0],
        [1, 0, 1, 1, 0, 1, 0, 0],
        [1, 1, 1, 0, 1, 1, 1, 1],
    ]
    assert format_ladder(rows) == pytest.approx([1.0, 0.8, 0.3, 0.2, 0.1, 0.37, 0.17, 0.0])
    assert format_ladder(rows, ladder="official") == pytest.approx([1.0, 0.8, 0.3, 0.2, 0.1, 0.2, 0.0, 0.0])
    assert format_ladder(rows, ladder="monotone") == pytest.approx([1.0, 0.8, 0.3, 0.2, 0.1, 0.3, 0.1, 0.0])
    nan = float("nan")
    assert np.isnan(format_ladder([[nan, 0.5, nan], [1, 1, 0], [1, nan, 0], [0, 0, 0]])).tolist() == [True, True, False]
    with pytest.raises(ValueError, match="4 terms"):
        format_ladder([[1.0]])
    with pytest.raises(ValueError, match="ladder"):
        format_ladder(rows, ladder="steep")  # type: ignore[arg-type]


def test_a_correct_answer_needs_no_encoder() -> None:
    nan = float("nan")
    assert residual([[1.0, 0.0], [nan, nan]], weight=0.2).tolist() == pytest.approx([1.0, nan], nan_ok=True)
