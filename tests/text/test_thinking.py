"""Thinking is found in every way models write it, and never leaks into what the reader sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.thinking import strip_thinking, thinking, thinking_spans

TEXTS = st.text() | st.lists(
    st.sampled_from(
        ["<think>", "</think>", "<thinking>", "</THINK>", "[THINK]", "a", " ", "<|channel|>analysis<|message|>"]
    )
).map("".join)


@pytest.mark.parametrize(
    ("text", "visible", "thought"),
    [
        ("", "", ""),
        ("4", "4", ""),
        ("  4 ", "4", ""),
        ("<think>hm</think>4", "4", "hm"),
        ("<think>\nhm\n</think>\n\n4", "4", "hm"),
        ("<THINK>hm</Think>4", "4", "hm"),
        ("<thinking>hm</thinking>4", "4", "hm"),
        ("<reasoning>hm</reasoning><answer>4</answer>", "<answer>4</answer>", "hm"),
        ("<seed:think>hm</seed:think>4", "4", "hm"),
        ("[THINK]hm[/THINK]4", "4", "hm"),
        ("◁think▷hm◁/think▷4", "4", "hm"),
        ("<|begin_of_thought|>hm<|end_of_thought|>4", "4", "hm"),
        # The chat template has opened the block in the prompt.
        ("hm</think>4", "4", "hm"),
        # Cut off while thinking.
        ("<think>hm", "", "hm"),
        ("4 <think>and yet", "4", "and yet"),
        # Several blocks; a later closing mark that nothing opened hides all before it.
        ("<think>a</think>b<think>c</think>d", "bd", "a\n\nc"),
        ("<think>a</think>b</think>c", "c", "<think>a</think>b"),
        # Nested, and thought that speaks of the mark itself.
        ("<think>a<think>b</think>c</think>d", "d", "<think>a<think>b</think>c"),
        ("<think>I write <think> first</think>4", "4", "I write <think> first"),
        # A mark of another family does not close the block.
        ("<think>a</thinking>b</think>c", "c", "a</thinking>b"),
        ("a thinker <thinkable> b", "a thinker <thinkable> b", ""),
    ],
)
def test_thinking_and_what_is_visible(text: str, visible: str, thought: str) -> None:
    assert strip_thinking(text) == visible
    assert thinking(text) == thought


def test_channels() -> None:
    text = (
        "<|channel|>analysis<|message|>Let me see.<|end|>"
        "<|start|>assistant<|channel|>commentary to=functions.f<|message|>{}<|call|>"
        "<|start|>assistant<|channel|>final<|message|>It is 4.<|return|>"
    )
    assert thinking(text) == "Let me see."
    assert strip_thinking(text) == "{}It is 4."
    assert strip_thinking("<|channel|>analysis<|message|>cut off") == ""
    assert strip_thinking("<|channel|>final<|message|>It is 4.") == "It is 4."


def test_channels_decoded_without_special_tokens() -> None:
    text = "analysisLet me see.assistantfinalIt is 4."
    assert (thinking(text), strip_thinking(text)) == ("Let me see.", "It is 4.")
    assert strip_thinking("analysis of the poem") == "analysis of the poem"


@given(TEXTS)
def test_spans_are_disjoint_in_order_and_within_the_text(text: str) -> None:
    edges = [edge for span in thinking_spans(text) for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(text) for edge in edges)


@given(TEXTS)
def test_stripping_twice_changes_nothing_more_for_plain_text(text: str) -> None:
    visible = strip_thinking(text)
    assert visible == visible.strip()
    assert len(visible) <= len(text)
