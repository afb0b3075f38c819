"""StepRelevance: a judge says how relevant what a search found is to what the step asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply
from guerdon.models.judge import Verdict
from guerdon.models.protocols.shown import fenced_request
from guerdon.models.protocols.steps import Asked, Spans, StepProtocol
from guerdon.registry import register
from guerdon.scores import Outcome
from guerdon.text.headed_steps import HeadedStep, headed_steps
from guerdon.text.trajectory import Trajectory

Variant = Literal["default", "official"]

_INSTRUCTION = """You rate one step of an agent that answers a problem by searching. Rate from 0.00 to 1.00 how relevant what the \
search found is: does it match what the query is after, and does it help to solve the problem. A step that contradicts an \
earlier one or does not follow from anything is worth 0.00. Begin your reply with the line "Relevance: x.xx", then say why \
without writing that word before a number."""

_ENDING = 'Rate the step above, beginning with the line "Relevance: x.xx".'

_OFFICIAL = re.compile(r"relevance:\s*([01]\.\d{2}|\d\.?\d*)", re.IGNORECASE)
_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)(\s?%)?"
_LINE = re.compile(rf"^[ \t>*_#]*relevance[ \t*_]*:[ \t*_]*{_NUMBER}", re.IGNORECASE | re.MULTILINE)
_ANYWHERE = re.compile(rf"relevance[ \t*_]*:[ \t*_]*{_NUMBER}", re.IGNORECASE)


def read_relevance(reply: str, *, variant: Variant = "default") -> float | None:
    """The number after ``Relevance:`` in a judge's reply, in [0, 1]; None where there is none.

    The last line that begins with it counts, else the last place that has it; a percentage is one; a number above 1 is none.
    ``variant="official"``: the last match anywhere, explanations included, of 0 or 1 with two decimals, else of digits with any
    decimals, cut to [0, 1] and rounded to 3 places, so that "85%" is 1.

    Source: R3-RAG 2025 (arXiv 2505.23794), released code.

    >>> read_relevance("Relevance: 0.9\\n- Relevance: 0.2 for the first"), read_relevance("**Relevance**: 85%")
    (0.9, 0.85)
    >>> read_relevance("Relevance: 0.9\\n- Relevance: 0.2 for the first", variant="official")
    0.2
    """
    if variant == "official":
        found = _OFFICIAL.findall(reply)
        return round(max(0.0, min(1.0, float(found[-1]))), 3) if found else None
    places = _LINE.findall(reply) or _ANYWHERE.findall(reply)
    if not places:
        return None
    number, percent = places[-1]
    value = float(number) / (100.0 if percent else 1.0)
    return value if value <= 1.0 else None


def fallback_relevance(analysis: str, documents: str) -> float:
    """What the release gives a step whose judge cannot be reached: more for a longer analysis, more with any documents.

    min(1, 0.3 (1 if words > 15 else 0.5) + 0.4 (1 if words > 30 else 0.6) + 0.3 [documents]).

    >>> round(fallback_relevance("few words", "d"), 2)
    0.69
    """
    words = len(analysis.split())
    return min(0.3 * (1.0 if words > 15 else 0.5) + 0.4 * (1.0 if words > 30 else 0.6) + 0.3 * bool(documents), 1.0)


@register("protocol", "step_relevance")
@dataclass(frozen=True)
class StepRelevance(StepProtocol):
    """Every search step under R3-RAG's headings: how relevant the documents are to its query, in [0, 1].

    The judge sees the problem, the steps before, the analysis, the query and the first ``characters`` of the documents. A search
    without documents is worth 0 and not asked about, like a step that does not search. Column ``question`` (None: the prompt). A
    reply without a readable number is undecided (``unparseable``). The prompt is ours.

    ``variant="official"`` reads steps and documents from the whole text, asks about searches without documents too, reads replies
    as released, and where the judge fails takes :func:`fallback_relevance`.

    Source: R3-RAG 2025 (arXiv 2505.23794).

    >>> from guerdon.models.chat import ChatRequest
    >>> StepRelevance().read(Asked(ChatRequest(())), ChatReply("Relevance: 0.50")).value
    0.5
    """

    question: str | None = "question"
    characters: int = 512
    variant: Variant = "default"

    def __post_init__(self) -> None:
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choose 'default' or 'official'")

    @property
    def own_columns(self) -> dict[str, str]:
        return {self.question: "the question the agent answers"} if self.question else {}

    def steps(self, trajectory: Trajectory) -> Spans:
        return [(step.start, step.end) for step in headed_steps(trajectory, variant=self.variant)]

    def ask(self, batch: Batch, trajectories: Sequence[Trajectory]) -> list[list[Asked | None]]:
        questions = batch.prompt_texts if self.question is None else [str(value) for value in batch[self.question]]
        return [
            [self._asked(question, trace, step) for step in headed_steps(trace, variant=self.variant)]
            for question, trace in zip(questions, trajectories, strict=True)
        ]

    def _asked(self, question: str, trace: Trajectory, step: HeadedStep) -> Asked | None:
        if step.kind != "search" or not (step.documents or self.variant == "official"):
            return None
        blocks = {
            "PROBLEM": question,
            "STEPS BEFORE": trace.text[: step.start].strip() or "(none)",
            "ANALYSIS": step.analysis,
            "QUERY": step.query,
            "FOUND": step.documents[: self.characters] or "(nothing)",
        }
        return Asked(fenced_request(_INSTRUCTION, blocks, _ENDING), step)

    def read(self, asked: Asked, reply: ChatReply) -> Verdict:
        value = read_relevance(reply.text, variant=self.variant) if reply.arrived else None
        if value is not None:
            return Verdict(value, critique=reply.text)
        if self.variant == "official" and isinstance(asked.about, HeadedStep):
            return Verdict(fallback_relevance(asked.about.analysis, asked.about.documents), critique="fallback")
        if not reply.arrived:
            return Verdict.undecided(reply.outcome, reply.message)
        return Verdict.undecided(Outcome.UNPARSEABLE, reply.text)
