"""Token F1, multiset and set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.token_f1 import Overlap, token_f1, token_overlap

WORDS = st.lists(st.sampled_from("abc"), max_size=8)


@pytest.mark.parametrize(
    ("candidate", "reference", "multiset", "by_set"),
    [
        ("wind energy", "wind energy", 1.0, 1.0),
        ("The Wind, energy!", "wind energy", 1.0, 1.0),
        ("wind energy in Europe", "wind energy in European countries", 2 / 3, 2 / 3),
        ("wind wind wind energy", "wind energy", 2 / 3, 2 / 3),
        ("wind energy", "wind wind energy", 0.8, 0.8),
        ("a a b b", "b b", 1.0, 0.5),
        ("well-known", "well known", 0.0, 0.0),
        ("café", "cafe", 0.0, 0.0),
        ("x", "", 0.0, 0.0),
        ("", "x", 0.0, 0.0),
        ("", "", 1.0, 1.0),
        ("the", "a", 1.0, 1.0),
    ],
)
def test_f1(candidate: str, reference: str, multiset: float, by_set: float) -> None:
    assert token_f1(candidate, reference) == pytest.approx(multiset)
    assert token_f1(candidate, reference, counting="set") == pytest.approx(by_set)


def test_other_tokens() -> None:
    assert token_f1("東京タワー", "東京", tokenizer="words") == pytest.approx(4 / 7)
    assert token_f1("The cat", "the cat", tokenizer="whitespace") == 0.5
    assert token_overlap("aab", "ab") == Overlap(pytest.approx(2 / 3), 1.0, pytest.approx(0.8))
    with pytest.raises(ValueError, match="counting='bag'"):
        token_f1("x", "x", counting="bag")  # type: ignore[arg-type]


@given(WORDS, WORDS)
def test_bounds_and_symmetry(first: list[str], second: list[str]) -> None:
    for counting in ("multiset", "set"):
        there, back = token_overlap(first, second, counting=counting), token_overlap(second, first, counting=counting)  # type: ignore[arg-type]
        assert (there.precision, there.recall) == (back.recall, back.precision)
        assert 0 <= min(there.precision, there.recall) <= there.f1 + 1e-12 <= max(there.precision, there.recall) + 2e-12
    assert token_overlap(first, sorted(first)).f1 == 1.0
