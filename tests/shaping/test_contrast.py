"""Softmax and margin contrast."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.contrast import margin_contrast, softmax_contrast

COSINES = st.floats(-1, 1)
MANY = st.lists(COSINES, min_size=1, max_size=6)


def test_by_hand() -> None:
    e = np.exp
    assert softmax_contrast([0.8], [[0.1, 0.3]], temperature=0.5)[0] == pytest.approx(
        e(1.6) / (e(1.6) + e(0.2) + e(0.6))
    )
    assert margin_contrast([0.8], [[0.1, 0.3]])[0] == pytest.approx(0.6)


def test_edges() -> None:
    assert softmax_contrast([0.3], []).tolist() == [1.0] and margin_contrast([0.3], []).tolist() == [0.3]
    assert softmax_contrast([0.3], [[np.nan, 0.3]]).tolist() == [0.5], "an absent negative is not counted"
    assert np.isnan(softmax_contrast([np.nan], [0.1])).all() and np.isnan(margin_contrast([np.nan], [0.1])).all()
    assert softmax_contrast([], np.empty((0, 3))).shape == (0,)
    assert softmax_contrast([1.0, -1.0], [0.0], temperature=1e-6).tolist() == [1.0, pytest.approx(0.0)]
    with pytest.raises(ValueError, match="temperature"):
        softmax_contrast([0.1], [0.2], temperature=0.0)


@given(COSINES, MANY, st.floats(0.01, 2.0), st.floats(-0.5, 0.5), st.permutations(range(6)))
def test_invariances(own: float, others: list[float], temperature: float, shift: float, order: list[int]) -> None:
    value = softmax_contrast([own], [others], temperature=temperature)[0]
    assert 0.0 <= value <= 1.0
    moved = softmax_contrast([own + shift], [np.array(others) + shift], temperature=temperature)[0]
    assert moved == pytest.approx(value, abs=1e-9), "adding a constant to all cosines changes nothing"
    permuted = [others[i] for i in order if i < len(others)]
    assert softmax_contrast([own], [permuted], temperature=temperature)[0] == pytest.approx(value)
    assert margin_contrast([own], [permuted])[0] == pytest.approx(margin_contrast([own], [others])[0])
    assert softmax_contrast([own], [[*others, own]], temperature=temperature)[0] <= 0.5 + 1e-12, (
        "an equal negative halves it"
    )
