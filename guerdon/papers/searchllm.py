"""SearchLLM: what a search answer must not do gates what it does well, so that richness cannot buy back a hallucination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guerdon.combine import Combine, Gate, Product
from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import GatedAggregate

PAPER = Paper(
    slug="searchllm",
    title="Aligning Large Language Models with Searcher Preferences",
    year=2026,
    arxiv="2603.10473",
    kind="reward",
    parts={
        "bottom-line gate, behaviour utility, their product": PUBLISHED,
        "edge cases, hard gate, missing scores": OURS,
    },
    columns=("behaviour_scores", "constraint_scores"),
    range=(0.0, 1.0),
    variants=("default", "official"),
)


def build(
    variant: str = "default",
    *,
    constraints: Sequence[Reward] = (),
    behaviours: Sequence[Reward] = (),
    weights: Sequence[float] | Mapping[str, float] | None = None,
    delta: float = 0.01,
    hard: float | None = None,
    constraint_scores: str = "constraint_scores",
    behaviour_scores: str = "behaviour_scores",
    weights_column: str | None = None,
) -> Reward:
    """exp(mean of ln((s + delta) / (1 + delta)) over constraints) * weighted mean of behaviours, in [0, 1].

    Of rewards where ``constraints`` or ``behaviours`` are given (checks, judged leaves; each in [0, 1]), else of scores that
    columns hold. A score that is missing leaves the result unscored; ``"official"`` is the rule of the source we have: a missing
    constraint is violated, a missing behaviour left out.

    Args:
        constraints, behaviours: rewards of what must hold and of what is nice to have.
        weights: of the behaviours, in order, or by name for columns that hold name -> score; equal unless given.
        delta: how soft the gate is.
        hard: what every constraint must reach, or the reward is 0 and, with rewards, no behaviour is scored.
        constraint_scores, behaviour_scores, weights_column: columns of scores already there.

    Raises:
        UserError: weights that do not fit the behaviours.
    """
    official = variant == "official"
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
