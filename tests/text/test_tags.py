"""Tagged blocks, strict and lenient, and their order."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.tags import extract_tag, tag_blocks, tag_counts, tags_in_order

PIECES = st.lists(
    st.sampled_from(["<a>", "</a>", "<a", ">", "x", " ", "<A>", "</a >", '<a id="1">', "<b>", "</b>"])
).map("".join)


@given(PIECES)
def test_strict_blocks_are_those_of_the_regular_expression(text: str) -> None:
    expected = [(m.start(), m.end(), m[1]) for m in re.finditer("<a>(.*?)</a>", text, re.DOTALL)]
    assert [(block.start, block.end, block.content) for block in tag_blocks(text, "a")] == expected


@given(PIECES, st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["first", "nearest"]))
def test_spans_point_at_the_contents(text: str, strict: bool, nested: bool, unclosed: bool, opening: str) -> None:
    for block in tag_blocks(text, "a", strict=strict, nested=nested, unclosed=unclosed, opening=opening):  # type: ignore[arg-type]
        assert text[block.content_start : block.content_end] == block.content
        assert 0 <= block.start < block.content_start <= block.content_end <= block.end <= len(text)


def test_opening_nearest_and_nested() -> None:
    text = "<a>1<a>2</a>3</a>"
    assert [b.content for b in tag_blocks(text, "a")] == ["1<a>2"]
    assert [b.content for b in tag_blocks(text, "a", opening="nearest")] == ["2"]
    assert [b.content for b in tag_blocks(text, "a", nested=True)] == ["1<a>2</a>3", "2"]


def test_lenient_blocks_have_attributes() -> None:
    (block,) = tag_blocks('<Strategy  id="1" >x</ strategy>', "strategy", strict=False)
    assert (block.content, block.attributes) == ("x", 'id="1"')
    assert tag_blocks('<strategy id="1">x</strategy>', "strategy") == []
    assert tag_blocks("<strategyx>x</strategy>", "strategy", strict=False) == []


def test_unclosed_blocks() -> None:
    assert extract_tag("<a>1</a><a>2", "a") == "1"
    assert extract_tag("<a>1</a><a>2", "a", unclosed=True) == "2"
    assert extract_tag("</a>1", "a", unclosed=True) is None


@pytest.mark.parametrize(
    ("which", "expected"), [("last", "2"), ("first", "1"), ("only", None)], ids=["last", "first", "only"]
)
def test_which_block(which: str, expected: str | None) -> None:
    assert extract_tag("<a> 1 </a><a>2</a>", "a", which=which) == expected  # type: ignore[arg-type]


def test_content_is_stripped_on_demand() -> None:
    assert extract_tag("<a>\n x\n</a>", "a", strip=False) == "\n x\n"
    assert extract_tag("<a></a>", "a") == ""


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"which='all'.*'last', 'first' or 'only'"):
        extract_tag("", "a", which="all")  # type: ignore[arg-type]
    for tag in ("", "<a>", "a b"):
        with pytest.raises(ValueError, match="bare name"):
            tag_blocks("", tag)


@pytest.mark.parametrize(
    ("text", "strict", "loose"),
    [
        ("<think>a</think><answer>b</answer>", True, True),
        ("\n<think>a</think>\n\n<answer>b</answer>\n", True, True),
        ("<think></think><answer></answer>", True, True),
        ("So <think>a</think><answer>b</answer>", False, True),
        ("<think>a</think> so <answer>b</answer>", False, True),
        ("<think>a</think><answer>b</answer>.", False, True),
        ("<answer>b</answer><think>a</think>", False, False),
        ("<think>a<answer>b</answer></think>", False, False),
        ("<think>a</think><answer>b</answer><answer>c</answer>", False, False),
        ("<think>a</think><answer>b</answer></answer>", False, False),
        ("<think>a</think><answer>b", False, False),
        ("<think>a<think>b</think><answer>c</answer>", False, False),
        ("</think>a<think><answer>c</answer>", False, False),
        ("<THINK>a</THINK><answer>b</answer>", False, False),
        ("", False, False),
    ],
)
def test_tags_in_order(text: str, strict: bool, loose: bool) -> None:
    assert tags_in_order(text, ["think", "answer"]) is strict
    assert tags_in_order(text, ["think", "answer"], strict=False) is loose


def test_no_tags_in_order() -> None:
    assert tags_in_order(" \n", [])
    assert not tags_in_order("x", [])
    assert tags_in_order("x", [], strict=False)


def test_counts() -> None:
    assert tag_counts("<a></a><a>", "a") == (2, 1)
