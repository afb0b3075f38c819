"""Parts that cover a whole without repeating each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.decomposition import decomposition_score


def test_decomposition() -> None:
    orthogonal = decomposition_score([0.7071068, 0.7071068, 0.0], [[1, 0, 0], [0, 1, 0]])
    twice = decomposition_score([0.7071068, 0.7071068, 0.0], [[1, 0, 0], [1, 0, 0]])
    assert orthogonal == pytest.approx(0.853553, abs=1e-5) and twice < orthogonal
    assert decomposition_score([1.0, 0.0], [[1.0, 0.0]]) == 0.0
    assert decomposition_score([1.0, 0.0], [[0.0, 1.0], [0.0, -1.0]]) == 0.0, "parts that cancel out cover nothing"
    assert np.isnan(decomposition_score([1.0, 0.0], []))
    with pytest.raises(ValueError, match="shape"):
        decomposition_score([1.0, 0.0], [[1.0]])


@given(st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), min_size=1, max_size=5), st.randoms())
def test_the_order_of_sub_queries_does_not_matter(children: list[list[float]], random: Any) -> None:
    shuffled = random.sample(children, len(children))
    assert decomposition_score([1, 0, 0], children) == pytest.approx(decomposition_score([1, 0, 0], shuffled), abs=1e-9)
