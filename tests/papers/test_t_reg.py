"""T-REG: what the method promises, on values; the trainer is tested with the integrations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import find_paper
from guerdon.papers.t_reg import ALPHAS, PAPER
from guerdon.shaping.selection import chosen_and_rejected
from guerdon.shaping.token_contrast import contrast_token_rewards
from guerdon.training.losses.direct_preference import implicit_token_rewards, token_similarity

pytest.importorskip("torch")
LOGPS = st.lists(st.tuples(st.floats(-60, 0), st.floats(-60, 0)), max_size=8)


@given(LOGPS)
def test_swapping_the_prompts_negates_the_rewards(pairs: list[tuple[float, float]]) -> None:
    better, worse = np.array(pairs).reshape(-1, 2).T
    rewards = contrast_token_rewards(better, worse)
    assert np.array_equal(rewards, -contrast_token_rewards(worse, better))
    assert (np.abs(rewards) <= 0.5).all()


def test_the_variants() -> None:
    assert find_paper("t-reg").build().base == "dpo" and PAPER.kind == "objective"
    simpo = PAPER.build("simpo")
    assert (simpo.base, simpo.beta, simpo.gamma, simpo.reduction) == ("simpo", 2.0, 1.0, "sum")
    assert all(PAPER.build(alpha=alpha).alpha == alpha for alpha in ALPHAS)
    assert PAPER.build() == PAPER.build() and hash(simpo)


def test_a_good_token_is_raised_and_a_bad_one_lowered_also_in_the_rejected_response() -> None:
    import torch

    policy = [torch.full((2,), -1.0, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    reference = [[-1.0, -1.0]] * 2
    PAPER.build(beta=1e-6, alpha=1e6)(policy[0], reference[0], policy[1], reference[1], [0.4, -0.4], [0.4, -0.4])[
        "loss"
    ].backward()
    for logps in policy:
        assert logps.grad is not None and logps.grad[0] < -0.1 and logps.grad[1] > 0.1


def test_an_ordered_pair_is_regularised_less() -> None:
    objective = PAPER.build(beta=1.0, alpha=0.5)
    wrong = objective([-3.0], [-1.0], [-1.0], [-1.0], [0.1], [0.1])
    right = objective([-1.0], [-3.0], [-1.0], [-1.0], [0.1], [0.1])
    assert wrong["sequence_weight"] > 0.5 > right["sequence_weight"]


def test_agreement_is_what_the_regulariser_raises() -> None:
    assert implicit_token_rewards([-1.0, -2.0], [-2.0, -2.0], beta=0.5).tolist() == [0.5, 0.0]
    assert token_similarity([-1.0, -2.0], [-2.0, -2.0], [0.4, 0.4], beta=0.5).item() == pytest.approx(0.2)


def test_pairs_of_five() -> None:
    assert chosen_and_rejected([0.1, 0.9, 0.9, 0.0, 0.0]) == {"chosen": 1, "rejected": 3}
    assert chosen_and_rejected([0.3] * 5) is None is chosen_and_rejected([])
    assert chosen_and_rejected([float("nan"), 0.3]) is None
