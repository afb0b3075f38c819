"""Whether a judge in training names the right one of several candidates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.named_candidate import named_candidate

_MODELS = {f"model_{letter}": k for k, letter in enumerate("abcdefghij", 1)}


@register("reward")
@dataclass(frozen=True, repr=False)
class NamedCandidate(Textual):
    """``right`` where the last answer block names the winner and no other candidate, else ``wrong``; nothing else is rewarded.

    What a block names: :func:`~guerdon.text.named_candidate.named_candidate`. Part ``verdict``: the number named, NaN where none or
    several are. Column ``winner``: a number from 1, or ``model_a``, ``model_b``. NaN with ``missing_data`` without one.
    ``strict_tail`` looks at the last that many characters only, with the tag as it is written.

    Source: WebArbiter 2026 (arXiv 2601.21872), reward of a judge of actions.

    >>> said = ["<Analysis>1 repeats a step.</Analysis><Answer>Response 2</Answer>", "<Answer>1 or 2</Answer>"]
    >>> NamedCandidate().score(Batch(said, winner=[2, 2])).values.tolist()
    [1.0, -1.0]
    """

    winner: str = column("winner", expects="the number of the right candidate, or model_a, model_b")
    count: int = 2
    tag: str = "Answer"
    strict_tail: int | None = None
    right: float = 1.0
    wrong: float = -1.0
    of: str = field(default="visible", kw_only=True)

    subparts = ("verdict",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.count <= 1000 or (self.strict_tail is not None and self.strict_tail < 1):
            raise UserError(f"count={self.count} must be 2 to 1000, strict_tail={self.strict_tail} None or positive")

    @property
    def range(self) -> tuple[float, float]:
        return min(self.wrong, self.right), max(self.wrong, self.right)

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        values, verdicts = np.full(len(batch), self.wrong), np.full(len(batch), np.nan)
        for i, (text, given) in enumerate(zip(texts, self.read(batch, self.winner), strict=True)):
            said = named_candidate(text, count=self.count, tag=self.tag, strict_tail=self.strict_tail)
            verdicts[i] = np.nan if said is None else said
            gold = _winner(given)
            if gold is None:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no candidate in {self.winner}")
            elif said is None:
                notes[i] = notes[i] or Note(Outcome.MALFORMED, "names no candidate, or several")
            else:
                values[i], notes[i] = self.right if said == gold else self.wrong, Note(answer=str(said))
        return Scores(values, parts={"verdict": verdicts}, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        said = "<State>The cart is empty.</State><Criteria>Progress.</Criteria><Analysis>So.</Analysis><Answer>Response {}</Answer>"
        honest = Batch([said.format(2), said.format(1)], ["Which action?", "Which one?"], winner=[2, "model_a"])
        hacks = {
            "empty": ["", ""],
            "both": ["<Answer>Response 1, Response 2</Answer>"] * 2,
            "no tag": ["Response 2", "Response 1"],
            "in a thought": ["<think><Answer>2</Answer></think>", "<think><Answer>1</Answer></think>"],
            "shopping": ["<Answer>2</Answer><Answer>1</Answer>", "<Answer>1</Answer><Answer>2</Answer>"],
        }
        return Example(honest, hacks)


def _winner(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().lower() in _MODELS:
        return _MODELS[value.strip().lower()]
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() and number >= 1 else None
