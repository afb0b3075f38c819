"""A bonus for an agent that answers before its budget of turns is used up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.search_steps import search_action


@register("reward")
@dataclass(frozen=True, repr=False)
class EarlyStop(Textual):
    """``bonus`` (B - t) / B for a completion that answers at turn t of a budget of B turns, 0 for one that does not answer.

    The completion is one turn of a search agent, a thought and a search or an answer
    (:func:`~guerdon.text.search_steps.search_action`). The bonus is paid to wrong answers too: add it to what judges them. Turns
    count from 0, beyond the budget it is 0. Column ``turn``. NaN with ``missing_data`` where there is no turn. Range
    [0, ``bonus``].

    Source: SLATE 2026 (arXiv 2602.23440).

    >>> EarlyStop().score(Batch(["<answer>a</answer>", "<search>q</search>"], turn=[2, 0])).values.tolist()
    [0.05, 0.0]
    """

    turn: str = column("turn", expects="the number of the turn, from 0")
    budget: int = 4
    bonus: float = 0.1
    of: str = field(default="whole", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.budget < 1 or not math.isfinite(self.bonus) or self.bonus < 0:
            raise UserError(f"budget={self.budget} must be at least 1 and bonus={self.bonus} not negative")

    @property
    def range(self) -> tuple[float, float]:
        return 0.0, self.bonus

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        values = np.zeros(len(batch))
        for i, (text, given) in enumerate(zip(texts, self.read(batch, self.turn), strict=True)):
            turn = _turn(given)
            if math.isnan(turn):
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no number in {self.turn}")
            elif notes[i] is None and search_action(text).kind == "answer":
                values[i] = self.bonus * min(1.0, max(0.0, (self.budget - turn) / self.budget))
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["<think>It says so.</think><answer>Ann Lee</answer>", "<think>Found.</think><answer>1889</answer>"],
            ["Who leads Alba?", "When was it built?"],
            turn=[0, 0],
        )
        return Example(honest, {"empty": ["", ""], "no tags": ["Ann Lee", "1889"], "open": ["<answer>Ann", "<answer>"]})


def _turn(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan
