"""Sentence-level BLEU: equal to sacrebleu's, and the smoothed variant that BLEUBERI rewards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from guerdon.text.ngrams import NgramTable
from guerdon.text.tokens import Tokenizer, find_tokenizer

Smoothing = Literal["exp", "floor", "add-k", "none"]

_REMEMBERED, _MEMORABLE = 512, 50_000  # sets of references; characters, beyond which they are prepared anew
_SMOOTHING_VALUES = {"exp": 0.0, "floor": 0.1, "add-k": 1.0, "none": 0.0}


@dataclass(frozen=True, slots=True)
class Bleu:
    """BLEU = brevity penalty x geometric mean of the n-gram precisions, in [0, 1]; NaN if it could not be scored."""

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    candidate_length: int
    reference_length: int


class BleuReferences:
    """Reference texts prepared for BLEU: their n-gram counts are taken once.

    >>> references = BleuReferences(["the cat sat on the mat"])
    >>> [round(references.smoothed_bleu(text).score, 3) for text in ("the cat sat on the mat", "the dog")]
    [1.0, 0.103]
    """

    __slots__ = ("_lowercase", "_order", "_table", "_tokenize", "lengths")

    def __init__(
        self,
        texts: Sequence[str],
        *,
        tokenizer: str | Tokenizer = "13a",
        order: int = 4,
        lowercase: bool = False,
    ) -> None:
        if isinstance(texts, str) or not texts:
            raise ValueError(f"references={texts!r:.80} must be a sequence of at least one text")
        self._tokenize = find_tokenizer(tokenizer)
        self._order, self._lowercase = order, lowercase
        tokens = [self._tokens(text) for text in texts]
        self.lengths = tuple(len(sequence) for sequence in tokens)
        self._table = NgramTable(tokens, order)

    def _tokens(self, text: str) -> list[str]:
        return self._tokenize(text.lower() if self._lowercase else text)

    def sentence_bleu(
        self,
        candidate: str,
        *,
        smoothing: Smoothing = "exp",
        smoothing_value: float | None = None,
        effective_order: bool = True,
    ) -> Bleu:
        """BLEU of ``candidate``; see :func:`sentence_bleu`."""
        if smoothing not in _SMOOTHING_VALUES:
            raise ValueError(f"smoothing={smoothing!r} is unknown; choose 'exp', 'floor', 'add-k' or 'none'")
        value = _SMOOTHING_VALUES[smoothing] if smoothing_value is None else smoothing_value
        tokens = self._tokens(candidate.rstrip())
        size = len(tokens)
        reference = min(self.lengths, key=lambda length: (abs(length - size), length))
        penalty = _brevity_penalty(size, reference)
        matches = self._table.matches(tokens)
        if not any(matches):
            return Bleu(0.0, (0.0,) * self._order, penalty, size, reference)
        precisions = [0.0] * self._order
        order, halving = self._order, 1.0
        for n, match in enumerate(matches, start=1):
            hits, total = float(match), float(max(size - n + 1, 0))
            if smoothing == "add-k" and n > 1:
                hits, total = hits + value, total + value
            if total == 0:
                break
            if effective_order:
                order = n
            if hits:
                precisions[n - 1] = hits / total
            elif smoothing == "exp":
                halving *= 2
                precisions[n - 1] = 1 / (halving * total)
            elif smoothing == "floor":
                precisions[n - 1] = value / total
        score = penalty * _geometric_mean(precisions[:order])
        return Bleu(score, tuple(precisions), penalty, size, reference)

    def smoothed_bleu(self, candidate: str) -> Bleu:
        """Add-one smoothed BLEU of ``candidate``; see :func:`smoothed_bleu`."""
        tokens = self._tokens(candidate)
        size = len(tokens)
        usable = [length for length in self.lengths if length]
        if not usable:
            return Bleu(math.nan, (math.nan,) * self._order, math.nan, size, 0)
        reference = min(usable)
        penalty = _brevity_penalty(size, reference)
        if not size:
            return Bleu(0.0, (0.0,) * self._order, penalty, 0, reference)
        matches = self._table.matches(tokens)
        precisions = [(match + 1) / (max(size - n, 0) + 1) for n, match in enumerate(matches)]
        return Bleu(penalty * _geometric_mean(precisions), tuple(precisions), penalty, size, reference)


def sentence_bleu(
    candidate: str,
    references: Sequence[str] | BleuReferences,
    *,
    smoothing: Smoothing = "exp",
    smoothing_value: float | None = None,
    effective_order: bool = True,
    lowercase: bool = False,
    tokenizer: str | Tokenizer = "13a",
) -> Bleu:
    """BLEU of one text against its references, up to 4-grams, in [0, 1]: sacrebleu's ``sentence_bleu`` / 100.

    BP = exp(1 - r/c) where the candidate's length c is below r, the closest reference length; the score is BP x the
    geometric mean of the clipped precisions. ``effective_order`` leaves out orders longer than the candidate;
    ``smoothing`` replaces precisions of 0 ("exp": 1/(2^k total), "floor": value/total with 0.1) or shifts those for
    n > 1 ("add-k": (hits + value)/(total + value) with 1). No match at all scores 0. References given as texts are
    prepared and remembered; :class:`BleuReferences` bring their own tokenizer and case. Source: Papineni et al. 2002;
    Post 2018.

    Raises:
        ValueError: no reference, or an unknown ``smoothing`` or ``tokenizer``.

    >>> round(sentence_bleu("the cat sat on a mat", ["the cat sat on the mat"]).score, 4)
    0.5373
    """
    prepared = _prepared(references, tokenizer, lowercase, True)
    return prepared.sentence_bleu(
        candidate, smoothing=smoothing, smoothing_value=smoothing_value, effective_order=effective_order
    )


def smoothed_bleu(
    candidate: str,
    references: Sequence[str] | BleuReferences,
    *,
    lowercase: bool = False,
    tokenizer: str | Tokenizer = "13a",
) -> Bleu:
    """BLEU with p_n = (matches + 1)/(n-grams + 1) for n = 1..4 and the shortest reference's length; in (0, 1].

    A candidate without tokens scores 0, any other more than 0. References without tokens do not count; NaN where none
    is left. ``tokenizer="13a-han"`` suits Chinese and Japanese. Source: Lin and Och 2004; BLEUBERI (arXiv 2505.11080),
    which takes it from Hugging Face ``evaluate`` with ``smooth=True``.

    Raises:
        ValueError: no reference, or an unknown ``tokenizer``.

    >>> round(smoothed_bleu("the cat", ["the cat sat on the mat"]).score, 4)
    0.1353
    """
    return _prepared(references, tokenizer, lowercase, False).smoothed_bleu(candidate)


def _brevity_penalty(candidate: int, reference: int) -> float:
    if candidate >= reference:
        return 1.0
    return math.exp(1 - reference / candidate) if candidate else 0.0


def _geometric_mean(values: Sequence[float]) -> float:
    if not all(value > 0 for value in values):
        return 0.0
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def _prepared(
    references: Sequence[str] | BleuReferences, tokenizer: str | Tokenizer, lowercase: bool, strip: bool
) -> BleuReferences:
    if isinstance(references, BleuReferences):
        return references
    if isinstance(references, str):
        raise ValueError(f"references={references!r:.80} must be a sequence of texts, not one text")
    texts = tuple(text.rstrip() if strip else text for text in references)
    if sum(map(len, texts)) > _MEMORABLE:
        return BleuReferences(texts, tokenizer=tokenizer, lowercase=lowercase)
    return _remembered(texts, tokenizer, lowercase)


@lru_cache(maxsize=_REMEMBERED)
def _remembered(texts: tuple[str, ...], tokenizer: str | Tokenizer, lowercase: bool) -> BleuReferences:
    return BleuReferences(texts, tokenizer=tokenizer, lowercase=lowercase)
