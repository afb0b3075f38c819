"""ActionComparison: a judge writes principles for a task and the state it is in, and says which of two actions is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison, PairwiseProtocol, Verdict
from guerdon.models.protocols.shown import Shown, shown_text
from guerdon.registry import register
from guerdon.text.named_candidate import named_candidate
from guerdon.text.page_excerpt import mentioned_elements, page_excerpt
from guerdon.text.replies import own_words

_TASK = """You supervise an agent that carries out a task step by step. You are given the task, the state the agent sees, what it \
has done so far and two candidates for its next action, each with the agent's reasoning. Say which candidate brings the task \
further. A candidate's own account of itself is a claim to be checked against the state, and words it shares with the task are \
no progress. An action on an element that the state does not show cannot work."""
_ENDING = """Compare the two candidates in these four sections:
<State>where the task stands and what the state shows of it</State>
<Criteria>two to five principles for this task at this step, each with its importance from 0 to 1, tied to what the state \
shows</Criteria>
<Analysis>how each candidate does on each principle, and what would happen next</Analysis>
<Answer>Response 1 or Response 2, nothing else</Answer>"""


@register("protocol", "action_comparison")
@dataclass(frozen=True)
class ActionComparison(Shown, PairwiseProtocol):
    """How much better the first of two actions is: 1 the first, 0 the second; there are no ties.

    Completions are actions with their reasoning, as text or as mappings with ``reasoning`` and ``action``. The judge is shown the
    task (``question``, or the prompt), the columns ``observation`` (None: none; a page longer than ``page_limit`` characters is
    cut around the elements the candidates name, :func:`~guerdon.text.page_excerpt.page_excerpt`) and ``history`` (None: none),
    and answers with the number of a candidate in its ``<Answer>`` block. A reply that names none or both is undecided. For
    actions that cannot be undone ask in both orders and let only agreement decide (``debias="consistent"`` above it).

    Source: WebArbiter 2026 (arXiv 2601.21872); the prompt is ours.

    >>> said = "<State>..</State><Criteria>..</Criteria><Analysis>..</Analysis><Answer>Response 2</Answer>"
    >>> ActionComparison().read(ChatReply(said)).value
    0.0
    """

    observation: str | None = "observation"
    history: str | None = "history"
    page_limit: int = 20_000
    strict_tail: int | None = None

    @property
    def own_columns(self) -> dict[str, str]:
        named = {self.observation: "what the agent sees, as text", self.history: "what it has done so far"}
        return super().own_columns | {name: what for name, what in named.items() if name}

    def ask(self, comparison: Comparison) -> ChatRequest:
        candidates = [action_text(comparison.first), action_text(comparison.second)]
        row = comparison.context
        shared = self.background(comparison.prompt, row)
        shared[0:1] = [("TASK", text) for label, text in shared[:1]]
        if self.history is not None and (done := _history_text(row.get(self.history))).strip():
            shared.append(("DONE SO FAR", done))
        if self.observation is not None and (page := shown_text(row.get(self.observation))).strip():
            # What is shown of the page depends on both candidates and not on their order.
            elements = set().union(*(mentioned_elements(text) for text in candidates))
            shared.append(("STATE", page_excerpt(page, elements, limit=self.page_limit)))
        judged = [(f"RESPONSE {k}", text) for k, text in enumerate(candidates, 1)]
        return self.request(_TASK, shared, judged, _ENDING)

    def read(self, reply: ChatReply) -> Verdict:
        words = own_words(reply.text) if reply.arrived else ""
        said = named_candidate(words, strict_tail=self.strict_tail)
        return Verdict.unread(reply) if said is None else Verdict(float(said == 1), critique=reply.text)


def action_text(candidate: Any) -> str:
    """A candidate as it is shown: reasoning, then action.

    >>> action_text({"reasoning": "It is the cart.", "action": "click [7]"})
    'Reasoning: It is the cart.\\nAction: click [7]'
    """
    if not isinstance(candidate, Mapping):
        return shown_text(candidate)
    parts = {"Reasoning": candidate.get("reasoning"), "Action": candidate.get("action")}
    return "\n".join(f"{name}: {shown_text(said)}" for name, said in parts.items() if said)


def _history_text(value: Any) -> str:
    if isinstance(value, (list, tuple)) and all(isinstance(one, Mapping) for one in value):
        return "\n".join(f"{k}. {' '.join(action_text(one).split())}" for k, one in enumerate(value, 1))
    return shown_text(value)
