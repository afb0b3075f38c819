"""CSR: order, equivariance, abstention, hacks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.models.encoders import CharNGramEncoder
from guerdon.papers.csr import semantic_confidence, verbalised_confidence_reward
from guerdon.rewards.agreement import agreement_calibration

PAPER = find_paper("csr")


def batch(*answers: str, reference: str = "Rome") -> Batch:
    said = [f"<answer>{answer}</answer>" for answer in answers]
    return Batch(said, ["Capital of Italy?"] * len(said), reference=[reference] * len(said))


@given(
    st.lists(st.sampled_from(["Rome", "Paris", "Oslo", "", "I don't know"]), min_size=1, max_size=8), st.floats(0, 0.99)
)
def test_no_wrong_answer_outranks_a_right_one(answers: list[str], weight: float) -> None:
    scores = PAPER.build(weight=weight).score(batch(*answers))
    right = np.array([answer == "Rome" for answer in answers])
    assert (scores.values[right] >= 1.0).all() and (scores.values[~right] <= 0.0).all()


@given(st.integers(2, 6), st.randoms(use_true_random=False), st.sampled_from(["class", "group"]))
def test_permutation_and_diagonal(size: int, random, scope) -> None:
    similarity = np.array([[random.random() for _ in range(size)] for _ in range(size)])
    similarity = (similarity + similarity.T) / 2
    correct = np.array([random.random() < 0.5 for _ in range(size)], dtype=float)
    values = agreement_calibration(similarity, correct, scope=scope)
    order = np.array(random.sample(range(size), size))
    assert agreement_calibration(similarity[np.ix_(order, order)], correct[order], scope=scope) == pytest.approx(
        values[order]
    )
    np.fill_diagonal(similarity, 77.0)
    assert agreement_calibration(similarity, correct, scope=scope) == pytest.approx(values)


def test_wrong_answers_are_paid_for_differing_and_abstentions_are_neutral() -> None:
    same = PAPER.build().score(batch("Paris", "Paris")).values
    different = PAPER.build().score(batch("Paris", "Oslo")).values
    abstained = PAPER.build().score(batch("I don't know", "I don't know.")).values
    assert same.tolist() == [-0.5, -0.5] and different.tolist() == [0, 0] and abstained.tolist() == [0, 0]
    assert PAPER.build().score(batch("Rome")).values.tolist() == [1.0], "alone there is nobody to agree with"
    near = PAPER.build(encoder=CharNGramEncoder()).score(batch("Paris, France", "Paris in France", "Oslo")).values
    assert near[0] < near[2] <= 0.0


def test_no_hack_beats_an_honest_answer() -> None:
    hacks = ["", "Rome Paris Oslo", "Capital of Italy?", "Rome " * 500, "<think>Rome</think>", "I don't know"]
    values = PAPER.build().score(batch("Rome", "Rome", *hacks)).values
    assert (values[2:] < values[0]).all()
    with pytest.raises(UserError, match=r"\[0, 1\)"):
        PAPER.build(weight=1.0)


def test_confidence_at_test_time() -> None:
    found = semantic_confidence([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
    assert found["clusters"].tolist() == [0, 0, 1] and found["confidence"] == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    assert verbalised_confidence_reward([1, 0], [1.0, 1.0]).tolist() == [1.0, -1.0]
