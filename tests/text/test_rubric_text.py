"""Rubrics, winners, label lists and details of answers as they are read from text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.label_list import (
    FORMATS,
    SUPPORT_LABELS,
    fits_format,
    parse_labels,
    reasoning_format,
    reasoning_parts,
)
from guerdon.text.leakage import answer_details, leaks_answer
from guerdon.text.rubric_text import item_text, json_items, listed_items, rubric_items, sectioned_items, tagged_items
from guerdon.text.winners import evaluated_winner, first_winner, last_winner

WRITTEN = {
    "json": '["support", "not_support"]',
    "csv": "support,not_support",
    "comma_separated": "support, not_support",
    "python_list": "['support', 'not_support']",
    "yaml": "- support\n- not_support",
    "markdown": "* support\n* not_support",
    "xml": "<labels>\n<label>support</label>\n<label>not_support</label>\n</labels>",
    "tsv": "support\tnot_support",
    "numbered": "1. support\n2. not_support",
    "pipe_separated": "support|not_support",
}


def test_tagged_items() -> None:
    text = "Rubric:\n 1. The response is short.  [hard rule] extra\n2) [Principle]\n3. x [Hard Rule] y [Principle]\n4 z [Principle]"
    assert tagged_items(text) == [
        {"text": "The response is short.", "type": "hard_rule"},
        {"text": "x", "type": "hard_rule"},
    ]


def test_other_forms() -> None:
    assert sectioned_items("**Hard Rules:**\n1. (Failed to parse rubric)\n\n## Principles\n- kind") == [
        {"text": "kind", "type": "principle"}
    ]
    assert json_items('{"a": 1} {"rubrics": ["x", {"text": "y", "kind": "hard"}, 3]} {"b": []}') == [
        {"text": "x", "type": "principle"},
        {"text": "y", "type": "hard_rule"},
    ]
    assert listed_items("a\n1. b\n- c\n-d") == [{"text": "b", "type": "principle"}, {"text": "c", "type": "principle"}]
    assert rubric_items("nothing") == [] and item_text({"criterion": "", "rule": "r"}) == "r"


@pytest.mark.parametrize(
    ("text", "last", "first", "evaluated"),
    [
        ("Winner: Response A", "A", "A", "A"),
        ("winner: response b", None, "B", "B"),
        ("Winner: Response A or Response B", None, "A", "A"),
        ("Winner: Response Apple", None, None, None),
        ("Winner:\nResponse B", None, "B", "B"),
        ("Winner: B", None, "B", "B"),
        ("Winner: **Response B**", "B", None, None),
        ("Final Winner: A\nWinner: Response B", "B", "A", "A"),
        ("I like: Response A", None, None, "A"),
        ("", None, None, None),
    ],
)
def test_winners(text: str, last: str | None, first: str | None, evaluated: str | None) -> None:
    assert (last_winner(text), first_winner(text), evaluated_winner(text)) == (last, first, evaluated)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_is_read_and_fits(form: str) -> None:
    for strict in (False, True):
        assert parse_labels(WRITTEN[form], strict=strict) == ["support", "not_support"]
    assert fits_format(WRITTEN[form], form)
    assert not fits_format("support", form) and not fits_format(WRITTEN[form], None)


@given(labels=st.lists(st.sampled_from(SUPPORT_LABELS), min_size=2, max_size=10), form=st.sampled_from(FORMATS))
def test_written_lists_are_read(labels: list[str], form: str) -> None:
    written = WRITTEN[form].replace("not_support", "Z").replace("support", "Y")
    separator = written[written.index("Y") + 1 : written.index("Z")]
    text = written[: written.index("Y")] + separator.join(labels) + written[written.index("Z") + 1 :]
    numbered = "\n".join(f"{k}. {label}" for k, label in enumerate(labels, 1))
    assert parse_labels(numbered if form == "numbered" else text, strict=True) == labels


def test_junk_beside_labels() -> None:
    assert parse_labels("support\nDone.\nnot_support") == ["support", "not_support"]
    assert parse_labels("support\nDone.\nnot_support", strict=True) == []
    assert parse_labels("<label>support</label> or so", strict=True) == []
    assert parse_labels("{'support'}") == parse_labels("[__import__('os').getcwd()]") == parse_labels("[" * 9_999) == []


def test_reasoning() -> None:
    assert reasoning_parts("a</reasoning>b") == ("", "a</reasoning>b")
    assert reasoning_parts("</reasoning><reasoning>") is None
    assert reasoning_format("<reasoning>a</reasoning>b</reasoning>") == 0.0
    assert reasoning_format("</reasoning>a<reasoning>b") == 0.0


def test_details_of_answers() -> None:
    assert answer_details("The response is short. It says HTTP twice.") == set()
    assert leaks_answer("The response says 42.", "Meaning of life?", ["It is 42."])
    assert not leaks_answer("The response says 42.", "Why 42?", ["It is 42."])
    assert not leaks_answer("The response says 42.", "Why?", ["It is 420."])
    assert leaks_answer('The response uses "once more".', "Why?", ["Once more, why?"])


def test_hostile_text_takes_linear_time() -> None:
    size = 300_000
    hostile = [
        "1. " + " " * size,
        "1. x " * size,
        "[" * size,
        "{" * size,
        '"' * size,
        "Winner:" * size,
        "<label>" * size,
        "A" * size,
    ]
    hostile += [" Xx" * size, "1" * size, "- " * size, "Response " * size]
    started = time.monotonic()
    for text in hostile:
        rubric_items(text), parse_labels(text), last_winner(text), evaluated_winner(text), answer_details(text)
        reasoning_parts(text)
    assert time.monotonic() - started < 60, "a quadratic reading would take minutes"
