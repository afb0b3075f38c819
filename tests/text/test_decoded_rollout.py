"""Decoded rollouts are read as released code reads them."""

from __future__ import annotations

import pytest

from guerdon.text.decoded_rollout import (
    MARKER,
    after_marker,
    decoded_answer,
    decoded_documents,
    decoded_queries,
    decoded_question,
    decoded_text,
    is_decoded_form,
    queries_before_answer,
)

PROMPT = "e.g. <answer> Rome </answer> <search> query </search>. Question: Who?\n"


def test_one_text_of_prompt_and_response() -> None:
    assert decoded_text("yes") == "yes" and decoded_text(None) == ""
    assert decoded_text("yes", "q") == f"q\n{MARKER}\nyes"
    assert decoded_text("yes", f"q{MARKER}\n") == f"q{MARKER}\nyes"
    assert decoded_text(f"q{MARKER}yes", "p") == f"pq{MARKER}yes"
    messages = [
        {"role": "assistant", "content": "<search>a</search>"},
        {"role": "user", "content": "<information>b</information>"},
    ]
    assert decoded_text(messages) == "<search>a</search>\n<information>b</information>"


def test_the_answer_of_the_response() -> None:
    assert decoded_answer(f"{PROMPT}{MARKER}<answer>\nNew\nYork</answer>") == "New\nYork"
    assert decoded_answer(f"{PROMPT}{MARKER}none") is None and decoded_answer(PROMPT) == "Rome"
    assert decoded_answer(f"{PROMPT}{MARKER}none", examples=1) is None
    assert decoded_answer("<answer>a</answer><answer></answer>", examples=1) == ""
    assert after_marker("no") is None


def test_searches_wherever_they_stand() -> None:
    assert decoded_queries(f"{PROMPT}<search>##</search><search>a##b</search>") == [["query"], [], ["a", "b"]]
    assert decoded_documents("<information>##</information><information>a ## b</information>") == [[], [["a"], ["b"]]]
    assert decoded_question("Question:\n\n Who? \nx") == "Who?" and decoded_question("Question:") == ""


def test_queries_up_to_the_last_answer() -> None:
    text = "<SEARCH>A</search><answer>1</answer><search>İB</search><answer>2</answer><search>C</search>"
    assert queries_before_answer(text) == ["A", "İB"]
    assert queries_before_answer("<search>A</search><answer>1") == ["A"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{MARKER}\n<think>a</think><answer>b</answer>\n", True),
        (f"{MARKER}<think>a</think><answer>b</answer><|im_end|>", False),
        ("<think>a</think><answer>b</answer>", False),
        (f"{MARKER}{MARKER}<think>a</think><answer>b</answer>", False),
    ],
)
def test_form(text: str, expected: bool) -> None:
    assert is_decoded_form(text) is expected
