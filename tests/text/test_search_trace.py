"""What the policy asked, what the environment returned, and where the steps lie."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.search_trace import (
    SEARCH_TAGS,
    Search,
    follows_turns,
    matched_documents,
    policy_steps,
    query_of,
    searches,
    split_documents,
    split_queries,
)
from guerdon.text.tag_grammar import SEARCH_GRAMMAR, SEARCH_OR_ANSWER_GRAMMAR
from guerdon.text.trajectory import Trajectory, Turn, parse_trajectory


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def tool(text: str) -> dict[str, str]:
    return {"role": "tool", "content": text}


def parsed(*messages: dict[str, Any]) -> Trajectory:
    return parse_trajectory(list(messages), tags=SEARCH_TAGS)


def found(*messages: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(search.query, search.found) for search in searches(parsed(*messages))]


def test_each_return_belongs_to_its_search() -> None:
    assert found(said("<search>a</search>"), tool("1"), said("<search>b</search>"), tool("2")) == [
        ("a", "1"),
        ("b", "2"),
    ]
    assert found(said("<search>a</search><search>b</search>"), tool("1")) == [("a", "1"), ("b", None)]
    assert found(said("<search>a</search>"), tool("1"), tool("2")) == [("a", "1\n\n2")]
    assert found(tool("0"), said("<search>a</search>")) == [("a", None)]
    assert found(said("<search>a</search>"), tool("")) == [("a", "")]


def test_tool_calls_are_searches() -> None:
    calls = [
        {"id": "1", "function": {"name": "search", "arguments": '{"query": "a"}'}},
        {"id": "2", "function": {"name": "search", "arguments": '{"queries": ["b", "c"]}'}},
        {"id": "3", "function": {"name": "clock", "arguments": "{}"}},
    ]
    assert found({"role": "assistant", "tool_calls": calls}, tool("1"), tool("2")) == [("a", "1"), ("b ## c", "2")]
    assert query_of(Turn("tool_call", "assistant", "", 0, 0, "s", {"query": 3})) is None
    assert query_of(Turn("tool_call", "assistant", "x", 0, 0, "s", None)) is None


def test_what_the_policy_writes_is_not_found() -> None:
    text = "<search>a</search><information>gold</information>"
    assert found(said(text)) == [("a", None)]
    assert searches(parse_trajectory(f"<think>{text}</think>", tags=SEARCH_TAGS)) == ()
    spans = [(18, len(text))]
    assert searches(parse_trajectory(text, environment_spans=spans, tags=SEARCH_TAGS))[0].found == "gold"
    user = {"role": "user", "content": "<information>gold</information>"}
    assert found(said("<search>a</search>"), user) == [("a", "gold")]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([said("<think>a</think><answer>b</answer>")], True),
        ([said("<think>a</think><search>q</search>"), tool("d"), said("<think>b</think><answer>c</answer>")], True),
        (
            [
                said("<think>a</think><search>q</search>"),
                tool("d"),
                tool("e"),
                said("<think>b</think><answer>c</answer>"),
            ],
            True,
        ),
        ([said("<think>a</think><search>q</search>"), said("<think>b</think><answer>c</answer>")], False),
        ([said("<think>a</think><search>q</search>"), tool("d"), said("<answer>c</answer>")], False),
        (
            [
                said("<think>a</think><search>q</search>"),
                tool("</answer><answer>x"),
                said("<think>b</think><answer>c</answer>"),
            ],
            True,
        ),
        ([said("<think>a</think>so <answer>b</answer>")], False),
        ([said("<think>a</think><answer>b</answer> bye")], False),
        ([said("<think>a<think>b</think></think><answer>b</answer>")], False),
        ([said("<think>a</think><answer>b</answer><answer>c</answer>")], False),
        ([said("<think>a</think><answer>b")], False),
        ([said("<think>a <answer>b</answer>")], False),
        (
            [said("<think>a</think><search>q</search><information>x</information><think>b</think><answer>c</answer>")],
            False,
        ),
        ([said("a</think><answer>b</answer>")], True),
        ([said("")], False),
        ([], False),
    ],
)
def test_form(messages: list[dict[str, Any]], expected: bool) -> None:
    assert follows_turns(parsed(*messages), SEARCH_GRAMMAR) is expected


def test_form_with_tool_calls_and_reasoning_fields() -> None:
    call = {"function": {"name": "search", "arguments": '{"query": "a"}'}}
    asked = {"role": "assistant", "reasoning_content": "hm", "tool_calls": [call, call]}
    done = {"role": "assistant", "reasoning_content": "so", "content": "<answer>x</answer>"}
    assert follows_turns(parsed(asked, tool("1"), tool("2"), done))
    assert not follows_turns(parsed(asked, done))
    at_once = parsed(asked, tool("1"), said("<answer>x</answer>"))
    assert follows_turns(at_once, SEARCH_OR_ANSWER_GRAMMAR) and not follows_turns(at_once)


def test_steps_end_where_the_environment_speaks() -> None:
    one = parsed(said("<search>a</search>"), tool("1"), said("<think>x</think>"), said("<answer>b</answer>"))
    assert [one.text[a:b] for a, b in policy_steps(one)] == [
        "<search>a</search>",
        "<think>x</think>\n\n<answer>b</answer>",
    ]
    assert policy_steps(parsed(said("<search>a</search>"), tool("1"))) == [(0, 18)]
    assert policy_steps(parsed()) == [(0, 0)]
    assert len(policy_steps(parse_trajectory("<search>a</search>" * 50))) == 1


def test_splitting() -> None:
    assert split_queries(" a ## ## b##") == ["a", "b"] and split_queries("##") == []
    assert split_documents("pre Doc 1(Title: A) a") == ["pre", "Doc 1(Title: A) a"]
    assert split_documents("aDoc 1(Title: A) a") == ["aDoc 1(Title: A) a"], "a word boundary comes first"
    several = Search("a ## b ## c", "x ##  ## Doc 1(Title: z) z", 0, 0)
    assert list(matched_documents(several)) == [("a", ["x"]), ("b", []), ("c", ["Doc 1(Title: z) z"])]
    assert list(matched_documents(Search("a ## b", None, 0, 0))) == [("a", [])]


def test_hostile_text() -> None:
    for text in (
        "<search>" * 50_000,
        "</search>" * 50_000,
        "Doc " * 100_000,
        "Doc 1" * 100_000,
        "<think>" * 50_000 + "</think>",
    ):
        trace = parse_trajectory(text, tags=SEARCH_TAGS)
        assert not follows_turns(trace) and searches(trace) == () and split_documents(text)


@given(
    st.lists(
        st.tuples(
            st.booleans(), st.sampled_from(["<search>a</search>", "<think>b</think>", "<answer>c</answer>", "x", ""])
        )
    )
)
def test_steps_are_disjoint_and_policy_written(parts: list[tuple[bool, str]]) -> None:
    trace = parsed(*(said(text) if own else tool(text) for own, text in parts))
    spans = policy_steps(trace)
    assert all(a <= b for a, b in spans) and all(left[1] <= right[0] for left, right in pairwise(spans))
    assert len(spans) <= max(1, sum(own for own, _ in parts))
