"""Checks of what an instruction asks of a text, such as its number of words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guerdon.frozen import FrozenDict
from guerdon.models.tool import Tool
from guerdon.registry import register
from guerdon.text.instructions import INSTRUCTIONS, check_instruction

_LONGEST = 4000


@register("tool")
@dataclass(frozen=True)
class InstructionCheck(Tool):
    """Whether a text does what an instruction asks, by one of the validators of :mod:`guerdon.text.instructions`.

    Source: ARM-Thinker 2025 (arXiv 2512.05111), its 19 validators and their answer.

    >>> check = InstructionCheck()
    >>> arguments = {"lower_bound": 2, "upper_bound": 3}
    >>> check.run({"instruction": "WordCountInRange", "text": "one two three", "arguments": arguments}).text
    'Check result: True'
    """

    purpose = (
        "Checks exactly whether a text keeps to an instruction. Bounds are inclusive; arguments are, as the instruction needs "
        "them, lower_bound, upper_bound, ranges, substring, substrings, keywords, lower_bound_times, upper_bound_times, precision."
    )
    parameters = FrozenDict(
        {
            "properties": {
                "instruction": {"type": "string", "enum": list(INSTRUCTIONS)},
                "text": {"type": "string", "description": "the text, copied as it is", "maxLength": 50_000},
                "arguments": {"type": "object"},
            },
            "required": ["instruction", "text"],
        }
    )

    def answer(self, arguments: Mapping[str, Any]) -> str:
        if len(repr(arguments.get("arguments", {}))) > _LONGEST:
            raise ValueError(f"the arguments are longer than {_LONGEST} characters")
        given = {key: list(v) if isinstance(v, tuple) else v for key, v in arguments.get("arguments", {}).items()}
        return f"Check result: {check_instruction(arguments['instruction'], arguments['text'], given)}"
