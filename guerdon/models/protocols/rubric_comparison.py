"""RubricComparison: a judge says by a rubric which of two responses is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison, PairwiseProtocol, Verdict
from guerdon.models.protocols.shown import Shown, shown_text
from guerdon.registry import register
from guerdon.rubric import Rubric, rubric_of
from guerdon.text.replies import own_words
from guerdon.text.winners import last_winner

_TASK = """You are an impartial judge of two responses to one request, A and B. You go by the rubric and by nothing else; order, \
length and polish do not count unless the rubric says so."""
_GATED = """Write three sections.
--- Compliance Check ---
Name the one hard rule of the rubric that matters most and that anyone could check without an opinion: a limit, a format, a part \
that must or must not be there. Say for each response whether it keeps it. If no rule is of that kind, say so.
--- Analysis ---
Go through the rubric item by item, for Response A and then for Response B: kept or not, with the passage that shows it.
--- Final Judgment ---
Justification: why one is better. A response that breaks the rule of the first section loses to one that keeps it, however well \
it does otherwise."""
_PLAIN = """Go through the rubric item by item, for Response A and then for Response B: met or not, with the passage that shows \
it. Then weigh: hard rules come before principles."""
_END = "End your reply with one line that begins with Winner: and goes on with Response A or with Response B, nothing after it."


@register("protocol", "rubric_comparison")
@dataclass(frozen=True)
class RubricComparison(Shown, PairwiseProtocol):
    """Which of two responses is better by a rubric: 1 the first, 0 the second.

    ``rubric``: the same for all, or None, and column ``column`` holds each row's. With ``gatekeeper`` the judge first names the
    hard rule that can be checked without an opinion and lets it decide. A reply whose last ``Winner:`` line does not name one of
    the two is undecided (``unparseable``).

    Columns: ``column`` where there is no rubric, and those named by ``question``, ``reference`` and ``context``.

    Raises:
        UserError: a comparison without a rubric.

    Source: OpenRubrics 2025 (arXiv 2510.07743), rubric-conditioned judge; the prompt is ours.

    >>> [
    ...     RubricComparison(Rubric(("Short.",))).read(ChatReply(f"...\\nWinner: {w}")).value
    ...     for w in ("Response A", "Response B", "both")
    ... ]
    [1.0, 0.0, None]
    """

    rubric: Any = None
    column: str = "rubric"
    gatekeeper: bool = True

    def __post_init__(self) -> None:
        if self.rubric is not None:
            rubric = rubric_of(self.rubric)
            if rubric is None:
                raise UserError("rubric is empty; give at least one criterion, or None to read rubrics from a column")
            object.__setattr__(self, "rubric", rubric)
        super().__post_init__()

    @property
    def own_columns(self) -> dict[str, str]:
        own = {} if self.rubric is not None else {self.column: "a rubric: criteria, a record, or text"}
        return super().own_columns | own

    def ask(self, comparison: Comparison) -> ChatRequest:
        rubric = self.rubric if self.rubric is not None else rubric_of(comparison.context.get(self.column))
        if not isinstance(rubric, Rubric):
            raise UserError(
                f"column {self.column!r} holds no rubric for the prompt {shown_text(comparison.prompt)!r:.80}"
            )
        shared = [("RUBRIC", rubric.render("sections")), *self.background(comparison.prompt, comparison.context)]
        responses = [("RESPONSE A", shown_text(comparison.first)), ("RESPONSE B", shown_text(comparison.second))]
        how = _GATED if self.gatekeeper else _PLAIN
        return self.request(_TASK, shared, responses, f"{how}\n\n{_END}")

    def read(self, reply: ChatReply) -> Verdict:
        winner = last_winner(own_words(reply.text)) if reply.arrived else None
        return Verdict.unread(reply) if winner is None else Verdict(float(winner == "A"), critique=reply.text)
