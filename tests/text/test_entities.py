"""Entities: normal forms, parts of words, names of which nothing is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.entities import entity_recall, mentioned, normal_form


def test_by_hand() -> None:
    assert normal_form("A_b! é") == "a_b" and normal_form("Ελλάδα", tokenizer="words") == "ελλάδα"
    assert mentioned("New\n\nYork", ["New York", "new  YORK!", "Yorkshire"]) == [True, True, False]
    assert mentioned("", ["a", "?"]) == [False, None] and mentioned("x", []) == []
    assert entity_recall([None, None]) == 0.0 and entity_recall([None], variant="official") == 1.0
    with pytest.raises(ValueError, match="tokenizer"):
        normal_form("a", tokenizer="letters")


@given(st.text(max_size=40), st.text(max_size=10))
def test_whole_words_are_words(text: str, name: str) -> None:
    part, whole = mentioned(text, [name])[0], mentioned(text, [name], whole_words=True)[0]
    assert (part is None) == (whole is None) and (not whole or part)
    assert mentioned(f"{text} {name}", [name], whole_words=True)[0] in (True, None)
