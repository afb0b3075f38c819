"""SearchLLM: what a search answer must not do gates what it does well, so that richness cannot buy back a hallucination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guerdon.combine import Combine, Gate, Product
from guerdon.errors import UserError
from guerdon.frozen import FrozenDict
from guerdon.models.protocols.checklist import Checklist
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import GatedAggregate, Judged

PAPER = Paper(
    slug="searchllm",
    title="Aligning Large Language Models with Searcher Preferences",
    year=2026,
    arxiv="2603.10473",
    kind="reward",
    parts={
        "bottom-line gate, behaviour utility, their product": PUBLISHED,
        "edge cases, hard gate, missing scores": OURS,
        "leaves and judge prompts": OURS,
    },
    columns=("behaviour_scores", "constraint_scores"),
    range=(0.0, 1.0),
    variants=("default", "official"),
)

#: Leaves of the first layer: what an answer must not get wrong. Yes or no.
CONSTRAINTS: Mapping[str, str] = FrozenDict(
    {
        "grounded": "Going through it sentence by sentence, every statement of fact is supported by the evidence.",
        "uncontradicted": "No statement contradicts the evidence.",
        "truthful": "No statement is false by what is commonly known, where the evidence is silent.",
        "logical": "It does not contradict itself, and what it concludes follows.",
        "coherent": "It reads as one finished text, without gibberish, breaks or stray fragments.",
    }
)
#: Leaves of the second layer: how well it serves the reader. Graded.
BEHAVIOURS: Mapping[str, str] = FrozenDict(
    {
        "intent": "It answers what the query is after; where that is open, it says how it was understood.",
        "sifts": "It leaves out evidence that is beside the point or out of date, names where sources conflict, and says so where "
        "the evidence is not enough.",
        "rich": "It gives different points that each say something new, from more than one side where there is one.",
        "answer_first": "The answer itself stands in the first two sentences.",
        "lean": "Nothing is said twice, and nothing that the reader does not need.",
    }
)


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    constraints: Sequence[Reward] = (),
    behaviours: Sequence[Reward] = (),
    weights: Sequence[float] | Mapping[str, float] | None = None,
    delta: float = 0.01,
    hard: float | None = None,
    constraint_scores: str = "constraint_scores",
    behaviour_scores: str = "behaviour_scores",
    weights_column: str | None = None,
    query: str | None = "query",
    evidence: str | None = "evidence",
    history: str | None = None,
) -> Reward:
    """exp(mean of ln((s + delta) / (1 + delta)) over constraints) * weighted mean of behaviours, in [0, 1].

    Of rewards where ``constraints`` or ``behaviours`` are given (checks, judged leaves; each in [0, 1]), else with ``chat`` of
    :data:`CONSTRAINTS` and :data:`BEHAVIOURS` as a judge sees them, one call for each of the two, else of scores that columns
    hold. A score that is missing leaves the result unscored; ``"official"`` is the rule of the source we have: a missing
    constraint is violated, a missing behaviour left out.

    Args:
        chat: the judge of constraints and behaviours that are not given; format and length are better checked by rules, which
            can be put among ``constraints``.
        constraints, behaviours: rewards of what must hold and of what is nice to have.
        weights: of the behaviours, in order, or by name for columns that hold name -> score; equal unless given.
        delta: how soft the gate is.
        hard: what every constraint must reach, or the reward is 0 and, with rewards, no behaviour is scored.
        constraint_scores, behaviour_scores, weights_column: columns of scores already there.
        query, evidence, history: columns for the judge; a query of None is the prompt, the others are then not shown.

    Raises:
        UserError: weights that do not fit the behaviours.
    """
    official = variant == "official"
    if chat is not None:
        shown = {name: heading for name, heading in ((history, "History"), (evidence, "Evidence")) if name}
        asking: dict[str, Any] = {"question": query, "context": shown, "unsure": False}
        if not constraints:
            constraints = judged_leaves(chat, CONSTRAINTS, levels=2, name="constraints", **asking)
        if not behaviours:
            behaviours = judged_leaves(chat, BEHAVIOURS, levels=5, name="behaviours", **asking)
    if not constraints and not behaviours:
        return GatedAggregate(
            constraint_scores,
            behaviour_scores,
            weights,
            weights_column=weights_column,
            delta=delta,
            hard=hard,
            missing="official" if official else "nan",
        )
    factors: list[Reward] = []
    if constraints:
        options = {"delta": delta, "missing": "zero" if official else "nan"}
        factors.append(Combine(tuple(constraints), "geometric_mean", options, name="gate"))
    if behaviours:
        shares = (1.0,) * len(behaviours) if weights is None else weights
        if isinstance(shares, Mapping) or len(shares) != len(behaviours) or min(shares) < 0 or not sum(shares):
            raise UserError(f"weights={weights} must be {len(behaviours)} numbers, none negative and not all 0")
        averaged = {"weights": tuple(shares), "missing": "drop" if official else "nan"}
        factors.append(Combine(tuple(behaviours), "mean", averaged, name="utility"))
    total = Product(*factors)
    if hard is None or not constraints:
        return total
    worst = Combine(tuple(constraints), "minimum", {"missing": "zero" if official else "nan"})
    return Gate(worst, total, at_least=hard)


def judged_leaves(chat: Any, leaves: Mapping[str, str], *, levels: int, name: str, **asking: Any) -> tuple[Reward, ...]:
    """One reward in [0, 1] for each leaf, all from one reply of the judge; leaves that it left open are unscored, each by itself.

    >>> from guerdon.models.chat import ScriptedChat
    >>> [leaf] = judged_leaves(ScriptedChat({}), {"lean": "Nothing is said twice."}, levels=5, name="nice")
    >>> leaf.name, leaf.range
    ('lean', (0.0, 1.0))
    """
    criteria = [{"id": leaf, "text": text} for leaf, text in leaves.items()]
    judged = Judged(chat, Checklist(criteria, levels=levels, **asking), name=name)
    return tuple(judged.part(leaf).then("clip", low=0.0, high=1.0, name=leaf) for leaf in leaves)
