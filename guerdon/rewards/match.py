"""Rewards that compare words with a reference: exact match and token F1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Referenced
from guerdon.scores import Floats, Note
from guerdon.text.normalize import normalize_multilingual, normalize_squad
from guerdon.text.token_f1 import Counting, token_f1

FORMS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"squad": normalize_squad, "multilingual": normalize_multilingual, "strip": str.strip}
)
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

    ``normalize`` says in which form they are compared: ``"squad"`` (no case, punctuation, English articles), ``"multilingual"``
    (any script) or ``"strip"`` (outer whitespace only). Range [0, 1]. Column ``reference`` (a list: any of them counts). NaN
    without a reference.

    Source: Rajpurkar et al. 2016, SQuAD evaluation.

    >>> ExactMatch().score(Batch(["The cat."], reference=["cat"])).values.tolist()
    [1.0]
    """

    normalize: str = "squad"

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.normalize not in FORMS:
            raise UserError(f"normalize={self.normalize!r} is unknown; {closest(self.normalize, FORMS)}")

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        form = FORMS[self.normalize]
        return np.array([form(text) == form(reference) for text, reference in pairs], dtype=np.float64), {}

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


@register("reward")
@dataclass(frozen=True, repr=False)
class TokenF1(Referenced):
    """Overlap of words with the reference: F1 = 2PR / (P + R) over shared tokens.

    ``tokenizer`` is a name of :func:`guerdon.text.tokens.tokenizer`; tokens are counted as multisets, or once each with
    ``counting="set"``. Range [0, 1]. Column ``reference`` (a list: the best counts). NaN without a reference.

    Source: Rajpurkar et al. 2016, SQuAD evaluation.

    >>> TokenF1().score(Batch(["a big cat"], reference=["the cat"])).values.round(3).tolist()
    [0.667]
    """

    tokenizer: str = "squad"
    counting: Counting = "multiset"

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            token_f1("", "", tokenizer=self.tokenizer, counting=self.counting)
        except ValueError as error:
            raise UserError(str(error)) from None

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        f1 = partial(token_f1, tokenizer=self.tokenizer, counting=self.counting)
        return np.array([f1(text, reference) for text, reference in pairs], dtype=np.float64), {}

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)
