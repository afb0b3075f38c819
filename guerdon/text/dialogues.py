"""Dialogues as chat messages: built from a prompt and a reply, from bare utterances, with roles exchanged, shortened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guerdon.text.trajectory import content_text

Messages = tuple[Mapping[str, Any], ...]

#: What the user says first where the assistant is to comment on the user's answers.
INVITATION = "Please ask me a question and provide feedback to my answer."


def dialogue(prompt: Any, reply: str) -> Messages:
    """The messages of a prompt (text: one user turn), then the reply as the assistant's.

    Assistant turns before the first user turn are left out; a prompt that ends with the assistant's turn is continued.

    >>> [message["role"] for message in dialogue("2+2?", "4")]
    ['user', 'assistant']
    """
    given = [{"role": "user", "content": prompt or ""}] if prompt is None or isinstance(prompt, str) else prompt
    said = [message(str(m.get("role", "user")), content_text(m.get("content"))) for m in given]
    if said and said[-1]["role"] == "assistant":
        reply = said.pop()["content"] + reply
    first = next((k for k, m in enumerate(said) if m["role"] == "user"), len(said))
    kept = [m for k, m in enumerate(said) if k > first or m["role"] != "assistant"]
    return (*kept, message("assistant", reply))


def role_swapped(prompt: Any, reply: str, *, invitation: str = INVITATION) -> Messages:
    """An invitation, then the last question as the assistant's and the reply as the user's.

    >>> [(m["role"], m["content"]) for m in role_swapped("2+2?", "4")][1:]
    [('assistant', '2+2?'), ('user', '4')]
    """
    said = dialogue(prompt, reply)
    question = next((m["content"] for m in reversed(said) if m["role"] == "user"), "")
    return message("user", invitation), message("assistant", question), message("user", str(said[-1]["content"]))


def alternating(utterances: Sequence[str], *, last: str | None = "user") -> Messages:
    """Utterances as turns of user and assistant in turn, beginning with the user.

    Where the last one would then not be of role ``last``, the first is left out; None leaves all.

    >>> [m["content"] for m in alternating(["Hello!", "2+2?", "4", "Thanks."])]
    ['2+2?', '4', 'Thanks.']
    """
    roles = ("user", "assistant")
    drop = last is not None and bool(utterances) and roles[(len(utterances) - 1) % 2] != last
    return tuple(message(roles[k % 2], text) for k, text in enumerate(utterances[drop:]))


def without_oldest(messages: Messages) -> Messages | None:
    """The dialogue less its oldest question and answer; None where only the last ones are left. System turns stay.

    >>> without_oldest(dialogue("2+2?", "4")) is None
    True
    """
    turns = [k for k, m in enumerate(messages) if m["role"] != "system"]
    if len(turns) < 4:
        return None
    return tuple(m for k, m in enumerate(messages) if k not in turns[:2])


def message(role: str, content: str) -> dict[str, str]:
    """One chat message.

    >>> message("user", "Hi")
    {'role': 'user', 'content': 'Hi'}
    """
    return {"role": role, "content": content}
