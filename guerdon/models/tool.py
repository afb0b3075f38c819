"""Tool: what a judge, or an agent that is judged, may use; answers text or a typed failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from guerdon.frozen import FrozenDict, freeze
from guerdon.models.chat import ChatReply


class Tool:
    """A frozen description of a tool. ``run`` may take time and runs in a thread; it never raises for arguments a model wrote.

    Class attributes: ``purpose``, one sentence for prompts; ``parameters``, JSON schema of the arguments.
    """

    purpose: ClassVar[str] = ""
    parameters: ClassVar[Mapping[str, Any]] = FrozenDict()

    def run(self, arguments: Mapping[str, Any]) -> ChatReply:
        """The tool's answer. Arguments it cannot use give a text that says so; a fault of the tool itself a typed outcome."""
        raise TypeError(f"{type(self).__name__} has no run(arguments); write it")


@dataclass(frozen=True)
class ToolUse:
    """One use of a tool, asked for by a dialogue."""

    tool: Tool
    arguments: Mapping[str, Any] = field(default_factory=FrozenDict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arguments", freeze(dict(self.arguments)))
