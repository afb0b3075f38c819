"""Shaping Explanations: variants, hacks, and the evaluation by comparisons. With the real encoder."""

from __future__ import annotations

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.models.chat import ScriptedChat
from guerdon.models.judge import ScriptedProtocol
from guerdon.shaping.pairwise import bradley_terry, elo_ratings, wins_matrix

PAPER = find_paper("shaping-explanations")
QUESTION = "Which organelle makes most of the cell's ATP? A) nucleus B) mitochondrion C) ribosome D) vacuole"
GOLD = (
    "Mitochondria make most of the cell's ATP: electrons from the Krebs cycle pass along the chain of the inner membrane, and the "
    "proton gradient they build drives ATP synthase."
)
HONEST = (
    "<explanation>Most ATP comes from the mitochondria, where electron transport across the inner membrane builds a proton "
    "gradient that drives ATP synthase.</explanation><answer>B</answer>"
)
HACKS = {
    "empty": "",
    "empty blocks": "<explanation></explanation><answer></answer>",
    "question": QUESTION,
    "question in form": f"<explanation>{QUESTION}</explanation><answer>A</answer>",
    "keyword soup": f"<explanation>{'ATP mitochondria membrane ' * 20}</explanation><answer>C</answer>",
    "wrong with the right words": HONEST.replace("<answer>B", "<answer>D"),
    "all answers": HONEST.replace("<answer>B", "<answer>A, B, C, D"),
    "answer shopping": HONEST.replace("<answer>B</answer>", "")
    + "<answer>A</answer><answer>B</answer><answer>C</answer>",
    "tag stuffing": "<explanation><answer>" * 50 + "B" + "</answer></explanation>" * 50,
    "thought only": f"<think>{HONEST}</think>",
    "other language": "<explanation>Die Ribosomen stellen Proteine her.</explanation><answer>C</answer>",
    "huge": "<explanation>" + "cells and energy " * 5000 + "</explanation><answer>A</answer>",
}


def batch(*completions: str) -> Batch:
    return Batch(
        completions, [QUESTION] * len(completions), reference=[GOLD] * len(completions), answer=["B"] * len(completions)
    )


@pytest.mark.parametrize("variant", ["default", "rouge", "semantic+rouge"])
def test_no_hack_beats_an_honest_answer(variant: str) -> None:
    scores = PAPER.build(variant).score(batch(HONEST, *HACKS.values()))
    honest, *hacked = scores.values
    assert honest > 1.5
    assert {name for name, value in zip(HACKS, hacked, strict=True) if value >= honest} == set()


def test_a_paraphrase_is_worth_more_than_shared_function_words() -> None:
    stuffed = (
        "<explanation>The nucleus makes most of the cell: and they pass along the inner of the, that is the most of the "
        "cell.</explanation><answer>B</answer>"
    )
    semantic = PAPER.build().score(batch(HONEST, stuffed)).parts["cosine"]
    lexical = PAPER.build("rouge").score(batch(HONEST, stuffed)).parts["rouge_l"]
    assert semantic[0] - semantic[1] > 0.2 > lexical[0] - lexical[1]


def test_thinking_is_left_out_and_parts_are_logged_unweighted() -> None:
    thought = "<think>maybe the nucleus? A!</think>" + HONEST
    scores = PAPER.build().score(batch(HONEST, thought))
    assert scores.parts["cosine"][0] == pytest.approx(scores.parts["cosine"][1])
    assert set(scores.parts) == {"cosine", "choice", "tags"}
    assert scores.values[0] == pytest.approx(scores.parts["cosine"][0] + 1.0 + 0.5)


def test_missing_references_are_not_scored_and_empty_completions_are_zero() -> None:
    scores = PAPER.build().score(Batch([HONEST, ""], [QUESTION] * 2, reference=[None, GOLD], answer=["B", "B"]))
    assert np.isnan(scores.values[0]) and scores.values[1] == 0.0
    assert scores.notes["cosine"][0].outcome == "missing_data"


def test_judge_variants_have_a_slot() -> None:
    with pytest.raises(UserError, match="needs chat"):
        PAPER.build("judge")
    chat = ScriptedChat({"proton gradient": "score: 0.9"}, default="I cannot say")
    for variant in ("judge", "semantic+judge"):
        reward = PAPER.build(variant, chat=chat, protocol=ScriptedProtocol())
        values = reward.score(batch(HONEST, HACKS["keyword soup"])).values
        assert values[0] > 2.0 and np.isnan(values[1])


def test_multi_criteria_weights_sum_to_one() -> None:
    with pytest.raises(UserError, match="sum to 1"):
        PAPER.build("multi-criteria", weights=(0.7, 0.2, 0.2))
    reward = PAPER.build("multi-criteria")
    assert set(reward.part_owners) == {"semantic", "length", "brevity"} and reward.columns == {"reference"}


def test_elo_conserves_points_and_a_cycle_ends_near_equal() -> None:
    cycle = [("a", "b", 1.0), ("b", "c", 1.0), ("c", "a", 1.0)] * 10
    ratings = elo_ratings(cycle, shuffles=20)
    assert sum(ratings.values()) == pytest.approx(4500.0)
    assert max(ratings.values()) - min(ratings.values()) < 25
    strengths = bradley_terry(wins_matrix([0, 1, 2], [1, 2, 0], [1.0, 1.0, 1.0], 3))
    assert np.ptp(strengths) < 1e-6
