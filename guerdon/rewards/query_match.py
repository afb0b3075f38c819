"""Rewards on the words of the queries that search agents write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.search import HACKS, HONEST, OnSearch, check_f1
from guerdon.rewards.textual import reference_texts
from guerdon.scores import Note, Outcome, Scores, Steps
from guerdon.text.decoded_rollout import queries_before_answer
from guerdon.text.search_trace import policy_steps, searches
from guerdon.text.token_f1 import Counting, token_f1
from guerdon.text.trajectory import Trajectory


@register("reward")
@dataclass(frozen=True, repr=False)
class QueryMatch(OnSearch):
    """The best token F1 between a search query and a stand-alone rewrite of the question: max_q F1(q, rewrite).

    Queries are those that the environment answered before the last answer; without any it is 0. Shared tokens count once each
    (``counting="set"``) over the full lengths. ``variant="official"`` takes every search block up to the end of the last answer
    block of the decoded text, in any case. Range [0, 1]. Column ``rewrite`` (text or list: the best counts). Where it is missing
    the sample is not scored (``missing_data``), or worth 0 with ``without="zero"``. ``by_step`` gives a step reward: the value on
    the step of the best query, 0 on the others.

    Source: ChatR1 (arXiv 2510.13312), intent reward.

    >>> asked = [
    ...     {"role": "assistant", "content": "<search>tower built when</search>"},
    ...     {"role": "tool", "content": "1889"},
    ... ]
    >>> QueryMatch().score(Batch([asked], rewrite=["When was the tower built?"])).values.round(3).tolist()
    [0.857]
    """

    reference: str = column("rewrite", expects="the question rewritten so that it stands alone, or a list of rewrites")
    counting: Counting = "set"
    tokenizer: str = "squad"
    without: str = "nan"
    by_step: bool = False

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.without not in ("nan", "zero"):
            raise UserError(f"without={self.without!r} is unknown; choose 'nan' or 'zero'")
        if self.by_step and self.official:
            raise UserError("by_step=True needs turns, which variant='official' does not look at; use one of them")
        check_f1(self.tokenizer, self.counting)

    def queries(self, batch: Batch) -> list[list[tuple[str, int]]]:
        """The queries of each sample that count, and where each begins."""
        if self.official:
            return [[(query, 0) for query in queries_before_answer(text)] for text in self.decoded(batch)]
        return [
            [
                (search.query, search.start)
                for search in searches(parsed)
                if search.found is not None and search.start < end
            ]
            for parsed, end in zip(self.trajectories(batch), map(_last_answer, self.trajectories(batch)), strict=True)
        ]

    def _score(self, batch: Batch) -> Scores:
        values, best = np.zeros(len(batch)), np.zeros(len(batch), dtype=np.int64)
        notes: list[Note | None] = [None] * len(batch)
        rewrites = map(reference_texts, self.read(batch, self.reference))
        for i, (queries, references) in enumerate(zip(self.queries(batch), rewrites, strict=True)):
            if not references:
                values[i] = 0.0 if self.without == "zero" else np.nan
                notes[i] = Note(
                    Outcome.SCORED if self.without == "zero" else Outcome.MISSING_DATA, f"no {self.reference}"
                )
            elif not queries:
                notes[i] = Note(Outcome.EMPTY, "no answered search before the answer")
            else:
                values[i], best[i] = max((self.fit(query, references), -start) for query, start in queries)
        if not self.by_step:
            return Scores(values, notes={"": tuple(notes)})
        steps = [
            _on_step(value, -at, parsed)
            for value, at, parsed in zip(values.tolist(), best.tolist(), self.trajectories(batch), strict=True)
        ]
        return Scores(values, steps=tuple(steps), notes={"": tuple(notes)})

    def fit(self, query: str, references: Sequence[str]) -> float:
        """How well one query fits the best of the rewrites."""
        return max(token_f1(query, one, tokenizer=self.tokenizer, counting=self.counting) for one in references)

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


def _last_answer(parsed: Trajectory) -> int:
    return max((turn.start for turn in parsed.of("answer") if turn.by_policy), default=len(parsed.text))


def _on_step(value: float, at: int, parsed: Trajectory) -> Steps | None:
    if np.isnan(value):
        return None
    spans = np.array(policy_steps(parsed))
    placed = np.zeros(len(spans))
    placed[max(0, int(np.searchsorted(spans[:, 0], at, side="right")) - 1)] = value
    return Steps(placed, spans)
