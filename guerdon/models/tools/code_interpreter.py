"""Python, run in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guerdon.errors import UserError
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply
from guerdon.models.tool import Tool
from guerdon.registry import register
from guerdon.text.fences import shortened
from guerdon.verifier_pool import verifier_pool
from guerdon.verifying.guarded_python import run_python

_GRACE = 5.0


@register("tool")
@dataclass(frozen=True)
class CodeInterpreter(Tool):
    """What a Python program prints, in a fresh interpreter with the standard library, ``seconds`` of wall time and ``memory_mb``.

    Runs in the verifier pool and is killed with all it started when its time is up. No network, no other processes, no files but
    in an empty directory of its own; :func:`~guerdon.verifying.guarded_python.run_python` says how far that goes. Output is
    shortened to ``characters``.

    >>> CodeInterpreter().run({"code": "print(sum(range(10)))"}).text
    '45'
    """

    seconds: float = 5.0
    memory_mb: int = 512
    characters: int = 2000

    purpose = (
        "Runs a Python 3 program with the standard library and returns what it prints. It cannot reach the network."
    )
    parameters = FrozenDict(
        {
            "properties": {
                "code": {
                    "type": "string",
                    "description": "the program; print what you want to see",
                    "maxLength": 50_000,
                },
                "input": {"type": "string", "description": "what it reads from standard input", "maxLength": 50_000},
            },
            "required": ["code"],
        }
    )

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 600 or self.memory_mb < 32 or self.characters < 2:
            raise UserError(
                f"seconds={self.seconds} must be in (0, 600], memory_mb={self.memory_mb} at least 32 and "
                f"characters={self.characters} at least 2"
            )

    def answer(self, arguments: Mapping[str, Any]) -> ChatReply:
        job = (arguments["code"], arguments.get("input", ""), self.seconds, self.memory_mb, self.characters)
        [ran] = verifier_pool().map(run_python, [job], deadline=self.seconds + _GRACE)
        if ran.outcome.unscored:
            return ChatReply(outcome=ran.outcome, message=ran.message)
        said = shortened(str(ran.value["output"]).rstrip(), self.characters)
        match ran.value["status"]:
            case "ok":
                return ChatReply(said or "(it printed nothing)")
            case "failed":
                return ChatReply(f"The program failed.\n{said}")
            case "cut off":
                return ChatReply(f"The program printed too much and was stopped.\n{said}")
        return ChatReply(f"The program was stopped after {self.seconds:g} seconds.\n{said}".rstrip())
