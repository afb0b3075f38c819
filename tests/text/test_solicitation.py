"""Closing sentences that ask to be liked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.solicitation import without_solicitation


@pytest.mark.parametrize(
    "closing",
    [
        "Did that help?",
        "I hope this helps!",
        "Let me know if you have any other questions.",
        "Is that what you wanted?",
        "Feel free to ask anything else!",
        "I apologize for any confusion.",
        "I'm sorry if that was unclear. Does this answer your question?",
        "Thank you for your question! Was this useful?",
    ],
)
def test_begging_is_left_out(closing: str) -> None:
    assert without_solicitation(f"It is 4. {closing}") == "It is 4."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is 4.",
        "Did that help? No. It is 4.",
        "Did that help?",
        "Is that clear enough to prove? Yes, by induction.",
        "你好。",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert without_solicitation(text) == text


@given(st.text(max_size=300))
def test_what_is_left_is_the_beginning_of_the_text(text: str) -> None:
    left = without_solicitation(text)
    assert text.startswith(left)


@pytest.mark.parametrize("piece", ["Did that help? ", "let me know ", "is this ", "hope a a ", "sorry "])
def test_a_megabyte_is_no_matter(piece: str) -> None:
    without_solicitation(piece * (1_000_000 // len(piece)))
