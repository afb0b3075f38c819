"""Tags on lines of their own, and blocks in order."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch
from guerdon.errors import UserError
from guerdon.rewards import XMLCount, XMLFormat
from guerdon.rewards.xml_format import has_blocks, xml_count

PERFECT = "<reasoning>\nr\n</reasoning>\n<answer>\na\n</answer>\n"
PIECES = st.lists(
    st.sampled_from(
        [
            "<reasoning>",
            "</reasoning>",
            "<answer>",
            "</answer>",
            "\n",
            " ",
            "x",
            "\n</answer>\n",
            "</reasoning><answer>",
        ]
    ),
    max_size=14,
).map("".join)


def test_points() -> None:
    assert xml_count(PERFECT) == xml_count(PERFECT, official=True) == 0.5
    assert xml_count("") == xml_count("<reasoning>a</reasoning><answer>b</answer>") == 0.0
    assert xml_count("<reasoning>\nr\n</reasoning>\n") == 0.25
    assert xml_count(PERFECT + "bye") == pytest.approx(0.494) == xml_count(PERFECT + "bye", official=True)
    assert xml_count(PERFECT * 2) == pytest.approx(0.0)


def test_a_missing_last_line_break_costs_the_whole_text_only_officially() -> None:
    bare = PERFECT.replace("\nr\n", "\n" + "r" * 1500 + "\n").rstrip("\n")
    assert xml_count(bare) == 0.5
    assert xml_count(bare, official=True) < -1.0
    assert xml_count("\n<answer>\n" + "x" * 900) == 0.125
    assert xml_count("\n<answer>\n" + "x" * 900, official=True) == pytest.approx(0.125 - 0.91)


def test_chatter_is_bounded() -> None:
    assert xml_count(PERFECT + "x" * 10_000) == -0.5
    assert XMLCount().range == (-0.5, 0.5)
    assert XMLCount(variant="official").score(Batch([PERFECT + "x" * 10_000])).values[0] == pytest.approx(0.5 - 20)


def test_other_tags() -> None:
    text = "<think>\nr\n</think>\n<sql>\na\n</sql>\n"
    assert XMLCount(tags=("think", "sql")).score(Batch([text])).values.tolist() == [0.5]
    assert XMLFormat(tags=("think", "sql"), strict=True).score(Batch([text])).values.tolist() == [1.0]
    for reward in (XMLCount, XMLFormat):
        with pytest.raises(UserError, match="tags"):
            reward(tags=("think",))
    with pytest.raises(UserError, match="variant"):
        XMLCount(variant="lenient")


@given(PIECES)
def test_blocks_are_those_of_the_released_pattern(text: str) -> None:
    pattern = re.compile(r"<reasoning>.*?</reasoning>\s*<answer>.*?</answer>", re.DOTALL)
    strict = re.compile(r"\s*<reasoning>.*?</reasoning>\s*<answer>.*?</answer>\s*", re.DOTALL)
    assert has_blocks(text) == (pattern.search(text) is not None)
    assert has_blocks(text, strict=True) == (strict.fullmatch(text) is not None)


@given(PIECES)
def test_the_default_is_never_below_the_official_by_more_than_its_bonus(text: str) -> None:
    assert -0.5 <= xml_count(text) <= 0.5
    assert xml_count(text) >= xml_count(text, official=True) - 0.001 - 1e-12


@pytest.mark.parametrize(
    "text", ["<reasoning>" * 90_000, "</reasoning> <answer>" * 50_000, "<reasoning>" + "</reasoning>" + " " * 1_000_000]
)
def test_huge_text(text: str) -> None:
    assert not has_blocks(text) and not has_blocks(text, strict=True) and xml_count(text) <= 0.5
