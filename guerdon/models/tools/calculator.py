"""Arithmetic: the value of an expression, and a check of worked steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guerdon.frozen import FrozenDict
from guerdon.models.tool import Tool
from guerdon.registry import register
from guerdon.text.arithmetic import arithmetic
from guerdon.text.worked_steps import check_worked_steps


@register("tool")
@dataclass(frozen=True)
class Calculator(Tool):
    """The value of an arithmetic expression (:func:`~guerdon.text.arithmetic.arithmetic`). Nothing is executed.

    >>> calculator = Calculator()
    >>> [calculator.run({"expression": said}).text for said in ("12 * (3 + 4)", "9**9**9", "open('x')")]
    ['84', 'Error: 9**387420489 is too large.', 'Error: a Call is no arithmetic.']
    """

    purpose = "Computes the value of an arithmetic expression, such as 12 * (3 + 4) or sqrt(2)."
    parameters = FrozenDict(
        {
            "properties": {"expression": {"type": "string", "description": "the expression", "maxLength": 1000}},
            "required": ["expression"],
        }
    )

    def answer(self, arguments: Mapping[str, Any]) -> str:
        value = arithmetic(arguments["expression"])
        return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


@register("tool")
@dataclass(frozen=True)
class WorkedSteps(Tool):
    """Whether steps and final answer of a worked solution are right (:func:`~guerdon.text.worked_steps.check_worked_steps`).

    Source: Themis 2023 (arXiv 2310.01045), the calculator of its judge; the wording is ours.

    >>> WorkedSteps().run({"steps": "<<2+2=5>>5, <<10+0=10>>10", "answer": "#### 10"}).text
    'A step is wrong, but the final answer is the value of the last step.'
    """

    purpose = "Recomputes the steps of a worked solution and compares the last value with its final answer."
    parameters = FrozenDict(
        {
            "properties": {
                "steps": {
                    "type": "string",
                    "description": "the steps, each as <<expression=value>>claim, with a comma and a blank between",
                    "maxLength": 20_000,
                },
                "answer": {"type": "string", "description": "the answer, with its final number after '#### '"},
            },
            "required": ["steps", "answer"],
        }
    )

    def answer(self, arguments: Mapping[str, Any]) -> str:
        found = check_worked_steps(arguments["steps"], arguments["answer"])
        return MESSAGES[found.steps, found.answer]


#: What is said of (steps right, final answer right).
MESSAGES: dict[tuple[bool | None, bool | None], str] = {
    (True, True): "Every step is right, and the final answer is the value of the last step.",
    (True, False): "Every step is right, but the final answer is not the value of the last step.",
    (False, True): "A step is wrong, but the final answer is the value of the last step.",
    (False, False): "A step is wrong or cannot be computed, and the final answer does not follow.",
    (None, None): "There is no final answer: no plain number stands after '#### '.",
}
