"""NuggetLabels: whether a verifier being trained labels the facts of an answer as it should, in the form asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.classification import macro_f1
from guerdon.text.label_list import SUPPORT_LABELS, fits_format, parse_labels, reasoning_format, reasoning_parts

Variant = Literal["default", "official"]


@register("reward")
@dataclass(frozen=True, repr=False)
class NuggetLabels(Reward):
    """0.35 F1 + 0.35 exact + 0.20 reasoning + 0.10 form of the support labels that follow the reasoning; 0 where a gate closes.

    F1: macro over support, partial_support and not_support, of labels position by position. exact: all labels right. reasoning:
    1 for one pair of ``<reasoning>`` tags with text inside and after, 0.5 with one of these blank. form: the list is
    written as ``format_hint`` says. Gates: several openings or an unmatched pair, another number of labels than asked for or
    than there are gold ones, no label, F1 of 0.

    A label that stands neither in the prediction nor in the gold is left out of F1, and a list with anything but labels holds none;
    ``variant="official"`` counts an absent label as 1, so that one wrong label alone still earns 0.4167, and passes over what is
    no label. Range [0, 1]. Columns ``gold_labels_text`` (a list in any of the forms), ``nuggets_count`` (None: not checked),
    ``format_hint``. Parts: ``f1``, ``exact``, ``reasoning``, ``form``. NaN with ``missing_data`` where no gold label can be read.

    Source: Search-Gen-V 2025 (arXiv 2510.14660), weights and gates of the released code.

    >>> said = "<reasoning>It is stated.</reasoning>[\\"support\\"]"
    >>> row = {"gold_labels_text": ['["support"]'], "nuggets_count": [1], "format_hint": ["json"]}
    >>> NuggetLabels().score(Batch([said], columns=row)).values.round(4).tolist()
    [1.0]
    """

    gold: str = column("gold_labels_text", expects="the right labels as a list in one of the forms")
    count: str | None = column("nuggets_count", expects="how many labels there should be, or None")
    form: str | None = column("format_hint", expects="the form asked for")
    variant: Variant = "default"

    bounds = (0.0, 1.0)
    subparts = ("f1", "exact", "reasoning", "form")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choose 'default' or 'official'")

    def _score(self, batch: Batch) -> Scores:
        table = np.zeros((5, len(batch)))
        notes: list[Note | None] = []
        counts = self.read(batch, self.count) if self.count else (None,) * len(batch)
        forms = self.read(batch, self.form) if self.form else (None,) * len(batch)
        for i, (text, gold) in enumerate(zip(batch.texts("whole"), self.read(batch, self.gold), strict=True)):
            wanted = _gold(gold)
            if not wanted:
                table[:, i] = np.nan
                notes.append(Note(Outcome.MISSING_DATA, f"no label can be read from {self.gold}"))
                continue
            values, why = self._valued(text or "", wanted, counts[i], forms[i])
            table[:, i] = values
            notes.append(Note(Outcome.MALFORMED, why) if why else None)
        return Scores(table[0], dict(zip(self.subparts, table[1:], strict=True)), notes={"": tuple(notes)})

    def _valued(self, text: str, gold: list[str], count: Any, form: Any) -> tuple[tuple[float, ...], str]:
        """The value and the parts of one completion, and which gate is closed."""
        official = self.variant == "official"
        parts = reasoning_parts(text)
        if parts is None:
            return (0.0,) * 5, "the reasoning tags do not match"
        labels = parse_labels(parts[1], strict=not official)
        if not labels or len(labels) != len(gold) or not _counted(count, len(labels)):
            return (0.0,) * 5, f"{len(labels)} labels"
        f1 = macro_f1(labels, gold, SUPPORT_LABELS, absent="one" if official else "skip")
        exact, reasoning = float(labels == gold), reasoning_format(text)
        formed = float(fits_format(parts[1], form if isinstance(form, str) else None))
        value = 0.35 * f1 + 0.35 * exact + 0.2 * reasoning + 0.1 * formed if f1 > 0 else 0.0
        return (min(value, 1.0), f1, exact, reasoning, formed), ""

    @classmethod
    def example(cls) -> Example:
        right = '["support", "not_support"]'
        lines = "- not_support\n- partial_support"
        columns: dict[str, list[Any]] = {
            "gold_labels_text": [right, lines],
            "nuggets_count": [2, 2],
            "format_hint": ["json", "yaml"],
        }
        honest = [
            f"<reasoning>One is stated, one is not.</reasoning>\n{right}",
            f"<reasoning>Half.</reasoning>\n{lines}",
        ]
        hacks = {
            "empty": ["", ""],
            "no reasoning": [right, lines],
            "all labels": ["<reasoning>x</reasoning>support, partial_support, not_support"] * 2,
            "too many": [
                f'<reasoning>x</reasoning>{right[:-1]}, "support"]',
                f"<reasoning>x</reasoning>{lines}\n- support",
            ],
            "labels in the reasoning": [f"<reasoning>{right}</reasoning>", f"<reasoning>{lines}</reasoning>"],
            "two openings": [
                f"<reasoning>a<reasoning>b</reasoning>{right}",
                f"<reasoning>a<reasoning>b</reasoning>{lines}",
            ],
            "majority": ["<reasoning>x</reasoning>not_support\nnot_support"] * 2,
        }
        return Example(Batch(honest, columns=columns), hacks)


def _gold(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        return (
            [label for label in value if label in SUPPORT_LABELS] if all(isinstance(one, str) for one in value) else []
        )
    return parse_labels(value) if isinstance(value, str) else []


def _counted(count: Any, found: int) -> bool:
    try:
        return count is None or float(count) != float(count) or int(count) == found
    except (TypeError, ValueError, OverflowError):
        return True
