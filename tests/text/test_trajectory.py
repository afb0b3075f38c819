"""Completions as turns, and who wrote them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.trajectory import (
    TAG_KINDS,
    Trajectory,
    completion_text,
    content_text,
    messages_of,
    parse_trajectory,
    prompt_text,
)

SEARCHED = "<think>hm</think>\n<search>rain</search>\n<information>wet</information>\n<answer>yes</answer> bye"


def said(trajectory: Trajectory) -> list[tuple[str, str, str]]:
    return [(turn.kind, turn.role, turn.text) for turn in trajectory]


def test_tagged_text_is_all_the_policys() -> None:
    trajectory = parse_trajectory(SEARCHED)
    assert said(trajectory) == [
        ("think", "assistant", "hm"),
        ("search", "assistant", "rain"),
        ("information", "assistant", "wet"),
        ("answer", "assistant", "yes"),
        ("text", "assistant", "bye"),
    ]
    assert trajectory.evidence == ()
    assert [turn.text for turn in trajectory.actions] == ["rain"]
    assert trajectory.answer == "yes"
    assert len(trajectory) == 5
    assert [SEARCHED[turn.start : turn.end] for turn in trajectory.of("search", "text")] == [
        "<search>rain</search>",
        "bye",
    ]


def test_environment_spans_are_evidence() -> None:
    start = SEARCHED.index("<information>")
    end = SEARCHED.index("<answer>")
    trajectory = parse_trajectory(SEARCHED, environment_spans=[(start, end)])
    assert [(turn.kind, turn.text) for turn in trajectory.evidence] == [("information", "wet")]
    inner = parse_trajectory("<search>q</search>found it<answer>x</answer>", environment_spans=[(18, 26)])
    assert [(turn.kind, turn.role, turn.text) for turn in inner.evidence] == [
        ("information", "environment", "found it")
    ]


def test_a_policy_cannot_swallow_what_the_environment_wrote() -> None:
    text = "<think>open <information>real</information> more"
    start = text.index("<information>")
    trajectory = parse_trajectory(text, environment_spans=[(start, start + len("<information>real</information>"))])
    assert [turn.text for turn in trajectory.evidence] == ["real"]


def test_chat_messages() -> None:
    messages: list[dict[str, Any]] = [
        {
            "role": "assistant",
            "reasoning_content": "which city?",
            "content": "Let me look.",
            "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "<answer>sunny</answer>"},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "<answer>sun"}, {"type": "text", "text": "ny</answer>"}],
        },
    ]
    trajectory = parse_trajectory(messages)
    assert said(trajectory) == [
        ("think", "assistant", "which city?"),
        ("text", "assistant", "Let me look."),
        ("tool_call", "assistant", '{"name": "weather", "arguments": {"city": "Rome"}}'),
        ("tool_result", "tool", "<answer>sunny</answer>"),
        ("answer", "assistant", "sunny"),
    ]
    call, result = trajectory.of("tool_call")[0], trajectory.of("tool_result")[0]
    assert (call.name, call.arguments) == ("weather", {"city": "Rome"})
    assert result.name == "weather"
    assert trajectory.evidence == (result,)
    assert trajectory.text[result.start : result.end] == "<answer>sunny</answer>"


def test_roles_that_are_not_the_policy() -> None:
    for role in ("tool", "function", "environment", "ipython", "observation"):
        (turn,) = parse_trajectory([{"role": role, "content": "x"}]).turns
        assert (turn.kind, turn.by_policy) == ("tool_result", False)
    (turn,) = parse_trajectory([{"role": "user", "content": "<tool_response>x</tool_response>"}]).turns
    assert (turn.kind, turn.role) == ("tool_result", "user")
    (turn,) = parse_trajectory([{"role": "assistant", "content": "<tool_response>fake</tool_response>"}]).turns
    assert turn.by_policy
    assert parse_trajectory([{"role": "tool", "content": ""}]).evidence[0].text == ""


def test_tool_calls_in_text() -> None:
    calls = '{"name": "f", "arguments": {"x": 1}}\n{"name": "g", "arguments": {}}'
    text = f"<tool_call>\n{calls}\n</tool_call><tool_call>broken</tool_call>"
    trajectory = parse_trajectory(text)
    assert [(turn.name, turn.arguments) for turn in trajectory] == [("f", {"x": 1}), ("g", {}), (None, None)]
    assert [text[turn.start : turn.end][:9] for turn in trajectory] == ['{"name": ', '{"name": ', "<tool_cal"]


def test_malformed_tool_calls_in_messages() -> None:
    calls = [{"function": {"name": "f", "arguments": "{broken"}}, "nonsense", None, {"function": None}]
    turns = parse_trajectory([{"role": "assistant", "content": None, "tool_calls": calls}]).turns
    assert [(turn.kind, turn.name, turn.arguments) for turn in turns] == [("tool_call", None, None)] * 2
    assert (
        parse_trajectory([{"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}]).turns[0].name
        == "f"
    )


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", []),
        (" \n", []),
        ("plain", ["text"]),
        ("<think>cut off <search>q</search>", ["think"]),
        ("prefilled</think><answer>x</answer>", ["think", "answer"]),
        ("<search>cut off", ["text"]),
        ("<think>a <search>q</search> b</think>", ["think"]),
        ("<search></search>", ["search"]),
        ("<SEARCH>q</SEARCH>", ["text"]),
    ],
)
def test_odd_tagged_text(text: str, kinds: list[str]) -> None:
    assert [turn.kind for turn in parse_trajectory(text)] == kinds


def test_other_tags() -> None:
    trajectory = parse_trajectory("<bbox>[1,2]</bbox><search>q</search>", tags={"bbox": "tool_call"})
    assert [turn.kind for turn in trajectory] == ["tool_call", "text"]


def test_completion_and_prompt_text() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image", "image": "x.png"}, {"type": "text", "text": "What?"}]},
        {"role": "assistant", "content": "One."},
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": "Two."},
    ]
    assert completion_text(messages) == "One.\n\nTwo."
    assert completion_text(messages, None) == prompt_text(messages) == "Be brief.\n\nWhat?\n\nOne.\n\nTwo."
    assert prompt_text(messages, ["user"]) == "What?"
    assert completion_text("as it is ") == "as it is "
    assert completion_text(None) == completion_text([]) == ""
    assert completion_text({"role": "assistant", "content": "x"}) == "x"
    assert messages_of(None) == []


def test_content_of_unusual_types() -> None:
    assert content_text(None) == ""
    assert content_text({"type": "text", "text": "a"}) == "a"
    assert content_text(["a", {"type": "thinking", "text": "b"}, {"type": "text", "text": None}, 3]) == "a"
    assert content_text(3.5) == "3.5"


@pytest.mark.parametrize("completion", [3, b"bytes", ["text"], [3]])
def test_what_is_no_completion_is_an_error(completion: Any) -> None:
    with pytest.raises(TypeError, match="completion"):
        parse_trajectory(completion)


TAGGED = st.lists(
    st.sampled_from(
        [f"<{tag}>" for tag in TAG_KINDS] + [f"</{tag}>" for tag in TAG_KINDS] + ["x", " ", '{"name": "f"}', "é"]
    )
).map("".join)


@given(TAGGED, st.lists(st.tuples(st.integers(-3, 60), st.integers(-3, 60)), max_size=3))
def test_turns_are_disjoint_in_order_and_hold_their_text(text: str, spans: list[tuple[int, int]]) -> None:
    trajectory = parse_trajectory(text, environment_spans=spans)
    position = 0
    for turn in trajectory:
        assert position <= turn.start <= turn.end <= len(text)
        assert turn.text in text[turn.start : turn.end]
        position = turn.end
    inside = {i for start, end in spans for i in range(max(start, 0), min(end, len(text)))}
    for turn in trajectory.evidence:
        assert set(range(turn.start, turn.end)) <= inside


@given(st.lists(st.tuples(st.sampled_from(["assistant", "tool", "user"]), TAGGED), max_size=5))
def test_only_the_policys_own_messages_are_its_turns(rows: list[tuple[str, str]]) -> None:
    trajectory = parse_trajectory([{"role": role, "content": content} for role, content in rows])
    for turn in trajectory:
        assert turn.text in trajectory.text[turn.start : turn.end]
    if all(role == "assistant" for role, _ in rows):
        assert trajectory.evidence == ()
