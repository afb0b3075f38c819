"""Rewards that compare word sequences with a reference: ROUGE, BLEU, chrF."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.match import HACKS, HONEST
from guerdon.rewards.textual import Referenced, Textual, reference_texts
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.text.bleu import Bleu as BleuScore
from guerdon.text.bleu import sentence_bleu, smoothed_bleu
from guerdon.text.chrf import chrf
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


@register("reward")
@dataclass(frozen=True, repr=False)
class Bleu(Textual):
    """BLEU with the references: brevity penalty times the geometric mean of the clipped precisions of 1- to 4-grams.

    ``smoothing="plus-one"`` is BLEUBERI's: p_n = (matches + 1) / (n-grams + 1), length compared with the shortest reference;
    ``"sacrebleu"`` equals sacrebleu's sentence BLEU / 100. ``measure`` gives the whole ``"bleu"``, its ``"precision"`` without the
    brevity penalty, or the ``"brevity"`` penalty alone. ``tokenizer="13a-han"`` suits Chinese and Japanese. Range [0, 1]. Column
    ``reference``: a text or a list of texts, all used together. NaN without a usable reference. An empty completion scores 0.

    Source: Papineni et al. 2002; Chang et al. 2025, BLEUBERI (arXiv 2505.11080).

    >>> Bleu().score(Batch(["the cat sat on the mat"], reference=["the cat sat on the mat"])).values.tolist()
    [1.0]
    """

    reference: str = column("reference", expects="a reference text, or a list of them")
    smoothing: str = "plus-one"
    measure: str = "bleu"
    tokenizer: str = "13a"

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, choices in (("smoothing", BLEU), ("measure", MEASURES)):
            if getattr(self, name) not in choices:
                raise UserError(f"{name}={getattr(self, name)!r} is unknown; {closest(getattr(self, name), choices)}")
        try:
            find_tokenizer(self.tokenizer)
        except ValueError as error:
            raise UserError(str(error)) from None

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        score, measure = partial(BLEU[self.smoothing], tokenizer=self.tokenizer), MEASURES[self.measure]
        values = np.zeros(len(batch))
        for i, (text, given) in enumerate(zip(texts, self.read(batch, self.reference), strict=True)):
            references = reference_texts(given)
            value = measure(score(text, references)) if references and notes[i] is None else 0.0
            if not references or np.isnan(value):
                value, notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no usable {self.reference}")
            values[i] = value
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


BLEU: Mapping[str, Callable[..., BleuScore]] = MappingProxyType({"plus-one": smoothed_bleu, "sacrebleu": sentence_bleu})
MEASURES: Mapping[str, Callable[[BleuScore], float]] = MappingProxyType(
    {
        "bleu": lambda bleu: bleu.score,
        "precision": lambda bleu: bleu.score / bleu.brevity_penalty if bleu.brevity_penalty > 0 else 0.0,
        "brevity": lambda bleu: bleu.brevity_penalty,
    }
)


@register("reward")
@dataclass(frozen=True, repr=False)
class Chrf(Referenced):
    """Overlap in character n-grams with the reference: chrF / 100, equal to sacrebleu's sentence chrF.

    Suits languages with rich morphology or without spaces. Range [0, 1]. Column ``reference`` (a list: the best counts). NaN
    without a reference.

    Source: Popovic 2015.

    >>> Chrf().score(Batch(["the cat"], reference=["the cat"])).values.round(6).tolist()
    [1.0]
    """

    bounds = (0.0, 1.0)

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        return np.array([chrf(text, reference) for text, reference in pairs], dtype=np.float64), {}

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)
