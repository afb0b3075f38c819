"""Whether a completion is in the language it should be in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from guerdon.batch import Batch
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.languages import base_language, language_of


@register("reward")
@dataclass(frozen=True, repr=False)
class TargetLanguage(Textual):
    """Whether the language of the completion is that of column ``target_language``: 1 or 0. Regions do not count: zh-CN is zh.

    The language is told by :func:`~guerdon.text.languages.language_of`, or read from the column that ``detected`` names, where a
    better detector has put it. 0 where it cannot be told. It says nothing of what the text means: any fluent sentence earns 1.
    NaN with ``missing_data`` where there is no target. Range [0, 1].

    Source: ExTrans 2025 (arXiv 2505.12996), lightweight multilingual reward.

    >>> batch = Batch(["Die Nacht ist lang.", "La notte è lunga."], target_language=["de-AT", "de"])
    >>> TargetLanguage().score(batch).values.tolist()
    [1.0, 0.0]
    """

    target: str = column("target_language", expects="a language code, such as 'de' or 'zh-CN'")
    detected: str | None = column(None, expects="the language code a detector found, None where it is unsure")

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        given = None if self.detected is None else self.read(batch, self.detected)
        values = np.zeros(len(batch))
        for i, (text, target) in enumerate(zip(texts, self.read(batch, self.target), strict=True)):
            wanted = base_language(target if isinstance(target, str) else None)
            if wanted is None:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no language in {self.target}")
            elif notes[i] is None:
                said = language_of(text) if given is None else given[i]
                found = base_language(said if isinstance(said, str) else None)
                values[i], notes[i] = found == wanted, Note(answer=found)
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["La notte non è ancora finita.", "Ночь ещё не кончилась."],
            ["Translate into Italian: The night is not over.", "Translate into Russian: The night is not over."],
            target_language=["it", "ru"],
        )
        hacks = {"empty": ["", ""], "untranslated": ["The night is not over."] * 2, "digits": ["42", "42"]}
        return Example(honest, hacks)
