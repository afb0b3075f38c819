"""SD-E^2: pays one completion for trying strategies that differ in meaning, until one of them is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guerdon.combine import Product, Sum
from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Length, StrategyAnswer, StrategyDiversity, StrategyForm

PAPER = Paper(
    slug="sd-e2",
    title="SD-E^2: Semantic Exploration for Reasoning Under Token Budgets",
    year=2026,
    arxiv="2601.17982",
    kind="reward",
    parts={
        "dissimilarity and coverage of strategies": RELEASED,
        "exploration until a strategy is right": RELEASED,
        "components z-scored before they are summed": PUBLISHED,
        "scope of the z-score (the prompt's group), weights of 1": OURS,
        "multi-strategy reward of the author's later CoRe": RELEASED,
        "cap of the format term, efficiency term": OURS,
    },
    columns=("answer",),
    range=(float("-inf"), float("inf")),
    variants=("default", "official", "multi-strategy", "multi-strategy-official"),
)


def build(
    variant: str = "default",
    *,
    answer: str = "answer",
    encoder: Any = "minilm",
    weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
    efficiency: float = 0.0,
    budget: int = 1536,
    unit: str = "tokens",
) -> Reward:
    """Sum of outcome, exploration, exploitation and format, each z-scored within the prompt's group.

    ``"official"`` compares answers as the released code does. ``"multi-strategy"`` is the author's later reward, for each
    completion by itself and without z-scores: 2 for a right final answer, 1.5 for a right strategy or up to 0.5 for different
    ones, up to 0.3 for form. ``"multi-strategy-official"`` adds 1.5 where a strategy is right but the final answer is not, and so
    pays that more (3.0) than a right final answer (2.0); with ``encoder=None`` it counts strategies, alike or not.

    Args:
        answer: column of the gold answer.
        encoder: what tells strategies apart; None: only their wording.
        weights: of the four components, in the order above.
        efficiency: weight of a fifth, -length / ``budget``; 0 leaves it out.
        budget, unit: length a completion may have, in tokens, words or characters.

    Raises:
        UserError: not four weights, or a budget below 1.
    """
    if len(weights) != 4:
        raise UserError(f"weights={weights!r} must be four: outcome, exploration, exploitation, format")
    if budget < 1:
        raise UserError(f"budget={budget} must be at least 1")
    mode: Any = "official" if variant.endswith("official") else "default"
    final = StrategyAnswer("final", answer, variant=mode, name="outcome")
    tried = StrategyAnswer("any", answer, variant=mode, name="exploitation")
    if variant.startswith("multi-strategy"):
        explored = StrategyDiversity(answer, encoder, right=1.5, compares="reasoning", variant=mode, name="diversity")
        form = StrategyForm(0.06, 0.15, 0.0, 0.3, variant=mode, name="format")
        terms: list[Reward] = [Sum(final, weights=(2.0,), name="correctness"), explored, form]
        if mode == "official":
            unheeded = Product(tried, final.then("affine", scale=-1.0, shift=1.0))
            terms.append(Sum(unheeded, weights=(1.5,), name="consistency"))
        return Sum(*terms)
    explored = StrategyDiversity(answer, encoder, variant=mode, name="exploration")
    components: list[Reward] = [final, explored, tried, StrategyForm(variant=mode, name="format")]
    shares = list(weights)
    if efficiency:
        components.append(Length(unit).then("affine", scale=-1.0 / budget, name="efficiency"))
        shares.append(efficiency)
    return standardised(components, shares)


def standardised(components: Sequence[Reward], weights: Sequence[float], *, ddof: int = 0, eps: float = 1e-8) -> Reward:
    """sum_c w_c (r_c - mean_c) / (std_c + eps) over the prompt's group; a component that is constant there gives 0.

    >>> standardised([StrategyAnswer("any")], [2.0]).siblings
    'group'
    """
    return Sum(*(c.then("zscore", ddof=ddof, eps=eps) for c in components), weights=tuple(weights))
