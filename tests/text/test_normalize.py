"""Normal forms of answers."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.normalize import ARTICLES, ascii_digits, normalize_multilingual, normalize_squad, strip_accents


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Cat.", "cat"),
        ("a an the", ""),
        ("1,000", "1000"),
        ("U.S.A.", "usa"),
        ("theory of a thing", "theory of thing"),
        ("«Città»", "«città»"),
        ("", ""),
    ],
)
def test_squad(text: str, expected: str) -> None:
    assert normalize_squad(text) == expected


@given(st.text())
def test_squad_is_its_four_steps(text: str) -> None:
    lowered = "".join(c for c in text.lower() if c not in set(string.punctuation))
    assert normalize_squad(text) == " ".join(re.sub(r"\b(a|an|the)\b", " ", lowered).split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Straße", "strasse"),
        ("ＡＢＣ　１２", "abc 12"),
        ("٢٠٢٤ و ۱۲", "2024 و 12"),
        ("L’eau, c'est", "l eau c est"),
        ("東京タワー 2", "東 京 タ ワ ー 2"),
        ("العَرَبِيَّة", "العربية"),
        ("नमस्ते दुनिया", "नमस्ते दुनिया"),
        ("한국어 입니다", "한국어 입니다"),
        ("a\u200bb", "ab"),
        ("😀😀 ok", "😀 😀 ok"),
        ("...", ""),
        ("", ""),
    ],
)
def test_multilingual(text: str, expected: str) -> None:
    assert normalize_multilingual(text) == expected


def test_multilingual_options() -> None:
    assert normalize_multilingual("La Città", accents="strip", drop=ARTICLES["it"]) == "citta"
    assert normalize_multilingual("die Straße", drop=ARTICLES["de"]) == "strasse"
    with pytest.raises(ValueError, match="accents='remove'"):
        normalize_multilingual("x", accents="remove")  # type: ignore[arg-type]


@given(st.text())
def test_multilingual_is_idempotent(text: str) -> None:
    once = normalize_multilingual(text)
    assert normalize_multilingual(once) == once
    assert once == " ".join(once.split())


def test_accents_and_digits() -> None:
    assert strip_accents("Crème brûlée, Ñ, Łódź, й") == "Creme brulee, N, Łodz, и"
    assert strip_accents("हिन्दी") == "हिन्दी"
    assert ascii_digits("१२٣४") == "1234"


@given(st.text())
def test_digits_keep_the_length(text: str) -> None:
    assert len(ascii_digits(text)) == len(text)
