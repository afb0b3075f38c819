"""Boxes are read with matched braces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.boxed import boxed_spans, extract_boxed


@pytest.mark.parametrize(
    ("text", "last", "official"),
    [
        (r"\boxed{42}", "42", "42"),
        (r"\boxed{ 42 }", "42", " 42 "),
        (r"\boxed {42}", "42", "{42}"),
        (r"\boxed 42$ and", "42", "42"),
        (r"\boxed{1} then \boxed{2}", "2", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}", r"\frac{1}{2}"),
        (r"\boxed{}", "", ""),
        (r"\boxed{5}}} extra", "5", "5"),
        (r"\boxed{42", None, None),
        (r"\boxed{1} and \boxed{2", None, None),
        (r"\fbox{7}", "7", None),
        (r"\boxed{3} \fbox{7}", "3", "3"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}", r"\{1, 2\}"),
        (r"\boxed{\text{a \} b}}", r"\text{a \} b}", r"\text{a \} b"),
        (r"\boxed{a \\}", r"a \\", r"a \\"),
        (r"\boxed{\boxed{3}}", "3", "3"),
        (r"答案是\boxed{三}", "三", "三"),
        (r"\boxedx{3}", None, None),
        ("boxed{3}", None, None),
        ("", None, None),
        ("\\boxed 5\nnext", "5", "5\nnext"),
        (r"\boxed{1} \boxed 2$", "2", "2"),
        (r"\boxed", None, None),
    ],
)
def test_the_last_box(text: str, last: str | None, official: str | None) -> None:
    assert extract_boxed(text) == last
    assert extract_boxed(text, variant="official") == official


def test_the_first_box_and_its_space() -> None:
    assert extract_boxed(r"\boxed{1} then \boxed{2}", which="first") == "1"
    assert extract_boxed(r"\boxed{ 1 }", strip=False) == " 1 "


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="which='all'"):
        extract_boxed("", which="all")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="variant='mine'"):
        extract_boxed("", variant="mine")  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(["\\boxed", "\\fbox", "{", "}", "\\", "$", " ", "\n", "a", "é"])).map("".join))
def test_odd_text_never_raises_and_spans_are_closed_by_a_brace_or_a_line(text: str) -> None:
    extract_boxed(text, variant="official")
    for start, end in boxed_spans(text):
        assert end == -1 or start <= end <= len(text)
        assert end in (-1, len(text)) or text[end] in "}$\n"
