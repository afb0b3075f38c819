"""What rewards on text share: which part of the completion they read, and what happens where it or the reference is missing."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.reward import Reward, column
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.text.reading import check_reading

EMPTY = Note(Outcome.EMPTY)


@dataclass(frozen=True, repr=False)
class Textual(Reward):
    """A reward on what the completion says in ``of``.

    ``of`` is ``"whole"``, ``"visible"`` (thinking stripped), ``"thinking"``, ``"answer"`` or a tag such as ``"<explanation>"``.
    A completion without such a part, or with an empty one, gets ``floor``, the lowest value, with a note.
    """

    of: str = field(default="visible", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            check_reading(self.of)
        except ValueError as error:
            raise UserError(str(error)) from None

    @property
    def floor(self) -> float:
        """What a completion with nothing to read is worth."""
        low = self.range[0]
        return low if math.isfinite(low) else 0.0

    def legible(self, batch: Batch) -> tuple[list[str], list[Note | None]]:
        """What each completion says in ``of``, and a note where that is nothing."""
        missing = Note(Outcome.MALFORMED, f"no {self.of} in the completion")
        found = batch.texts(self.of)
        notes = [missing if text is None else None if text.strip() else EMPTY for text in found]
        return [text or "" for text in found], notes


@dataclass(frozen=True, repr=False)
class Unreferenced(Textual):
    """A reward on the text alone."""

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        rows = [i for i, note in enumerate(notes) if note is None]
        values = np.full(len(batch), self.floor)
        values[rows] = self._values([texts[i] for i in rows])
        return Scores(values, notes={"": tuple(notes)})

    @abstractmethod
    def _values(self, texts: Sequence[str]) -> Floats:
        """One value per text; no text is empty."""


@dataclass(frozen=True, repr=False)
class Referenced(Textual):
    """A reward that compares the completion with a reference.

    ``reference`` names a column of texts, or of lists of texts, of which the best counts. An empty completion gets ``floor``
    before anything is computed. NaN with ``missing_data`` where there is no reference.
    """

    reference: str = column("reference", expects="the reference text, or a list of acceptable ones")

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        references = [reference_texts(value) for value in self.read(batch, self.reference)]
        pairs: dict[tuple[str, str], int] = {}
        for text, note, accepted in zip(texts, notes, references, strict=True):
            if note is None:
                for reference in accepted:
                    pairs.setdefault((text, reference), len(pairs))
        similarity, faults = self._compare(list(pairs)) if pairs else (np.empty(0), {})
        values = np.full(len(batch), self.floor)
        for i, (text, accepted) in enumerate(zip(texts, references, strict=True)):
            if not accepted:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {self.reference}")
            elif notes[i] is None:
                known = [pairs[text, reference] for reference in accepted]
                best = max(known, key=lambda k: -math.inf if math.isnan(similarity[k]) else similarity[k])
                values[i], notes[i] = similarity[best], faults.get(best)
        return Scores(values, notes={"": tuple(notes)})

    @abstractmethod
    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        """One value per (completion, reference) pair, and notes by pair; no text is empty, no pair comes twice."""


def reference_texts(value: Any) -> tuple[str, ...]:
    """The acceptable references a column's value stands for; none where it is missing or blank.

    >>> reference_texts("a"), reference_texts(["a", None, "b"]), reference_texts(" "), reference_texts(4)
    (('a',), ('a', 'b'), (), ('4',))
    """
    values = value if isinstance(value, (list, tuple)) else [value]
    texts = (str(item) for item in values if item is not None and not (isinstance(item, float) and math.isnan(item)))
    return tuple(text for text in texts if text.strip())
