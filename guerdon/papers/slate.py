"""SLATE: candidates for one step of a search agent, judged one by one and compared with each other only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.batch import Batch
from guerdon.combine import Sum
from guerdon.models.protocols.search_turn import SearchTurn
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.rewards import EarlyStop, Given, Judged, SearchAnswer
from guerdon.rewards.search import HACKS, HONEST
from guerdon.scores import Scores
from guerdon.shaping.advantages import step_advantage
from guerdon.shaping.selection import selection_probabilities
from guerdon.text.decoded_rollout import decoded_queries, decoded_text
from guerdon.text.search_trace import searches
from guerdon.text.tags import tag_blocks

PAPER = Paper(
    slug="slate",
    title="Truncated Step-Level Sampling with Process Rewards for Retrieval-Augmented Reasoning",
    year=2026,
    arxiv="2602.23440",
    kind="reward",
    parts={
        "thought, query and answer grades of -1, 0, 1": RELEASED,
        "bonus for answering early": RELEASED,
        "advantage and selection among candidates": RELEASED,
        "reading of steps and replies": RELEASED,
        "judge prompts": OURS,
        "unreadable turn -1, failed judgement unscored": OURS,
    },
    columns=("r_action", "r_think", "turn"),
    range=(-2.0, 2.1),
    variants=("default", "official", "retrieval-gated"),
)


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    thought: Reward | None = None,
    action: Reward | None = None,
    budget: int = 4,
    bonus: float = 0.1,
    turn: str = "turn",
    question: str | None = "question",
    so_far: str | None = "so_far",
    golden_answers: str = "golden_answers",
) -> Reward:
    """r_think + r_action of one turn, + ``bonus`` (B - t) / B where it answers: for k candidates that continue one prefix.

    Candidates of one prefix are a group; :func:`step_group` gives their advantages and which goes on. Without a judge columns
    ``r_think`` and ``r_action`` hold the grades, clipped to [-1, 1]. ``"official"`` does not clip, takes the first number of a
    reply for its grade and 0 for a judge out of reach. ``"retrieval-gated"`` is the outcome reward on whole trajectories that the
    release ships beside it, :class:`RetrievalGatedAnswer`.

    Args:
        chat: the judge.
        thought, action: rewards in [-1, 1] to use instead.
        budget, bonus: turns in all, and what answering at the first is worth.
        turn, question, so_far, golden_answers: columns; a question of None is the prompt.
    """
    if variant == "retrieval-gated":
        return RetrievalGatedAnswer(golden_answers)
    official = variant == "official"
    bounds = {} if official else {"low": -1.0, "high": 1.0}
    asking: dict[str, Any] = {
        "question": question,
        "so_far": so_far,
        "golden_answers": golden_answers,
        "variant": "official" if official else "default",
    }

    def grade(aspect: Any, column: str) -> Reward:
        if chat is None:
            return Given(column, name=aspect, **bounds)
        return Judged(chat, SearchTurn(aspect=aspect, **asking), name=aspect)

    early = EarlyStop(turn=turn, budget=budget, bonus=bonus)
    return Sum(thought or grade("thought", "r_think"), action or grade("action", "r_action"), early)


def step_group(rewards: ArrayLike, *, temperature: float = 0.7, eps: float = 1e-6) -> dict[str, np.ndarray]:
    """Advantages of the candidates of one step, and the chance of each to be the one that goes on. All of them are trained on.

    >>> {name: values.round(3).tolist() for name, values in step_group([1.0, -1.0]).items()}
    {'advantages': [0.707, -0.707], 'selection': [0.883, 0.117]}
    """
    values = np.asarray(rewards, dtype=np.float64)
    advantages = step_advantage(values, np.zeros(len(values), dtype=np.int64), eps=eps)
    return {"advantages": advantages, "selection": selection_probabilities(advantages, temperature=temperature)}


@register("reward", "retrieval_gated_answer")
@dataclass(frozen=True, repr=False)
class RetrievalGatedAnswer(SearchAnswer):
    """1 for a right last answer after a search, 0.1 where there are three or more answer blocks, else 0.

    A search has a query that is not blank, and must have been answered by the environment; ``variant="official"`` takes the decoded
    text at its word. Columns and NaN: those of :class:`~guerdon.rewards.SearchAnswer`.

    Source: SLATE 2026 (arXiv 2602.23440), baseline in the released code.

    >>> said = "<search>q</search><information>d</information><answer>The Tower</answer>"
    >>> RetrievalGatedAnswer(variant="official").score(Batch([said], golden_answers=["tower"])).values.tolist()
    [1.0]
    """

    def _score(self, batch: Batch) -> Scores:
        found = super()._score(batch)
        if self.official:
            decoded = [decoded_text(completion) for completion in batch.completions]
            searched = [bool(decoded_queries(text)) for text in decoded]
            answers = [len(tag_blocks(text, "answer")) for text in decoded]
        else:
            traces = self.trajectories(batch)
            searched = [any(one.found is not None and one.query.strip() for one in searches(t)) for t in traces]
            answers = [sum(turn.kind == "answer" and turn.by_policy for turn in trace) for trace in traces]
        factor = np.where(np.array(searched), np.where(np.array(answers) >= 3, 0.1, 1.0), 0.0)
        return Scores(found.values * factor, parts=found.parts, notes=found.notes)

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)
