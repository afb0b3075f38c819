"""Whether a rubric leads an independent judge to the label it was made from."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from guerdon.errors import UserError, closest
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison
from guerdon.models.protocols.orders import Debias, ordered
from guerdon.models.protocols.rubric_comparison import RubricComparison
from guerdon.registry import register
from guerdon.rubric import Rubric
from guerdon.rubrics.examples import Example
from guerdon.rubrics.method import PASSING, Ask, Made, Status

Orders = Literal["random", "both"]
_DEBIAS: dict[str, Debias] = {"random": "random", "both": "consistent"}


@register("rubric_filter", "consistency")
@dataclass(frozen=True)
class Consistency:
    """Keep a rubric if a judge who goes by it prefers the chosen answer to the rejected one.

    The judge is shown the two in an order that a seeded coin decides (``orders="random"``), or in both, and then must prefer the
    chosen one in both. It is not told the label, and it is another chat model where the run has one. A verdict that cannot be
    read drops the rubric; one that did not arrive leaves the example to be asked again.

    Source: OpenRubrics 2025 (arXiv 2510.07743), preference-label consistency.
    """

    orders: Orders = "random"
    comparison: RubricComparison = field(default_factory=RubricComparison)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.orders not in _DEBIAS:
            raise UserError(f"orders={self.orders!r} is unknown; {closest(str(self.orders), _DEBIAS)}")

    def checked(
        self, rubric: Rubric, example: Example, made: Made
    ) -> Generator[Sequence[Ask], Sequence[ChatReply], Made]:
        """``made`` if the judge agrees with the label, else why it is not kept."""
        asking = replace(self.comparison, rubric=rubric)
        pair = Comparison(example.prompt, example.chosen, example.rejected)
        asked = ordered(asking, pair, _DEBIAS[self.orders], seed=self.seed)
        requests: list[ChatRequest] = asked.requests
        replies = yield [Ask(request, judge=True) for request in requests]
        verdict = asked.verdict(replies)
        if verdict.value is None:
            if verdict.outcome in PASSING:
                return replace(made, status=Status.UNANSWERED, reason=f"judge: {verdict.outcome}")
            return replace(made, status=Status.INCONSISTENT, reason=f"judge: {verdict.outcome}")
        if verdict.value <= 0.5:
            return replace(
                made, status=Status.INCONSISTENT, reason="the judge prefers the rejected answer by this rubric"
            )
        return made
