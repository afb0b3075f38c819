"""Tool: what a judge, or an agent that is judged, may use; answers text or a typed failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from guerdon.errors import MissingExtra, UserError
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply
from guerdon.registry import snake_case
from guerdon.scores import Outcome
from guerdon.text.tool_arguments import argument_fault


@dataclass(frozen=True)
class Observation(ChatReply):
    """A tool's answer with images to look at, as data URLs."""

    images: tuple[str, ...] = ()


class Tool:
    """A frozen description of a tool. ``run`` may take time and runs in a thread; it never raises for arguments a model wrote.

    A subclass writes ``answer``; or ``run``, where it wants arguments unchecked. Class attributes: ``purpose``, one sentence for
    prompts; ``parameters``, JSON schema of the arguments.
    """

    purpose: ClassVar[str] = ""
    parameters: ClassVar[Mapping[str, Any]] = FrozenDict()

    @property
    def called(self) -> str:
        """The name under which a model calls it; the name it is registered under."""
        entry: tuple[str, str] | None = getattr(type(self), "registered", None)
        return entry[1] if entry else snake_case(type(self).__name__)

    @property
    def own_columns(self) -> dict[str, str]:
        """Column -> what it should hold, for what the sample gives the tool: arguments that no caller can set."""
        return {}

    def run(self, arguments: Mapping[str, Any]) -> ChatReply:
        """The tool's answer. Arguments it cannot use give a text that says so; a fault of the tool itself a typed outcome."""
        written = {name: value for name, value in arguments.items() if name not in self.own_columns}
        fault = argument_fault(written, self.parameters)
        if fault is not None:
            return ChatReply(f"Error: {fault}.")
        try:
            said = self.answer(arguments)
        except (MissingExtra, UserError):
            raise
        except (ValueError, OverflowError) as error:
            return ChatReply(f"Error: {error}.")
        except Exception as error:
            return ChatReply(
                outcome=Outcome.INSTRUMENT_ERROR, message=f"{self.called}: {type(error).__name__}: {error}"
            )
        return ChatReply(said) if isinstance(said, str) else said

    def answer(self, arguments: Mapping[str, Any]) -> str | ChatReply:
        """What the tool says of arguments that keep to its schema; a ValueError is an answer too, and shown as one."""
        raise TypeError(f"{type(self).__name__} has no answer(arguments); write it")

    def described(self) -> dict[str, Any]:
        """The tool as it is shown to a model: name, description and schema of the arguments."""
        schema = {"type": "object", **self.parameters}
        return {"name": self.called, "description": self.purpose, "parameters": schema}


@dataclass(frozen=True)
class ToolUse:
    """One use of a tool, asked for by a dialogue. Arguments may hold images, so they are copied and not frozen."""

    tool: Tool
    arguments: Mapping[str, Any] = field(default_factory=FrozenDict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arguments", dict(self.arguments))
