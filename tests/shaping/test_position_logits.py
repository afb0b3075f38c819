"""From logits to numbers of tokens."""

from __future__ import annotations

import numpy as np
import pytest

from guerdon.shaping.position_logits import single_position_logit, token_logprobs


def test_log_softmax_without_overflow() -> None:
    assert token_logprobs([[1000.0, 0.0], [-1000.0, -1000.0]], [0, 1]).tolist() == pytest.approx([0.0, -np.log(2)])
    assert token_logprobs([], []).tolist() == []


def test_one_position_as_many_from_the_end_as_there_are_ids() -> None:
    logits = np.arange(12.0).reshape(4, 3)
    assert single_position_logit(logits, [0, 2]) == pytest.approx((6 + 8) / 2)
    assert single_position_logit(logits, [1, 1, 1, 1]) == 1.0
    assert np.isnan(single_position_logit(logits, []))


@pytest.mark.parametrize(("logits", "ids"), [([[0.0, 1.0]], [0, 1]), ([[0.0, 1.0]], [2]), ([0.0, 1.0], [0])])
def test_what_does_not_fit_is_said(logits, ids) -> None:
    with pytest.raises(ValueError):
        token_logprobs(logits, ids)
    with pytest.raises(ValueError):
        single_position_logit(logits, ids)
