"""Which script a text is in."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.scripts import SCRIPTS, dominant_script, foreign_ratio, in_script, script_counts


@pytest.mark.parametrize(
    ("text", "script", "expected"),
    [
        ("བཀྲ་ཤིས་བདེ་ལེགས།", "tibetan", True),
        ("Città perché è così", "latin", True),
        ("pаper", "latin", False),  # a Cyrillic letter
        ("西藏自治区今天天气很好。iPhone", "han", False),
        ("नमस्ते दुनिया", "devanagari", True),
        ("مرحبا بالعالم ٢٠٢٤!", "arabic", True),
        ("Привет 😀 42", "cyrillic", True),
        ("東京タワーへ行く", "japanese", True),
        ("東京タワーへ行く", "han", False),
        ("한국어", "hangul", True),
        ("Tiếng Việt", "vietnamese", True),
        ("12345 !?", "latin", False),
        ("", "latin", False),
    ],
)
def test_in_script(text: str, script: str, expected: bool) -> None:
    assert in_script(text, script) is expected


def test_a_share_of_foreign_letters_may_be_allowed() -> None:
    text = "西藏自治区今天天气很好。iPhone"
    assert script_counts(text, "han") == (11, 6)
    assert foreign_ratio(text, "han") == pytest.approx(6 / 17)
    assert in_script(text, "han", max_foreign_ratio=0.4)
    assert not in_script(text, "han", max_foreign_ratio=0.3)
    assert not in_script("hello", "han", max_foreign_ratio=1.0)
    assert math.isnan(foreign_ratio("42", "han"))


def test_dominant_script() -> None:
    assert dominant_script("Wir sehen Москву") == "latin"
    assert dominant_script("东京") == "han"
    assert dominant_script("abаб") == "cyrillic"
    assert dominant_script("1 2 😀") is None


def test_unknown_script() -> None:
    with pytest.raises(ValueError, match="script='klingon' is unknown; choose one of arabic"):
        in_script("x", "klingon")


@given(st.text(), st.sampled_from(sorted(SCRIPTS)))
def test_counts_are_consistent(text: str, script: str) -> None:
    own, foreign = script_counts(text, script)
    assert 0 <= own + foreign <= len(text)
    assert script_counts(text * 2, script) == (2 * own, 2 * foreign)
    assert in_script(text, script) is (own > 0 and foreign == 0)
