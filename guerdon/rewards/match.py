"""Rewards that compare words with a reference: exact match and token F1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from guerdon.batch import Batch
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Referenced
from guerdon.scores import Floats, Note
from guerdon.text.normalize import normalize_answer
from guerdon.text.token_f1 import token_f1

HONEST = Batch(
    ["The mitochondrion makes ATP.", "Blood carries oxygen."],
    ["What makes ATP?", "What carries oxygen?"],
    reference=["The mitochondrion makes ATP.", "Blood carries oxygen."],
)
HACKS = {
    "empty": ["", ""],
    "question": ["What makes ATP?", "What carries oxygen?"],
    "keyword soup": ["ATP ATP ATP ATP ATP", "oxygen oxygen oxygen oxygen"],
    "reference ten times": ["The mitochondrion makes ATP. " * 10, "Blood carries oxygen. " * 10],
}


@register("reward")
@dataclass(frozen=True, repr=False)
class ExactMatch(Referenced):
    """Whether the completion says exactly what the reference says: 1 or 0.

    Both are normalised as in SQuAD evaluation (case, punctuation, English articles, whitespace) unless ``normalize=False``.
    Range [0, 1]. Column ``reference`` (a list: any of them counts). NaN without a reference.

    Source: Rajpurkar et al. 2016, SQuAD evaluation.

    >>> ExactMatch().score(Batch(["The cat."], reference=["cat"])).values.tolist()
    [1.0]
    """

    normalize: bool = True

    bounds = (0.0, 1.0)

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        form = normalize_answer if self.normalize else str.strip
        return np.array([form(text) == form(reference) for text, reference in pairs], dtype=np.float64), {}

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


@register("reward")
@dataclass(frozen=True, repr=False)
class TokenF1(Referenced):
    """Overlap of words with the reference: F1 = 2PR / (P + R) over the multisets of normalised tokens.

    Range [0, 1]. Column ``reference`` (a list: the best counts). NaN without a reference.

    Source: Rajpurkar et al. 2016, SQuAD evaluation.

    >>> TokenF1().score(Batch(["a big cat"], reference=["the cat"])).values.round(3).tolist()
    [0.667]
    """

    bounds = (0.0, 1.0)

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        return np.array([token_f1(text, reference) for text, reference in pairs], dtype=np.float64), {}

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)
