"""Edit distance against the table of the textbook."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.edit_distance import anls, edit_distance, edit_similarity

WORDS = st.text(alphabet="abc", max_size=14)


def by_table(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        before, row = row, [i]
        for j, b in enumerate(second, start=1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
    return row[-1]


@given(WORDS, WORDS)
def test_distance(first: str, second: str) -> None:
    assert edit_distance(first, second) == edit_distance(second, first) == by_table(first, second)


def test_long_texts_and_tokens() -> None:
    assert edit_distance("a" * 3000, "a" * 2000) == 1000
    assert edit_distance("ab" * 1000, "ba" * 1000) == 2
    assert edit_distance(["the", "cat"], ["the", "dog"]) == 1


def test_similarity() -> None:
    assert edit_similarity("", "") == 1.0
    assert edit_similarity("abc", "") == 0.0
    assert edit_similarity("abcd", "abce") == 0.75


@pytest.mark.parametrize(
    ("candidate", "references", "expected"),
    [
        ("Beijing", ["Beijing"], 1.0),
        ("Beijin", ["foo", "Beijing"], 6 / 7),
        ("abc", ["ABC"], 0.0),
        ("ab", ["cb"], 0.0),  # a distance of exactly the threshold
        ("", [""], 1.0),
    ],
)
def test_anls(candidate: str, references: list[str], expected: float) -> None:
    assert anls(candidate, references) == pytest.approx(expected)


def test_anls_threshold_and_no_reference() -> None:
    assert anls("ab", ["cb"], threshold=0.6) == 0.5
    with pytest.raises(ValueError, match="references is empty"):
        anls("x", [])
