"""HARMO: routing, the gated length penalty, hacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from guerdon import Batch, Reward, find_paper
from guerdon.models.encoders import CharNGramEncoder

PAPER = find_paper("hybrid-multi-aspect")
ASKED: list[int] = []


@dataclass(frozen=True, repr=False)
class Model(Reward):
    """Counts how many samples it is asked about."""

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> np.ndarray:
        ASKED.append(len(batch))
        return np.full(len(batch), 0.7)


def answer(text: str, thought: str = "because") -> str:
    return f"<think>{thought}</think><answer>{text}</answer>"


def batch(completions: list[str], verifiable: bool = True) -> Batch:
    size = len(completions)
    columns = {"answer": ["4"] * size, "reference": ["four"] * size, "verifiable": [verifiable] * size}
    return Batch(completions, ["2+2?"] * size, columns=columns)


def test_verifiable_samples_never_ask_the_model() -> None:
    ASKED.clear()
    reward = PAPER.build(model=Model(name="model"))
    mixed = Batch.concat([batch([answer("4")] * 3), batch([answer("four")] * 2, verifiable=False)])
    assert reward.score(mixed).parts["hybrid"].tolist() == [1, 1, 1, 0.7, 0.7]
    assert sum(ASKED) == 2


def test_length_counts_only_beside_correct_siblings() -> None:
    reward = PAPER.build(encoder=CharNGramEncoder())
    wrong = reward.score(batch([answer("5"), answer("5", "so " * 100), ""]))
    assert wrong.parts["length_penalty"].tolist() == [0.0, 0.0, 0.0]
    some = reward.score(batch([answer("4", "so " * 30), answer("4", "so " * 30), answer("4", "so " * 200), ""]))
    penalty = some.parts["length_penalty"]
    assert penalty[2] < 0 and penalty[3] < 0 and penalty[0] > penalty[2]
    long_only = PAPER.build(encoder=CharNGramEncoder(), side="long").score(batch([answer("4", "so " * 30), ""]))
    assert long_only.parts["length_penalty"].tolist() == [0.0, 0.0]


def test_hacks() -> None:
    honest = answer("4", "two and two make four")
    hacks = [
        "",
        "4",
        answer("4 5 6 7"),
        answer("5") + answer("4"),
        f"<think>{answer('4')}</think>",
        answer("4", "so " * 5000),
    ]
    values = PAPER.build(encoder=CharNGramEncoder()).score(batch([honest, honest, honest, *hacks])).values
    assert (values[3:] < values[0]).all(), values


def test_unverifiable_without_reference_is_left_to_the_model_or_unscored() -> None:
    reward = PAPER.build(encoder=CharNGramEncoder())
    scores = reward.score(Batch([answer("4")], ["q"], answer=[None], reference=[None], verifiable=[False]))
    assert np.isnan(scores.values[0])
    assert PAPER.build(model=Model(name="m")).range == pytest.approx((-0.5, 2.0))
