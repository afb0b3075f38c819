"""Everything on this floor is done with long hostile text at once: quadratic work would take minutes here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from guerdon.text.bleu import smoothed_bleu
from guerdon.text.boxed import extract_boxed
from guerdon.text.choices import extract_choice
from guerdon.text.chrf import chrf
from guerdon.text.code import code_blocks, extract_sql
from guerdon.text.edit_distance import anls
from guerdon.text.json_text import json_values
from guerdon.text.normalize import normalize_multilingual
from guerdon.text.numbers import extract_numbers, parse_number
from guerdon.text.reading import READINGS, read
from guerdon.text.repetition import distinct_ngrams, repeated_ending
from guerdon.text.rouge import rouge_l
from guerdon.text.scripts import dominant_script, in_script
from guerdon.text.tag_grammar import SEARCH_GRAMMAR, follows_grammar, side_by_side, template_score
from guerdon.text.tags import tag_blocks, tags_in_order
from guerdon.text.tool_calls import extract_tool_calls
from guerdon.text.trajectory import TAG_KINDS, parse_trajectory

SIZE = 250_000
REFERENCE = "the cat sat on the mat and then 3.5 dogs ran away. " * 4

REPEATED = [
    "<", "<think>", "</think>", "<think></thinking><search>", "<answer>", "<answer>A</answer>", "<answer a",
    "".join(f"<{tag}>" for tag in TAG_KINDS), "<|channel|>analysis<|message|>", "<reasoning></reasoning>   ",
    "\\boxed{", "\\boxed x ", "\\boxed{A}", "\\boxed{\\text{", "{", "\\", "{\\", "answer ", "answer is ", "answer is\n",
    "答案", "#### ", "####\n", "A or ", "(A)", "1", "1,", "1.", "1/", "2^", "\\frac{1}{2}", "1 x ", "- ", "$",
    '{"a":', '{"', "[1,", '{"a":1} ', "<tool_call>{", "<function=a><parameter=b>", "```\n", "```", "```sql ", "            ```",
    "a ", ". A", " ", "\n", "東京", "😀", "\u0301", "\u200d", "ß", "ﷺ", "&amp;", "-\n",
]  # fmt: skip
TAILED = ["<answer ", "\\boxed", "```sql", "answer:", "answer: ", "<reasoning></reasoning>"]

FUNCTIONS: dict[str, Callable[[str], Any]] = {
    **{f"read {of}": lambda text, of=of: read(text, of) for of in (*READINGS, "<answer>")},  # type: ignore[misc]
    "tag_blocks": lambda text: tag_blocks(text, "answer", strict=False, nested=True),
    "tags_in_order": lambda text: tags_in_order(text, ["think", "answer"]),
    "follows_grammar": lambda text: follows_grammar(text, SEARCH_GRAMMAR),
    "side_by_side": lambda text: side_by_side(text, "reasoning", "answer"),
    "template_score": template_score,
    "extract_boxed": extract_boxed,
    "extract_boxed official": lambda text: extract_boxed(text, variant="official"),
    "extract_choice": lambda text: extract_choice(text, ["Paris", "Rome"]),
    "parse_trajectory": parse_trajectory,
    "code_blocks": code_blocks,
    "extract_sql": extract_sql,
    "extract_sql official": lambda text: extract_sql(text, variant="official"),
    "json_values": lambda text: json_values(text, "{["),
    "extract_tool_calls": extract_tool_calls,
    "extract_numbers": extract_numbers,
    "parse_number": parse_number,
    "normalize_multilingual": lambda text: normalize_multilingual(text, accents="strip"),
    "scripts": lambda text: (in_script(text, "latin"), dominant_script(text)),
    "rouge_l": lambda text: rouge_l(text, REFERENCE),
    "smoothed_bleu": lambda text: smoothed_bleu(text, [REFERENCE]),
    "chrf": lambda text: chrf(text, REFERENCE),
    "anls": lambda text: anls(text, ["Beijing"]),
    "repetition": lambda text: (distinct_ngrams(text.split()), repeated_ending(text.split())),
}


def spread(texts: list[str], name: str) -> list[str]:
    """A sixth of the texts, another sixth for each function, so that all functions meet most kinds in little time."""
    start = sorted(FUNCTIONS).index(name)
    return texts[start % 6 :: 6]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_long_hostile_text(name: str) -> None:
    for unit in spread(REPEATED, name):
        FUNCTIONS[name](unit * (SIZE // len(unit)))
    for head in spread(TAILED, name):
        FUNCTIONS[name](head + " " * SIZE)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_kind_of_hostile_text(name: str) -> None:
    for text in [unit * (4_000 // len(unit)) for unit in REPEATED] + ["", " ", "\x00", "\ud800", "\u202eabc", "İ", "ﬁ"]:
        FUNCTIONS[name](text)
