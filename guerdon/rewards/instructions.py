"""Rewards on instructions that a rule can check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.instructions import check_instruction
from guerdon.text.json_text import parse_json


@register("reward")
@dataclass(frozen=True, repr=False)
class Instructions(Textual):
    """How many of the instructions on form a completion follows: their share, or with ``credit="all"`` 1 if all, else 0.

    Column ``instructions``: per sample a list of ``{"name": ..., "args": {...}}`` (or its JSON), named as in
    :data:`guerdon.text.instructions.INSTRUCTIONS`. Range [0, 1]. An empty completion scores 0, also where an instruction only
    forbids. NaN with ``missing_data`` where there is no instruction, and ``instrument_error`` where one cannot be checked.

    Source: the validators of ARM-Thinker 2025 (arXiv 2512.05111), released code.

    >>> asked = [{"name": "WordCountInRange", "args": {"lower_bound": 1, "upper_bound": 3}}, {"name": "NoArabicNumber"}]
    >>> Instructions().score(Batch(["two words", "all 4 words here"], instructions=[asked] * 2)).values.tolist()
    [1.0, 0.0]
    """

    instructions: str = column("instructions", expects="a list of {'name': ..., 'args': {...}}")
    credit: Literal["share", "all"] = "share"
    of: str = field(default="visible", kw_only=True)

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.credit not in ("share", "all"):
            raise UserError(f"credit={self.credit!r} must be 'share' or 'all'")

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        values = np.zeros(len(batch))
        for i, asked in enumerate(self.read(batch, self.instructions)):
            wanted = _listed(asked)
            if not wanted:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {self.instructions}")
            elif notes[i] is None:
                values[i], notes[i] = self._followed(wanted, texts[i])
        return Scores(values, notes={"": tuple(notes)})

    def _followed(self, wanted: list[Mapping[str, Any]], text: str) -> tuple[float, Note | None]:
        try:
            followed = [check_instruction(str(item["name"]), text, item.get("args")) for item in wanted]
        except (ValueError, KeyError) as error:
            return np.nan, Note(Outcome.INSTRUMENT_ERROR, str(error))
        broken = [str(item["name"]) for item, kept in zip(wanted, followed, strict=True) if not kept]
        value = float(not broken) if self.credit == "all" else sum(followed) / len(followed)
        return value, Note(message=f"not followed: {', '.join(broken)}") if broken else None

    @classmethod
    def example(cls) -> Example:
        asked = [
            {"name": "WordCountInRange", "args": {"lower_bound": 3, "upper_bound": 9}},
            {
                "name": "EachKeywordMentionedInRange",
                "args": {"keywords": ["sea"], "lower_bound_times": 1, "upper_bound_times": 2},
            },
            {"name": "NotContainSubstring", "args": {"substring": "very"}},
        ]
        honest = Batch(
            ["The sea is calm today.", "We swam in the sea."], ["Describe it.", "And?"], instructions=[asked, asked]
        )
        return Example(
            honest,
            {
                "empty": ["", ""],
                "keyword": ["sea " * 50, "sea"],
                "only thought": ["<think>The sea is calm today.</think>"] * 2,
            },
        )


def _listed(asked: Any) -> list[Mapping[str, Any]]:
    """The instructions of a sample: a list of mappings, one mapping, or the JSON of either."""
    if isinstance(asked, str):
        asked = parse_json(asked)
    items = [asked] if isinstance(asked, Mapping) else asked if isinstance(asked, (list, tuple)) else []
    return [item for item in items if isinstance(item, Mapping)]
