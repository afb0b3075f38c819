from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.token_contrast import contrast_gap, contrast_token_rewards

logprobs = st.lists(st.floats(-60, 0), min_size=1, max_size=8)


def test_by_hand() -> None:
    rewards = contrast_token_rewards([-1.0, -2.0], [-2.0, -1.0])
    assert rewards == pytest.approx([1 / (1 + np.exp(-1)) - 0.5, 1 / (1 + np.exp(1)) - 0.5])
    assert contrast_gap([-1.0, -2.0], [-2.0, -1.0]).tolist() == [1.0, -1.0]


@given(logprobs, st.data())
def test_swapping_the_prompts_negates(better: list[float], data: st.DataObject) -> None:
    worse = data.draw(st.lists(st.floats(-60, 0), min_size=len(better), max_size=len(better)))
    rewards = contrast_token_rewards(better, worse)
    assert (contrast_token_rewards(worse, better) == -rewards).all() and (abs(rewards) <= 0.5).all()


def test_the_ends_are_safe() -> None:
    assert contrast_token_rewards([-1e6, 0.0, -np.inf, -np.inf], [0.0, -1e6, 0.0, -np.inf]).tolist() == [
        -0.5,
        0.5,
        -0.5,
        0.0,
    ]
    assert np.isnan(contrast_token_rewards([np.nan], [0.0])).all()
    assert contrast_token_rewards([], []).tolist() == []


def test_tokens_without_a_counterpart_get_nothing() -> None:
    assert contrast_token_rewards([-1.0, np.nan], [-3.0, -1.0], mask=[True, False])[1] == 0.0
    with pytest.raises(ValueError, match="same tokens"):
        contrast_token_rewards([0.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="one value per token"):
        contrast_token_rewards([0.0], [0.0], mask=[True, True])
