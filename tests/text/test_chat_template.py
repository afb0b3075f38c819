"""Templated dialogues: the user's turns, stops, ChatML within a line."""

from __future__ import annotations

from guerdon.text.chat_template import cut_at, user_turns, without_user_turns


def test_templates() -> None:
    template = "Below is a task.\n\n### Instruction:\nSum up\n\n### Input:\na  text\n\n### Response:"
    assert user_turns(template) == "Sum up a text" and user_turns(" just\nthis ") == "just this"
    assert user_turns("") == "" and user_turns("Q ### Response: R") == "Q"
    assert cut_at("### Response: x") == "" and cut_at("  a.c (x ", ("(x", ".")) == "a" and cut_at("a", ()) == "a"
    lines = "<|im_start|>user a<|im_end|>b<|im_start|>user c<|im_end|>d\n<|im_start|>user e"
    assert without_user_turns(lines) == "bd\n<|im_start|>user e"
    assert without_user_turns("<|im_start|>user" * 50_000).startswith("<|im_start|>user")
    assert len(user_turns("### Instruction:" * 50_000)) == 0 and cut_at("\n" * 500_000) == ""
