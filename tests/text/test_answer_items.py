"""Lists as people write them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.answer_items import answer_items, item_key, stated_list


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("red, green and blue", ["red", "green", "blue"]),
        ("red, green, and blue.", ["red", "green", "blue"]),
        ("x=1 or x=2", ["x=1", "x=2"]),
        ("1. Rome\n2. Paris", ["Rome", "Paris"]),
        ("- a, b\n- c", ["a, b", "c"]),
        ("a\nb, c", ["a", "b", "c"]),
        ("a; b, c; d", ["a", "b, c", "d"]),
        ("(1, 2), (3, 4)", ["(1, 2)", "(3, 4)"]),
        ("[(1, 2), (3, 4)]", ["(1, 2)", "(3, 4)"]),
        (r"\{1, 2\}", ["1", "2"]),
        (r"$\left(1, 2\right)$", ["1", "2"]),
        ('["a, b", 2, null, true]', ["a, b", "2", "true"]),
        ("1,234, 5", ["1,234", "5"]),
        ("1,234", ["1,234"]),
        ("北京、上海，广州", ["北京", "上海", "广州"]),
        (r"1 \text{ and } 2", ["1", "2"]),
        (r"\text{red and blue}", [r"\text{red and blue}"]),
        ("sand and oranges", ["sand", "oranges"]),
        ("one", ["one"]),
        (", ,", []),
        ("", []),
        ("[]", []),
    ],
)
def test_answer_items(text: str, items: list[str]) -> None:
    assert answer_items(text) == items


def test_equal_items_have_equal_keys() -> None:
    assert item_key("0.5") == item_key(r"\frac{1}{2}") == item_key("1/2")
    assert item_key("São  Paulo") == item_key("são paulo.") != item_key("Sao Paulo")
    assert item_key("x^{2}") == item_key("$x^2$") != item_key("x^3")
    assert item_key("x=1") != item_key("1")
    assert item_key("!") == "!"


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("The answer is a, b.", "a, b"),
        ("<answer>\n- a\n- b\n</answer>", "- a\n- b"),
        (r"\boxed{a} and \boxed{b}", "a,b"),
        ("a, b", "a, b"),
        ("word " * 300, None),
    ],
)
def test_stated_list(text: str, stated: str | None) -> None:
    assert stated_list(text) == stated


@pytest.mark.parametrize(
    "text", ["," * 300_000, "(" * 300_000, "and " * 100_000, "[" * 100_000, "- a\n" * 60_000, "{}," * 90_000]
)
def test_hostile_lists_take_linear_time(text: str) -> None:
    started = time.process_time()
    for item in answer_items(text)[:1000]:
        item_key(item)
    assert time.process_time() - started < 10, "a quadratic scan would take minutes"


@given(st.text(max_size=100))
def test_no_text_breaks_it(text: str) -> None:
    assert all(item.strip() == item and item for item in answer_items(text))
    {item_key(item) for item in answer_items(text)}


@given(st.lists(st.from_regex(r"[b-y]{3,8}", fullmatch=True), min_size=1, max_size=8))
def test_lists_are_read_back(items: list[str]) -> None:
    words = [item for item in items if item not in ("and", "or")]
    assert answer_items(", ".join(words)) == words
