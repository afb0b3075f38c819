"""Dialogues as messages."""

from __future__ import annotations

from guerdon.text.dialogues import alternating, dialogue, role_swapped, without_oldest


def said(messages) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in messages]


def test_a_dialogue_begins_with_the_user_after_any_system_turn() -> None:
    prompt = [
        {"role": "system", "content": "s"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "q"},
    ]
    assert said(dialogue(prompt, "a")) == [("system", "s"), ("user", "q"), ("assistant", "a")]
    assert said(dialogue("q", "a")) == [("user", "q"), ("assistant", "a")] and said(dialogue(None, ""))[0] == (
        "user",
        "",
    )


def test_a_prompt_that_ends_with_the_assistant_is_continued() -> None:
    prompt = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "So: "}]
    assert said(dialogue(prompt, "a"))[-1] == ("assistant", "So: a")


def test_contents_of_parts_are_read() -> None:
    assert said(dialogue([{"role": "user", "content": [{"type": "text", "text": "q"}]}], "a"))[0] == ("user", "q")


def test_roles_swapped_without_a_question() -> None:
    assert said(role_swapped([], "a"))[1:] == [("assistant", ""), ("user", "a")]


def test_alternating_turns() -> None:
    assert said(alternating(["q", "a", "f"])) == [("user", "q"), ("assistant", "a"), ("user", "f")]
    assert [m["content"] for m in alternating(["x", "q"], last="assistant")] == ["x", "q"]
    assert alternating([]) == () and said(alternating(["a", "b"])) == [("user", "b")]


def test_oldest_turns_go_in_pairs() -> None:
    turns = [
        {"role": "system", "content": "s"},
        *({"role": r, "content": f"{r}{k}"} for k in (1, 2) for r in ("user", "assistant")),
    ]
    shorter = without_oldest(tuple(turns))
    assert shorter is not None and [m["content"] for m in shorter] == ["s", "user2", "assistant2"]
    assert without_oldest(shorter) is None
