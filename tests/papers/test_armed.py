"""ARMed: state, invariance, probes."""

from __future__ import annotations

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.models.encoders import CharNGramEncoder
from guerdon.rewards import Given

PAPER = find_paper("armed")


def form(answer: str) -> str:
    return f"<think>look</think><answer>{answer}</answer>"


def batch(*answers: str, gold: str = "left lower lobe pneumonia") -> Batch:
    return Batch([form(a) for a in answers], ["q"] * len(answers), reference=[gold] * len(answers))


def test_laterality_and_negation_cost_a_fixed_margin() -> None:
    reward = PAPER.build(encoder=CharNGramEncoder())
    scores = reward.score(batch("left lower lobe pneumonia", "right lower lobe pneumonia"))
    assert scores.parts["textual"][0] - scores.parts["textual"][1] == pytest.approx(0.25)
    assert scores.values[0] > scores.values[1]
    negated = reward.score(batch("no fracture", "fracture", gold="no fracture"))
    assert negated.values[0] > negated.values[1] + 0.25


def test_hacks() -> None:
    reward = PAPER.build(encoder=CharNGramEncoder())
    honest = form("left lower lobe pneumonia")
    hacks = [
        "",
        form(""),
        "left lower lobe pneumonia",
        form("pneumonia " * 200),
        form("left right upper lower lobe pneumonia fracture effusion"),
        f"<think>{honest}</think>",
        honest + honest,
    ]
    size = len(hacks) + 1
    scores = reward.score(Batch([honest, *hacks], ["q"] * size, reference=["left lower lobe pneumonia"] * size))
    assert (scores.values[1:] < scores.values[0]).all(), scores.values


def test_invariant_to_an_affine_change_of_all_raw_scores() -> None:
    def adapted(scale: float, shift: float) -> np.ndarray:
        raw = np.random.default_rng(0).uniform(size=24)
        reward = Given("s", name="s").then("adaptive_quantile", min_history=8)
        scorer = reward.scorer()
        for part in np.split(raw, 3):
            last = scorer.advance(Batch(["y"] * 8, ["q"] * 8, s=(scale * part + shift).tolist())).values
        return last

    assert adapted(1.0, 0.0) == pytest.approx(adapted(0.05, 0.86), abs=1e-5)


def test_routed_questions() -> None:
    reward = PAPER.build("routed", encoder=CharNGramEncoder())
    scores = reward.score(
        Batch([form("B"), form("B")], ["q", "r"], reference=["B", "effusion"], question_type=["closed", "open"])
    )
    assert scores.parts["correctness"].tolist() == [1.0, 0.0]
