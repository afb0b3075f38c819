"""How much a text repeats itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.repetition import distinct_ngrams, most_frequent_ngram, repeated_ending, repeated_ngrams

WORDS = st.lists(st.sampled_from("ab"), max_size=14)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a b c d", 1.0), ("a a a a", 0.5), ("a b", 1.0), ("", 1.0), ("a b c a b c", 0.75)],
)
def test_distinct_trigrams(text: str, expected: float) -> None:
    assert distinct_ngrams(text.split()) == expected
    assert repeated_ngrams(text.split()) == 1 - expected


def test_most_frequent_ngram() -> None:
    assert most_frequent_ngram("a a a a".split(), 2) == 3
    assert most_frequent_ngram("a b".split(), 3) == 0


def _by_trial(tokens: list[str]) -> float:
    size = len(tokens)
    for ending in range(size, 1, -1):
        tail = tokens[size - ending :]
        for period in range(1, ending // 2 + 1):
            if all(tail[i] == tail[i + period] for i in range(ending - period)):
                return ending / size
    return 0.0


@given(WORDS)
def test_repeated_ending_is_the_longest_loop(tokens: list[str]) -> None:
    assert repeated_ending(tokens) == _by_trial(tokens)


def test_repeated_ending_by_hand() -> None:
    assert repeated_ending("a b c".split()) == 0.0
    assert repeated_ending("x a b a b a".split()) == pytest.approx(5 / 6)
    assert repeated_ending([]) == repeated_ending(["a"]) == 0.0
