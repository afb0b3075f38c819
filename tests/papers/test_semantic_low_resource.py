"""Semantic rewards for low-resource languages: continuity, order, hacks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.models.encoders import CharNGramEncoder
from guerdon.papers.semantic_low_resource import cold_start_threshold
from guerdon.rewards import Given

PAPER = find_paper("semantic-low-resource")
GOLD = "Клетка получает энергию из пищи."
HONEST = "Клетка получает энергию из еды."
HACKS = [
    "",
    "123 456!",
    "Cell gets energy",
    "Клетка gets энергию из food",
    GOLD + " The cell.",
    "Погода " * 3000,
    "😀😀",
]


@pytest.mark.parametrize("variant", ["default", "gated"])
def test_no_hack_beats_an_honest_answer(variant: str) -> None:
    reward = PAPER.build(variant, encoder=CharNGramEncoder(), tau=0.3)
    size = len(HACKS) + 1
    values = reward.score(
        Batch([HONEST, *HACKS], ["q"] * size, reference=[GOLD] * size, target_script=["cyrillic"] * size)
    ).values
    assert (values[1:] < values[0]).all(), values


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-0.9, 0.95))
def test_shaped_similarity_is_continuous_at_tau_and_monotone(first: float, second: float, tau: float) -> None:
    reward = PAPER.build(similarity=Given("s", name="s"), language=Given("l", name="l"), tau=tau)

    def at(*similarities: float) -> np.ndarray:
        return reward.score(Batch(["y"] * len(similarities), s=similarities, l=[0.0] * len(similarities))).values

    low, high = sorted((first, second))
    assert at(low)[0] <= at(high)[0] + 1e-12
    assert at(tau, tau + 1e-9) == pytest.approx([0.0, 0.0], abs=1e-6)
    assert at(1.0) == pytest.approx([1.5])


def test_the_threshold_comes_from_the_cold_start_model() -> None:
    assert cold_start_threshold([0.4, 0.6]) == 0.5
    with pytest.raises(ValueError, match="empty"):
        cold_start_threshold([])
    with pytest.raises(ValueError, match="below 1"):
        PAPER.build(tau=1.0).score(Batch(["y"], reference=["y"], target_script=["latin"]))
