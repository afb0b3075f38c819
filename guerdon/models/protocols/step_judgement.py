"""StepJudgement: a judge writes principles for a trajectory and scores each of its steps by them, all in one reply."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import JudgeProtocol, Verdict
from guerdon.models.protocols.shown import Shown
from guerdon.models.protocols.trajectories import agent_trajectories
from guerdon.registry import register
from guerdon.scores import REDUCTIONS, Outcome, Steps
from guerdon.text.replies import final_json
from guerdon.text.search_trace import policy_steps
from guerdon.text.trajectory import Trajectory

Cut = Literal["turns", "paragraphs", "lines"]
Span = tuple[int, int]

_TASK = """You judge how someone went about a task, step by step. A step is good if it is right and brings the task forward \
from where it stands; a step that rests on an earlier mistake is as bad as if it had made it. Later success does not make a step \
good."""
_ENDING = """Judge the {n} steps above. Reply with one JSON object: under "principles", a list of the few principles by which \
steps of a task like this should be judged, in your own words; under "steps", an object that has each step's number as a key, and \
under it an object with "why", one short sentence, and "score", a whole number from 0, wrong or useless, to {high}, as good as \
can be. Leave none out."""

_GAPS = {"paragraphs": re.compile(r"\n[ \t]*+\n\s*+"), "lines": re.compile(r"\n\s*+")}


@register("protocol", "step_judgement")
@dataclass(frozen=True)
class StepJudgement(Shown, JudgeProtocol):
    """Every step's score / ``high``, in [0, 1], by principles the judge writes for the task; the value is their ``reduction``.

    Steps: what the policy wrote between the turns of others (``cut="turns"``), cut further at blank lines (``"paragraphs"``) or at
    line breaks (``"lines"``); the judge also sees what others said between them. Thinking is part of it. Verdicts carry steps
    with their spans. Where a step has no whole number from 0 to ``high`` its value is NaN, and so is any reduction it enters.
    ``reduction``: mean, sum, min, last or product. Columns: those named by ``question``, ``reference``, ``context``, and
    ``environment``, the spans (start, end) that others wrote in a completion that is text.

    Where steps are to be judged in requests of their own, see :class:`~guerdon.models.protocols.steps.StepProtocol`.

    >>> said = ChatReply(
    ...     '{"principles": ["be right"], "steps": {"1": {"why": "", "score": 10}, "2": {"why": "", "score": 5}}}'
    ... )
    >>> [verdict] = StepJudgement(cut="lines").read(Batch(["2+2 is 4\\nso 4*2 is 7"]), [said])
    >>> verdict.value, verdict.steps.spans.tolist()
    (0.75, [[0, 8], [9, 20]])
    """

    cut: Cut = "turns"
    high: int = 10
    reduction: str = "mean"  # type: ignore[misc]
    environment: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cut not in ("turns", "paragraphs", "lines"):
            raise UserError(f"cut={self.cut!r} is unknown; choose 'turns', 'paragraphs' or 'lines'")
        if self.high < 1:
            raise UserError(f"high={self.high!r} must be at least 1")
        if self.reduction not in REDUCTIONS:
            raise UserError(f"reduction={self.reduction!r} is unknown; choose one of {', '.join(REDUCTIONS)}")

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value."""
        return 0.0, float("inf") if self.reduction == "sum" else 1.0

    @property
    def own_columns(self) -> dict[str, str]:
        inserted = {self.environment: "inserted spans (start, end)"} if self.environment else {}
        return super().own_columns | inserted

    def spans(self, trajectory: Trajectory) -> list[Span]:
        """Where the steps stand in the completion."""
        text = trajectory.text
        return [part for span in policy_steps(trajectory) for part in _parts(text, span, _GAPS.get(self.cut))]

    def ask(self, batch: Batch) -> list[ChatRequest]:
        requests = []
        for background, trace in zip(self.backgrounds(batch), agent_trajectories(batch, self.environment), strict=True):
            blocks, last = [], 0
            for k, (start, end) in enumerate(self.spans(trace), 1):
                if trace.text[last:start].strip():
                    blocks.append((f"RETURNED BEFORE STEP {k}", trace.text[last:start].strip()))
                blocks.append((f"STEP {k}", trace.text[start:end]))
                last = end
            count = sum(label.startswith("STEP") for label, _ in blocks)
            ending = _ENDING.format(n=count, high=self.high)
            requests.append(self.request(_TASK, background, blocks, ending, schema=self._schema(count)))
        return requests

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        traces = agent_trajectories(batch, self.environment)
        return [self._verdict(self.spans(trace), reply) for trace, reply in zip(traces, replies, strict=True)]

    def _verdict(self, spans: Sequence[Span], reply: ChatReply) -> Verdict:
        said = (final_json(reply.text) or {}).get("steps") if reply.arrived else None
        scores = said if isinstance(said, Mapping) else {}
        values = np.array([self._score(scores.get(str(k))) for k in range(1, len(spans) + 1)], dtype=np.float64)
        steps = Steps(values, np.array(spans, dtype=np.int64))
        value = REDUCTIONS[self.reduction](values)
        if np.isnan(value):
            outcome = Outcome.UNPARSEABLE if reply.arrived else reply.outcome
            return Verdict(None, outcome=outcome, critique=reply.text or reply.message, steps=steps)
        return Verdict(value, critique=reply.text, steps=steps)

    def _score(self, item: Any) -> float:
        score = item.get("score") if isinstance(item, Mapping) else item
        if isinstance(score, bool) or not isinstance(score, int) or not 0 <= score <= self.high:
            return float("nan")
        return score / self.high

    def _schema(self, count: int) -> dict[str, Any]:
        step = {
            "type": "object",
            "properties": {
                "why": {"type": "string"},
                "score": {"type": "integer", "minimum": 0, "maximum": self.high},
            },
            "required": ["why", "score"],
            "additionalProperties": False,
        }
        numbers = [str(k) for k in range(1, count + 1)]
        steps = {
            "type": "object",
            "properties": dict.fromkeys(numbers, step),
            "required": numbers,
            "additionalProperties": False,
        }
        principles = {"type": "array", "items": {"type": "string"}}
        return {
            "type": "object",
            "properties": {"principles": principles, "steps": steps},
            "required": ["principles", "steps"],
            "additionalProperties": False,
        }


def _parts(text: str, span: Span, gap: re.Pattern[str] | None) -> list[Span]:
    """A span cut at its gaps, outer blanks left out; at least one part."""
    start, end = span
    if gap is None:
        return [span]
    edges = [start, *(edge for found in gap.finditer(text, start, end) for edge in found.span()), end]
    parts = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if text[a:b].strip()]
    return parts or [span]
