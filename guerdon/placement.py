"""What happens to step and token rewards when scores are combined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import CompositionError
from guerdon.scores import REDUCTIONS, Floats, Scores, Steps

JOINABLE = ("sum", "last")


def linear(name: str, scored: Sequence[Scores], weights: Sequence[float], values: Floats) -> Scores:
    """A linear combination: weights act on every step and token, what a scalar term adds joins the last one.

    Raises:
        CompositionError: terms reduce their steps differently, by a rule that no scalar can join, or step a sample differently.
    """
    reductions = {scores.reduction for scores in scored if scores.steps is not None}
    if len(reductions) > 1 or (reductions and not reductions <= set(JOINABLE)):
        raise CompositionError(
            f"{name!r} adds step rewards reduced by {sorted(reductions)}; a sum needs one reduction out of {JOINABLE}; "
            "use .then(..., placement='values') or Combine(..., placement='values') to go on without steps"
        )
    steps = tokens = None
    if reductions:
        rows = [[None if s.steps is None else s.steps[i] for s in scored] for i in range(len(values))]
        steps = tuple(
            _joined_steps(name, row, weights, values[i], next(iter(reductions))) for i, row in enumerate(rows)
        )
    if any(scores.tokens is not None for scores in scored):
        tokens = tuple(_joined_tokens(scored, weights, i) for i in range(len(values)))
    uncertainty = None
    if any(scores.uncertainty is not None for scores in scored):
        spreads = [np.zeros(len(values)) if s.uncertainty is None else s.uncertainty for s in scored]
        uncertainty = np.sqrt(sum(((w * u) ** 2 for w, u in zip(weights, spreads, strict=True)), np.zeros(len(values))))
    reduction = reductions.pop() if reductions else "sum"
    return Scores(values, steps=steps, reduction=reduction, tokens=tokens, uncertainty=uncertainty)


def _joined_steps(
    name: str, row: Sequence[Steps | None], weights: Sequence[float], value: float, reduction: str
) -> Steps | None:
    stepped = [(steps, weight) for steps, weight in zip(row, weights, strict=True) if steps is not None and len(steps)]
    if not stepped or np.isnan(value):
        return None
    if len({len(steps) for steps, _ in stepped}) > 1:
        raise CompositionError(
            f"{name!r} adds rewards that step one sample differently: {[len(s) for s, _ in stepped]} steps"
        )
    total = np.zeros(len(stepped[0][0]))
    for steps, weight in stepped:
        total += weight * steps.values
    total[-1] += value - REDUCTIONS[reduction](total)
    return Steps(total, next((steps.spans for steps, _ in stepped if steps.spans is not None), None))


def _joined_tokens(scored: Sequence[Scores], weights: Sequence[float], i: int) -> Floats | None:
    total: Floats | None = None
    scalar = 0.0
    for scores, weight in zip(scored, weights, strict=True):
        row = None if scores.tokens is None else scores.tokens[i]
        if row is None:
            scalar += weight * float(scores.values[i])
        else:
            total = weight * row if total is None else total + weight * row
    if total is not None and len(total):
        total[-1] += scalar
    return total


def chosen(scored: Sequence[Scores], choice: NDArray[np.int64], values: Floats) -> Scores:
    """A choice between terms: each sample keeps the steps, tokens and uncertainty of the term chosen for it."""

    def rows(pick: Callable[[Scores], Any]) -> tuple[Any, ...] | None:
        columns = [pick(scores) for scores in scored]
        if all(column is None for column in columns):
            return None
        return tuple(None if k < 0 or columns[k] is None else columns[k][i] for i, k in enumerate(choice.tolist()))

    reductions = {scores.reduction for scores in scored if scores.steps is not None}
    if len(reductions) > 1:
        raise CompositionError(
            f"a choice between step rewards reduced by {sorted(reductions)}; they must be reduced alike"
        )
    spreads = rows(lambda scores: scores.uncertainty)
    return Scores(
        values,
        steps=rows(lambda scores: scores.steps),
        reduction=reductions.pop() if reductions else "sum",
        tokens=rows(lambda scores: scores.tokens),
        uncertainty=None if spreads is None else np.array([np.nan if u is None else u for u in spreads]),
    )


def stepwise(scores: Scores, transform: Callable[[Floats], Floats]) -> Scores:
    """A transform applied to every step; values are the reduction of the new steps."""
    if scores.steps is None:
        raise CompositionError("placement='each' applies a transform to step rewards, and the term has none")
    steps = [None if row is None else Steps(transform(row.values), row.spans) for row in scores.steps]
    return Scores.from_steps(steps, reduction=scores.reduction)


def rewritten(
    name: str, scored: Sequence[Scores], rewrite: Callable[..., Floats], options: Mapping[str, Any]
) -> Scores:
    """The first term's steps made anew in view of what the other terms give the sample; values are the reduction of the new steps.

    Raises:
        CompositionError: the first term has no steps.
    """
    first, *others = scored
    if first.steps is None:
        raise CompositionError(f"{name!r} rewrites the steps of its first term, which has none")
    steps = []
    for i, row in enumerate(first.steps):
        beside = np.array([scores.values[i] for scores in others], dtype=np.float64)
        steps.append(None if row is None else Steps(rewrite((row.values, beside), **options), row.spans))
    return Scores.from_steps(steps, reduction=first.reduction)
