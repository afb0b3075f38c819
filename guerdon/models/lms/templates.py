"""Where a chat template puts a turn: the text before its content, and the text that ends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.errors import UserError

Messages = Sequence[Mapping[str, Any]]

# Contents that no template takes for something else; two, to see whether what stands before them depends on the content.
_SENTINELS = ("Guerdonsentinela", "Qyxzwsentinelb")


@dataclass(frozen=True)
class Turn:
    """Where a turn begins.

    Attributes:
        header: everything the template writes before the turn's content.
        begun: the content that the turn has already, where the last message is continued.
        gap: white space that the template puts between header and content where it writes a whole turn.
    """

    header: str
    begun: str = ""
    gap: str = ""


class ChatTemplate:
    """A tokenizer's chat template.

    Args:
        tokenizer: a transformers tokenizer or processor.
        options: further variables of the template.
    """

    def __init__(self, tokenizer: Any, options: Mapping[str, Any] | None = None) -> None:
        self.tokenizer, self.options = tokenizer, dict(options or {})

    def render(self, messages: Messages, *, open_turn: bool = False) -> str:
        """The messages as text; ``open_turn``: with the header of the assistant's next turn.

        Raises:
            UserError: there is no template, or it refuses these messages.
        """
        if not getattr(self.tokenizer, "chat_template", None):
            raise UserError(
                "prompt is chat messages and the model has no chat template; give the prompt as plain text, or a model "
                "whose tokenizer has one (tokenizer.chat_template)"
            )
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    [dict(m) for m in messages], tokenize=False, add_generation_prompt=open_turn, **self.options
                )
            )
        except Exception as error:  # templates are programs: jinja2 passes on whatever they raise
            roles = ", ".join(str(m.get("role")) for m in messages)
            raise UserError(
                f"the model's chat template refuses messages of roles [{roles}]: {error}; "
                "rearrange the prompt (many templates want user and assistant in turn, some know no system role)"
            ) from error

    def turn(self, messages: Messages, role: str) -> Turn:
        """Where the turn of ``role`` begins after these messages; a last message of that role is continued.

        Raises:
            UserError: the template has no such turn, or where its content begins cannot be told.
        """
        begun = ""
        if messages and messages[-1]["role"] == role:
            begun = messages[-1].get("content") or ""
            if not isinstance(begun, str) or messages[-1].get("tool_calls"):
                raise UserError(
                    f"the prompt ends with a {role} message that target continues: its content must be text"
                )
            messages = messages[:-1]
        if role != "assistant" or not messages:
            return Turn(self._around(messages, role)[0], begun)
        closed, header = self.render(messages), self.render(messages, open_turn=True)
        whole = self._written_turn(messages)
        if header == closed and whole is not None and whole.startswith(header) and whole[len(header) :].strip():
            return Turn(whole, begun)  # the template ignores add_generation_prompt
        gap = whole[len(header) :] if whole is not None and whole.startswith(header) else ""
        return Turn(header, begun, "" if gap.strip() else gap)

    def closing(self, messages: Messages, role: str) -> str:
        """What the template writes after the content of a last turn of ``role``.

        Raises:
            UserError: that cannot be told.
        """
        if messages and messages[-1]["role"] == role:
            messages = messages[:-1]
        return self._around(messages, role)[1]

    def _written_turn(self, messages: Messages) -> str | None:
        try:
            return self._around(messages, "assistant")[0]
        except UserError:
            return None

    def _around(self, messages: Messages, role: str) -> tuple[str, str]:
        """The text before and after the content of one more turn, the same whatever the content."""
        in_parts = any(isinstance(m.get("content"), list) for m in messages)
        found = []
        for sentinel in _SENTINELS:
            content: Any = [{"type": "text", "text": sentinel}] if in_parts else sentinel
            parts = self.render([*messages, {"role": role, "content": content}]).split(sentinel)
            if len(parts) != 2:
                raise UserError(
                    f"role={role!r}: the chat template writes such a turn {len(parts) - 1} times, so where its content "
                    "stands cannot be told; give the prompt as plain text"
                )
            found.append((parts[0], parts[1]))
        if found[0] != found[1]:
            raise UserError(
                f"role={role!r}: what the chat template writes around a turn depends on the turn's content; "
                "give the prompt as plain text"
            )
        return found[0]
