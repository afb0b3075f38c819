"""Steps under literal headings."""

from __future__ import annotations

import pytest

from guerdon.text.headed_steps import headed_steps, read_step
from guerdon.text.trajectory import parse_trajectory


@pytest.mark.parametrize(
    ("text", "default", "official"),
    [
        ("The problem analysis: a\nThe final answer: Boston", ("a", "Boston"), ("a", "Bosto")),
        ("The problem analysis: a\nThe retrieval query:\n", (None,), ("a", "")),
        ("The problem analysis: a\nThe retrieval query:", (None,), ("a", None)),
        ("The problem analysis:The final answer: x", (None,), (None, "x")),
        ("The problem analysis: a\nThe final answer: King\nStephen", ("a", "King\nStephen"), ("a", "King")),
        ("The problem analysis: a\nStep 2: b\nThe final answer: c", ("a", "c"), ("a\nStep 2: b", "c")),
        ("The problem analysis: a### b\nThe retrieval query: Is it? Or", ("a", "Is it"), ("a", "Is it")),
        ("The final answer: z The problem analysis: a", (None,), (None,)),
        ("", (None,), (None,)),
    ],
)
def test_reading_a_step(text: str, default: tuple[str | None, ...], official: tuple[str | None, ...]) -> None:
    assert tuple(read_step(text).values()) == default
    assert tuple(read_step(text, variant="official").values()) == official


def test_steps_of_a_trajectory() -> None:
    step = "Step {}:\nThe problem analysis: a\nThe retrieval query: q"
    said = [
        {"role": "assistant", "content": step.format(1)},
        {"role": "tool", "content": "d"},
        {"role": "tool", "content": "e"},
    ]
    steps = headed_steps(parse_trajectory([*said, {"role": "assistant", "content": step.format(3)}]))
    assert [(one.kind, one.documents) for one in steps] == [("search", "d\ne"), ("malformed", "")]
    assert [one.kind for one in headed_steps(parse_trajectory(""))] == ["malformed"]
    assert [one.kind for one in headed_steps(parse_trajectory(step.format(1) + "\n" + step.format(2)))] == ["malformed"]


def test_official_steps_are_cut_from_the_whole_text() -> None:
    text = (
        "Step 1:\nThe problem analysis: a\nThe retrieval query: q\nThe retrieval documents: d\n"
        "Step 2:\nThe problem analysis: a\nThe final answer: b"
    )
    steps = headed_steps(parse_trajectory(text), variant="official")
    assert [(one.kind, one.documents) for one in steps] == [("search", "d"), ("answer", "")]
    assert [text[one.start : one.end][:7] for one in steps] == ["Step 1:", "Step 2:"]
    twice = headed_steps(parse_trajectory(text + "\nStep 1:\n"), variant="official")
    assert [one.kind for one in twice] == ["malformed"]
    with pytest.raises(ValueError, match="variant"):
        read_step("", variant="strict")  # type: ignore[arg-type]
