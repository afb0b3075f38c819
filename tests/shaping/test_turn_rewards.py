"""ReNorm and where it lies on tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.credit import renorm, turn_rewards


@given(st.lists(st.floats(0, 1), max_size=6), st.sampled_from([0.0, 1.0]))
def test_signs(process: list[float], outcome: float) -> None:
    turns = renorm(process, outcome)
    assert turns[-1] == outcome and ((turns[:-1] >= 0).all() if outcome else (turns[:-1] <= 0).all())
    assert renorm(process, outcome, mu=0.0)[:-1] == pytest.approx(np.array(process) + outcome)
    assert renorm(process, outcome, mu=1.5)[:-1] == pytest.approx(turns[:-1] - 0.5)


@given(st.lists(st.floats(0, 1), max_size=6), st.floats(0, 1))
def test_graded_outcomes_keep_the_bounds(process: list[float], outcome: float) -> None:
    turns = renorm(process, outcome)[:-1]
    assert (turns <= outcome + 1e-9).all() and (turns >= outcome - 1 - 1e-9).all()


def test_token_rewards() -> None:
    ends = [0, 1, 0, 1, 0, 1, 0, 0]
    assert turn_rewards([0.5, 1.0], 1.0, ends, valid_length=6).tolist() == [0, 0.5, 0, 1.0, 0, 1.0, 0, 0]
    assert turn_rewards([0.5, 1.0], 1.0, ends, valid_length=6, mu=None).tolist() == [0, 0.5, 0, 1.0, 0, 1.0, 0, 0]
    assert turn_rewards([0.5, 1.0], 0.0, ends, mu=0.5).tolist() == [0, 0, 0, 0.5, 0, 0, 0, 0]
    assert turn_rewards([0.5, None], 0.0, ends, variant="official").tolist() == [0, -0.5, 0, -1.0, 0, 0, 0, 0]
    assert turn_rewards([], 0.0, ends, variant="official").tolist() == [0, -1.0, 0, -1.0, 0, 0, 0, 0]
    assert np.isnan(turn_rewards([None, 0.5], 1.0, ends)[1])
    assert turn_rewards([], 1.0, [0, 0, 1]).tolist() == [0, 0, 1.0] and turn_rewards([], 1.0, [0, 0]).tolist() == [
        0,
        1.0,
    ]
    with pytest.raises(ValueError, match="one per turn"):
        turn_rewards([0.5], 1.0, ends)
    with pytest.raises(ValueError, match="one per turn"):
        turn_rewards([0.5] * 3, 1.0, ends, variant="official")
