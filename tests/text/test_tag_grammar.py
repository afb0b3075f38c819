"""The order of blocks, and scores of tag templates."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.tag_grammar import (
    SEARCH_GRAMMAR,
    SEARCH_OR_ANSWER_GRAMMAR,
    follows_grammar,
    side_by_side,
    template_score,
)

STEP = "<think>a</think><search>q</search><information>d</information>"
END = "<think>b</think><answer>c</answer>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (END, True),
        (STEP + END, True),
        (STEP * 3 + END, True),
        (f"\n {STEP} \n {END}\t", True),
        ("<think>思考…</think><answer>北京</answer>", True),
        ("", False),
        ("<answer>c</answer>", False),
        (STEP, False),
        (STEP + "<answer>c</answer>", False),
        (END + END, False),
        (END + "x", False),
        (END + "<|im_end|>", False),
        ("x" + END, False),
        ("<think>a</think>so<answer>c</answer>", False),
        ("<think>a<think>b</think></think><answer>c</answer>", False),
        ("<think>a<answer>c</answer>", False),
        ("<think>a</think><answer>c", False),
        ("<think>a</answer>", False),
        ("</think>" + END, False),
        ("<think>a</think><information>d</information>" + END, False),
        ("<THINK>a</THINK><answer>c</answer>", False),
    ],
)
def test_the_search_grammar(text: str, expected: bool) -> None:
    assert follows_grammar(text, SEARCH_GRAMMAR) is expected


def test_other_grammars() -> None:
    assert follows_grammar(STEP + "<answer>c</answer>", SEARCH_OR_ANSWER_GRAMMAR)
    assert follows_grammar("<a>1</a><a>2</a>", {"": ["a"], "a": ["a"]}, final=["a"])
    assert follows_grammar("<a><b></a>", {"": ["a"], "a": ["a"]}, final=["a"])
    assert not follows_grammar("<a>1</a>", {}, final=["a"])


TEMPLATE = st.lists(
    st.sampled_from(["<reasoning>", "</reasoning>", "<answer>", "</answer>", "\n", " ", "x"]), max_size=14
).map("".join)


@given(TEMPLATE)
def test_side_by_side_is_the_regular_expression(text: str) -> None:
    pattern = "<reasoning>.*?</reasoning>\\s*<answer>.*?</answer>"
    assert side_by_side(text, "reasoning", "answer") is (re.search(pattern, text, re.DOTALL) is not None)
    assert side_by_side(text, "reasoning", "answer", whole=True) is (
        re.match(f"^{pattern}$", text, re.DOTALL) is not None
    )


def _official_count(text: str) -> float:
    """The released computation, written out from its description."""
    count = 0.0
    count += 0.125 if text.count("<reasoning>\n") == 1 else 0
    count += 0.125 if text.count("\n</reasoning>\n") == 1 else 0
    if text.count("\n<answer>\n") == 1:
        count += 0.125 - len(text.split("\n</answer>\n")[-1]) * 0.001
    if text.count("\n</answer>") == 1:
        count += 0.125 - (len(text.split("\n</answer>")[-1]) - 1) * 0.001
    return count


@given(TEMPLATE)
def test_the_official_template_score(text: str) -> None:
    assert template_score(text, variant="official") == pytest.approx(_official_count(text), abs=1e-12)


def test_the_template_score_without_the_final_newline() -> None:
    text = "<reasoning>\nabc\n</reasoning>\n<answer>\nSELECT 1\n</answer>"
    assert template_score(text, variant="official") == pytest.approx(0.445)
    assert template_score(text) == pytest.approx(0.5)
    assert template_score(text + "\n") == template_score(text + "\n", variant="official") == 0.5
    assert template_score(text + "\nHope this helps!") < 0.5
    assert template_score("<reasoning>\na\n</reasoning>\n<answer>\nno end") == pytest.approx(0.375)
    assert template_score("") == 0.0


def test_unknown_variant() -> None:
    with pytest.raises(ValueError, match="variant='paper'"):
        template_score("", variant="paper")  # type: ignore[arg-type]
