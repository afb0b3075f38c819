"""N-gram counts against a plain count."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.ngrams import NgramTable, multiset_jaccard, ngram_jaccard, ngrams

WORDS = st.lists(st.sampled_from("abc"), max_size=12)


@given(st.lists(WORDS, max_size=3), WORDS, st.integers(1, 5))
def test_matches_are_the_clipped_counts(references: list[list[str]], tokens: list[str], order: int) -> None:
    expected = []
    for n in range(1, order + 1):
        most: Counter[tuple[object, ...]] = Counter()
        for reference in references:
            most |= Counter(ngrams(reference, n))
        expected.append((most & Counter(ngrams(tokens, n))).total())
    assert NgramTable(references, order).matches(tokens) == expected


def test_order_and_n_start_at_one() -> None:
    for call in (lambda: NgramTable([], 0), lambda: list(ngrams("ab", 0))):
        with pytest.raises(ValueError, match="must be at least 1"):
            call()


@pytest.mark.parametrize(
    ("first", "second", "n", "expected"),
    [
        ("the cat sat", "the cat ran", 1, 0.5),
        ("the cat sat", "the cat ran", 2, 1 / 3),
        ("same words", "same words", 2, 1.0),
        ("one", "one", 2, 0.0),
        ("", "", 1, 0.0),
        ("東京", "東海", 1, 1 / 3),
    ],
)
def test_ngram_jaccard(first: str, second: str, n: int, expected: float) -> None:
    assert ngram_jaccard(first, second, n) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("aab", "abc", 0.5), ("", "", 1.0), ("a", "", 0.0), ("ab", "ba", 1.0), ("aa", "a", 0.5)],
)
def test_multiset_jaccard(first: str, second: str, expected: float) -> None:
    assert multiset_jaccard(first, second) == expected
