"""Rewards that compare word sequences with a reference: ROUGE, BLEU, chrF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.match import HACKS, HONEST
from guerdon.rewards.textual import Referenced
from guerdon.scores import Floats, Note
from guerdon.text.rouge import rouge_l
from guerdon.text.tokens import find_tokenizer


@register("reward")
@dataclass(frozen=True, repr=False)
class RougeL(Referenced):
    """Longest common subsequence of words with the reference: F-measure of ROUGE-L, equal to the ``rouge-score`` package.

    With L the length of the subsequence, P = L / n, R = L / n*, F = 2PR / (P + R). Range [0, 1]. Column ``reference`` (a list: the
    best counts). NaN without a reference. ``tokenizer`` is a name of
    :func:`guerdon.text.tokens.tokenizer`: ``"rouge"``, ``"rouge-stem"`` (extra ``text``), or one for scripts without spaces.

    Source: Lin 2004.

    >>> from guerdon import Batch
    >>> RougeL().score(Batch(["the cat sat"], reference=["the cat ran"])).values.round(4).tolist()
    [0.6667]
    """

    tokenizer: str = "rouge"

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            find_tokenizer(self.tokenizer)
        except ValueError as error:
            raise UserError(str(error)) from None

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        return np.array(
            [rouge_l(text, reference, tokenizer=self.tokenizer).fmeasure for text, reference in pairs], dtype=np.float64
        ), {}

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)
