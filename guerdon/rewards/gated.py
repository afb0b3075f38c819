"""GatedAggregate: scores of a rubric's leaves, of which some must hold and others are nice to have, as one reward."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.bottom_line import Missing, gated_utility

Weights = Mapping[str, float] | Sequence[float]


@register("reward")
@dataclass(frozen=True, repr=False)
class GatedAggregate(Reward):
    """Constraints multiply, behaviours average: R = B U, see :func:`guerdon.shaping.bottom_line.gated_utility`.

    Columns ``constraint_scores`` and ``behaviour_scores`` hold per sample a list of scores in [0, 1], or name -> score. Range
    [0, 1]. Parts ``gate`` (B) and ``utility`` (U). NaN with ``missing_data`` where a column holds neither, or a score is missing;
    with ``missing="official"`` a missing constraint is violated and a missing behaviour left out.

    Args:
        weights: of the behaviours, in order or by name; equal unless given.
        weights_column: column of each sample's own weights instead.
        delta: how soft the gate is; the slope of its logarithm is at most 1 / (m delta).
        hard: what every constraint must reach, or the reward is 0; None: the gate stays soft.

    Source: SearchLLM 2026 (arXiv 2603.10473).

    >>> batch = Batch(["", ""], constraint_scores=[[1, 1], [1, 0]], behaviour_scores=[[0.5, 0.7], [1, 1]])
    >>> GatedAggregate().score(batch).values.round(4).tolist()
    [0.6, 0.0995]
    """

    constraints: str = column("constraint_scores", expects="a list of scores in [0, 1], or name -> score")
    behaviours: str = column("behaviour_scores", expects="a list of scores in [0, 1], or name -> score")
    weights: Weights | None = None
    weights_column: str | None = field(
        default=None, kw_only=True, metadata={"column": "the weights of the sample's behaviours"}
    )
    delta: float = field(default=0.01, kw_only=True)
    hard: float | None = field(default=None, kw_only=True)
    missing: str = field(default="nan", kw_only=True)

    bounds = (0.0, 1.0)
    subparts = ("gate", "utility")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.delta < math.inf:
            raise UserError(f"delta={self.delta} must not be negative")
        if self.missing not in ("nan", "official"):
            raise UserError(f"missing={self.missing!r} is unknown; choose 'nan' or 'official'")

    def _score(self, batch: Batch) -> Scores:
        values, gates, utilities = (np.full(len(batch), np.nan) for _ in range(3))
        notes: list[Note | None] = [None] * len(batch)
        given = (self.weights,) * len(batch)
        weights = given if self.weights_column is None else self.read(batch, self.weights_column)
        rows = zip(self.read(batch, self.constraints), self.read(batch, self.behaviours), weights, strict=True)
        for i, (constraints, behaviours, shares) in enumerate(rows):
            must, nice = _numbers(constraints), _numbers(behaviours, shares)
            if must is None or nice is None:
                absent = self.constraints if must is None else self.behaviours
                notes[i] = Note(Outcome.MISSING_DATA, f"no scores in {absent}")
                continue
            if isinstance(shares, Mapping):
                shares = list(shares.values())
            try:
                result = gated_utility(
                    must, nice, shares, delta=self.delta, hard=self.hard, missing=cast(Missing, self.missing)
                )
            except (TypeError, ValueError) as error:
                raise UserError(f"{self.name}, sample {i}: {error}") from None
            values[i], gates[i], utilities[i] = result.value, result.gate, result.utility
            if math.isnan(result.value):
                notes[i] = Note(Outcome.MISSING_DATA, "a score is missing")
            elif not nice:
                notes[i] = Note(message="no behaviour to average; the utility is 1")
        return Scores(values, parts={"gate": gates, "utility": utilities}, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(Batch(["a", "b"], constraint_scores=[[1, 1], [1, 0]], behaviour_scores=[[0.5, 0.7], [1, 1]]))


def _numbers(value: Any, weights: Any = None) -> list[float] | None:
    """The scores of a column's value, those that weights name where they do; NaN for what is no number."""
    if isinstance(value, Mapping):
        value = [value.get(name) for name in weights] if isinstance(weights, Mapping) else list(value.values())
    value = value.tolist() if isinstance(value, np.ndarray) else value
    return [_number(one) for one in value] if isinstance(value, (list, tuple)) else None


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan
