"""Rewards on the language a completion is written in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.scripts import SCRIPTS, in_script


@register("reward")
@dataclass(frozen=True, repr=False)
class Script(Textual):
    """Whether the completion is written in the wanted script: 1 or 0.

    Only letters and marks count; at least one must be of the script, and at most ``max_foreign_ratio`` of them of others. Range
    [0, 1]. Column ``script_column`` names each sample's script, unless ``script`` fixes one for all. NaN with ``missing_data``
    where the script is unknown.

    Source: Su et al. 2026 (arXiv 2605.14366), language consistency; the blocks of each script are those of Unicode.

    >>> Script(script="cyrillic").score(Batch(["Привет, мир!", "Привет, world!"])).values.tolist()
    [1.0, 0.0]
    """

    script_column: str | None = column("target_script", expects="name of a script, such as 'latin'")
    script: str | None = None
    max_foreign_ratio: float = 0.0

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.script is not None:
            object.__setattr__(self, "script_column", None)
            if self.script not in SCRIPTS:
                raise UserError(f"script={self.script!r} is unknown; {closest(self.script, SCRIPTS)}")
        elif self.script_column is None:
            raise UserError("script and script_column are both None; name a script or the column that does")
        super().__post_init__()

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        wanted = (self.script,) * len(batch) if self.script_column is None else self.read(batch, self.script_column)
        values = np.zeros(len(batch))
        for i, (text, script) in enumerate(zip(texts, wanted, strict=True)):
            if not isinstance(script, str) or script not in SCRIPTS:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"unknown script {script!r:.40}")
            elif notes[i] is None:
                values[i] = in_script(text, str(script), max_foreign_ratio=self.max_foreign_ratio)
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        honest = Batch(["La cellula respira.", "Клетка дышит."], ["it", "ru"], target_script=["latin", "cyrillic"])
        return Example(
            honest, {"mixed": ["La клетка", "Клетка breathes"], "digits": ["123", "4 + 5"], "empty": ["", ""]}
        )
