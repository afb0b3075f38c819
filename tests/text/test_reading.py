"""What a reward reads of a completion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.reading import READINGS, check_reading, read

TEXT = "<think>2+2 <explanation>draft</explanation></think>\n<explanation> Add. </explanation>\nThe answer is 4."


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("whole", TEXT),
        ("visible", "<explanation> Add. </explanation>\nThe answer is 4."),
        ("thinking", "2+2 <explanation>draft</explanation>"),
        ("answer", "4"),
        ("reply", "<explanation> Add. </explanation>\nThe answer is 4."),
        ("answer-or-whole", TEXT),
        ("<explanation>", "Add."),
        ("<think>", "2+2 <explanation>draft</explanation>"),
        ("<proof>", None),
    ],
)
def test_readings(of: str, expected: str | None) -> None:
    assert read(TEXT, of) == expected


def test_what_is_only_thought_is_not_read() -> None:
    assert read("<think><proof>x</proof></think>4", "<proof>") is None
    assert read("<think>The answer is 5", "answer") is None
    assert read("no thought", "thinking") is None
    assert read("<think>cut off", "visible") == ""


@pytest.mark.parametrize("of", ["", "answers", "<a b>", "</a>", "<>", "<a", "Whole"])
def test_unknown_readings_name_the_choices(of: str) -> None:
    with pytest.raises(ValueError, match=r"choose 'whole', 'visible', 'thinking', 'answer', .* or a tag") as raised:
        read("text", of)
    assert repr(of) in str(raised.value)


def test_check_reading() -> None:
    assert [check_reading(of) for of in READINGS] == list(READINGS)
    assert check_reading("<final_answer>") == "final_answer"


@given(st.text(), st.sampled_from([*READINGS, "<answer>", "<think>"]))
def test_reading_never_raises_on_what_a_policy_writes(text: str, of: str) -> None:
    assert isinstance(read(text, of), (str, type(None)))
