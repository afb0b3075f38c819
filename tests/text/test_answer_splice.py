from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.answer_splice import SPLICINGS, Splice, splice_reference
from guerdon.text.reasoning_form import FORMS, has_form

GOOD = "<think>2+2</think><answer>5</answer>"


def test_after_the_first_tag() -> None:
    assert splice_reference("a<answer>1</answer><answer>2", "4") == Splice("a<answer>", "4", 0, True)
    assert splice_reference("<think>a", "4") == Splice("<think>a<answer>", "4", 0, False)


def test_boxed() -> None:
    found = splice_reference("a<answer confident>1</answer>", "4", "boxed")
    assert found == Splice("a<answer", "> \\boxed{ 4 } </answer>", 0, True)
    assert not splice_reference("a", "4", "boxed").place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, Splice("<think>2+2</think><answer>", " 4", 1, True)),
        ("<think>a</think> so\n<answer>\n 5 </answer>.", Splice("<think>a</think> so\n<answer>\n", " 4", 1, True)),
        ("<think>a</think><answer>\n5</answer>", Splice("<think>a</think><answer>\n", "4", 0, True)),
        ("<think>a</think>b", Splice("<think>a</think> <answer>", " 4", 1, False)),
        ("<think>a", Splice("<think>a</think> <answer>", " 4", 1, False)),
        ("<think>a</think><answer> </answer>", Splice("<think>a</think> <answer>", " 4", 1, False)),
        ("<think>a</think><answer>5</answer><answer>6</answer>", Splice("<think>a</think> <answer>", " 4", 1, False)),
        ("", Splice("<answer>", " 4", 1, True)),
    ],
)
def test_in_place_of_the_answer(text: str, expected: Splice) -> None:
    assert splice_reference(text, "4", "answer") == expected


def test_block() -> None:
    target = "\n<answer>\n4\n</answer>"
    assert splice_reference(GOOD, "4", "block") == Splice("<think>\n2+2\n</think>\n", target, 0, True)
    assert splice_reference("", "4", "block") == Splice("", target, 0, False)
    with pytest.raises(ValueError, match="choices: tag"):
        splice_reference("", "4", "end")  # type: ignore[arg-type]


@given(st.text(alphabet="<>/ab \nthinkswer", max_size=60), st.sampled_from(SPLICINGS))
def test_the_own_answer_is_never_read(text: str, how: str) -> None:
    said = [f"<think>{text.replace('<', '')}</think><answer>{answer}</answer>" for answer in ("1", "2 or 3")]
    one, other = (splice_reference(each, "4", how) for each in said)  # type: ignore[arg-type]
    assert one == other and one.place


def test_forms_by_hand() -> None:
    cases = {
        GOOD: (True, True, True),
        " " + GOOD: (False, True, True),
        GOOD + " Done.": (True, True, False),
        "<answer>5</answer>": (False, True, False),
        "</answer><answer>": (False, False, False),
        "<think>a<think>b</think><answer>5</answer>": (False, True, True),
        GOOD + "<answer>6</answer>": (False, False, False),
        "<think>\n a\n</think>\n<answer>\n5\n</answer>\n": (True, True, True),
        "": (False, False, False),
    }
    for text, expected in cases.items():
        assert tuple(has_form(text, form) for form in FORMS) == expected, text  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="choices"):
        has_form("", "loose")  # type: ignore[arg-type]


def test_hostile_text_is_linear() -> None:
    for text in ("<think>" * 150_000, "<answer>" * 130_000, "</think><answer" * 70_000, " " * 1_000_000):
        for how in SPLICINGS:
            splice_reference(text, "4", how)  # type: ignore[arg-type]
