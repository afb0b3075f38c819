"""Given: scores that something else has already computed, from a column of the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.scores import Note, Outcome, Scores


@register("reward")
@dataclass(frozen=True, repr=False)
class Given(Reward):
    """The number in a column: a score computed elsewhere, such as a reward model's, a human's or an environment's.

    Range: ``low`` to ``high``, unbounded unless given; a number outside is clipped. Column ``score``. NaN with ``missing_data``
    where the column holds no finite number.

    >>> Given("score").score(Batch(["a", "b"], score=[0.5, None])).values.tolist()
    [0.5, nan]
    """

    score_column: str = column("score", expects="one number per sample")
    low: float = -math.inf
    high: float = math.inf

    @property
    def range(self) -> tuple[float, float]:
        return (self.low, self.high)

    def _score(self, batch: Batch) -> Scores:
        numbers = [_number(value) for value in self.read(batch, self.score_column)]
        missing = Note(Outcome.MISSING_DATA, f"no number in {self.score_column}")
        notes = tuple(missing if math.isnan(number) else None for number in numbers)
        return Scores(np.clip(np.array(numbers, dtype=np.float64), self.low, self.high), notes={"": notes})

    @classmethod
    def example(cls) -> Example:
        return Example(Batch(["a", "b"], score=[0.5, -2.0]))


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan
