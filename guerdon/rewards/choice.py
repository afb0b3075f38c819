"""Multiple choice: whether the completion settles on the right option."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual, reference_texts
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.choices import extract_choice


@register("reward")
@dataclass(frozen=True, repr=False)
class Choice(Textual):
    """Whether the option the completion settles on is the right one: 1 or 0.

    The option is read from the ``<answer>`` block, a box, or an answer phrase in many languages; as a letter, or as the words
    of one option where the ``options`` column gives them. Several different final options are none. Range [0, 1].
    Columns: ``reference`` (the right letter, or the words of the right option), ``options`` (list of texts, or a mapping letter
    -> text; None: the letters ``letters`` only). NaN without a reference. A completion that settles on nothing scores 0, noted.

    >>> batch = Batch(["The answer is (B).", "<answer>A</answer>"], reference=["B", "B"])
    >>> Choice().score(batch).values.tolist()
    [1.0, 0.0]
    """

    reference: str = column("reference", expects="the right letter, or the text of the right option")
    options: str | None = column(None, expects="list of option texts, or mapping letter -> text")
    letters: str = "ABCDE"

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        references = self.read(batch, self.reference)
        options = self.read(batch, self.options) if self.options else (None,) * len(batch)
        values = np.zeros(len(batch))
        for i, (text, reference) in enumerate(zip(texts, references, strict=True)):
            right = right_letters(reference, options[i], self.letters)
            if not right:
                values[i], notes[i] = (
                    np.nan,
                    Note(Outcome.MISSING_DATA, f"no usable {self.reference}: {reference!r:.60}"),
                )
            elif notes[i] is None:
                letter = extract_choice(text, options[i], letters=self.letters)
                values[i] = letter in right
                notes[i] = Note(Outcome.MALFORMED, "settles on no option") if letter is None else Note(answer=letter)
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["Mitochondria make ATP, so the answer is B.", "<answer>C</answer>"],
            ["Which one?", "And here?"],
            reference=["B", "C"],
        )
        return Example(
            honest,
            {
                "all letters": ["A B C D E", "<answer>A, B, C, D</answer>"],
                "shopping": ["The answer is A. The answer is B. The answer is C.", "Answer: C. Answer: D."],
                "empty": ["", ""],
                "question": ["Which one?", "And here?"],
            },
        )


def right_letters(reference: Any, options: Any = None, letters: str = "ABCDE") -> frozenset[str]:
    """The letters a reference stands for: itself if it is one, else that of the option with its words; none if unusable.

    >>> sorted(right_letters("b")), sorted(right_letters("Oxygen", ["Iron", "oxygen"]))
    (['B'], ['B'])
    """
    found = (extract_choice(text, options, letters=letters) for text in reference_texts(reference))
    return frozenset(letter for letter in found if letter is not None)
