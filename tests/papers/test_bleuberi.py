"""BLEUBERI: hacks, invariances, variants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.papers.bleuberi import human_agreement, select_prompts

PAPER = find_paper("bleuberi")
GOLD = ["The cat sat on the mat and watched the rain.", "A cat was sitting on the mat, watching the rain."]
HONEST = "The cat sat on the mat watching the rain."
HACKS = [
    "",
    "the the the the the the the the",
    "Describe what the cat did.",
    HONEST * 10,
    "cat mat rain sat watched",
    f"<think>{GOLD[0]}</think>",
    "<answer></answer>" + HONEST,
    "<answer>" * 500,
    "Die Katze sass auf der Matte.",
    "word " * 20_000,
]


def batch(*completions: str) -> Batch:
    return Batch(completions, ["Describe what the cat did."] * len(completions), references=[GOLD] * len(completions))


@pytest.mark.parametrize("variant", ["default", "rouge", "bleu-rouge"])
def test_no_hack_beats_an_honest_answer(variant: str) -> None:
    values = PAPER.build(variant).score(batch(HONEST, *HACKS)).values
    assert (values[1:] < values[0]).all(), values


def test_the_official_variant_scores_thoughts() -> None:
    thought = f"<think>{GOLD[0]}</think>"
    assert PAPER.build().score(batch(thought)).values[0] == 0.0
    assert PAPER.build("official").score(batch(thought)).values[0] > 0.5


@given(st.lists(st.sampled_from(["the cat sat", "rain fell on the mat", "a b c d e"]), min_size=1, max_size=3))
def test_order_and_duplicates_of_references_change_nothing(references: list[str]) -> None:
    def value(given: list[str]) -> float:
        return float(PAPER.build().score(Batch(["the cat sat on the mat"], references=[given])).values[0])

    assert value(references) == pytest.approx(value(references[::-1])) == pytest.approx(value(references * 2))


def test_length_costs_both_ways() -> None:
    gold = "one two three four five six seven eight"
    said = [gold, gold + " " + gold, "one two three four"]
    values = PAPER.build().score(Batch(said, references=[[gold]] * 3)).values
    assert values[0] == 1.0 and values[1] < 1.0 and values[2] < 1.0


def test_reward_model_mixture_is_normalised_within_the_prompt() -> None:
    reward = PAPER.build("bleu-rm")
    scores = reward.score(batch(HONEST, "cat").replace(rm_score=[1000.0, -1000.0]))
    assert scores.values == pytest.approx([np.sqrt(0.5), -np.sqrt(0.5)], abs=1e-3)
    assert reward.siblings == "group"
    assert np.isnan(PAPER.build().score(Batch(["x"], references=[[]])).values[0])


def test_selection_and_agreement() -> None:
    assert select_prompts("abcd", [0.4, 0.1, 0.9, 0.2], 2) == ["d", "b"]
    with pytest.raises(UserError, match="mode='hardest'"):
        select_prompts("ab", [1, 2], 1, mode="hardest")
    assert human_agreement([0.1, 0.5], [0.2, 0.5], ["model_b", "tie (both bad)"]) == 1.0
