"""Answers compared word for word, and phrases found in texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.exact_match import contains_phrase, exact_match


@pytest.mark.parametrize(
    ("answer", "accepted", "expected"),
    [
        ("The Eiffel Tower", "eiffel tower", True),
        ("NYC", ["New York", "nyc"], True),
        ("3.0", ["3"], False),
        ("", [""], False),
        ("", ["the"], False),
        ("A", ["a"], True),
        ("the", ["a"], False),
        ("dog", [], False),
    ],
)
def test_exact_match(answer: str, accepted: str | list[str], expected: bool) -> None:
    assert exact_match(answer, accepted) is expected


def test_official_takes_answers_without_words_for_equal() -> None:
    assert exact_match("the", ["a"], variant="official") and exact_match("", [""], variant="official")
    assert not exact_match("the cat", ["a"], variant="official")
    with pytest.raises(ValueError, match="variant"):
        exact_match("a", "b", variant="strict")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tokenizer"):
        exact_match("a", "b", tokenizer="none")


def test_other_tokenizers() -> None:
    assert exact_match("ＲＯＭＡ", "roma", tokenizer="words") and not exact_match("ＲＯＭＡ", "roma")


@pytest.mark.parametrize(
    ("text", "phrase", "expected"),
    [
        ("We cannot say.", "Ann", False),
        ("led by Ann-Lee.", "ann lee", True),
        ("他在北京大学读书", "北京", True),
        ("He was born in 1945.", "4", False),
        ("anything", "", False),
        ("anything", "...", False),
        ("", "a", False),
        ("a\x1fb", "a b", True),
    ],
)
def test_contains_phrase(text: str, phrase: str, expected: bool) -> None:
    assert contains_phrase(text, phrase) is expected


@given(st.text(max_size=30), st.text(max_size=10))
def test_any_text(text: str, phrase: str) -> None:
    assert exact_match(text, text) is bool(text.strip())
    contains_phrase(text, phrase)


def test_hostile_text_is_linear() -> None:
    assert not contains_phrase("a " * 200_000, "a " * 1_000 + "b")
