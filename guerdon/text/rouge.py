"""ROUGE-N and ROUGE-L, equal to the ``rouge_score`` package and much faster where a reference is met again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from guerdon.text.lcs import LcsReference
from guerdon.text.ngrams import NgramTable
from guerdon.text.tokens import Tokenizer, find_tokenizer

_REMEMBERED, _MEMORABLE = 512, 50_000  # references; characters, beyond which they are prepared anew


@dataclass(frozen=True, slots=True)
class Rouge:
    """Precision, recall and their harmonic mean, each in [0, 1]."""

    precision: float
    recall: float
    fmeasure: float


class RougeReference:
    """A reference text prepared for ROUGE: what is computed from it is computed once.

    >>> reference = RougeReference("the cat sat")
    >>> [round(reference.rouge_n(text, 1).recall, 2) for text in ("the cat", "a dog")]
    [0.67, 0.0]
    """

    __slots__ = ("_lcs", "_ngrams", "_tokenize", "tokens")

    def __init__(self, text: str, *, tokenizer: str | Tokenizer = "rouge") -> None:
        self._tokenize = find_tokenizer(tokenizer)
        self.tokens = self._tokenize(text)
        self._lcs: LcsReference | None = None
        self._ngrams: dict[int, NgramTable] = {}

    def rouge_n(self, candidate: str, n: int = 1) -> Rouge:
        """ROUGE-N of ``candidate``; see :func:`rouge_n`."""
        if n not in self._ngrams:
            self._ngrams[n] = NgramTable([self.tokens], n)
        tokens = self._tokenize(candidate)
        (shared,) = self._ngrams[n].matches(tokens, shortest=n)
        return _rouge(shared, len(tokens) - n + 1, len(self.tokens) - n + 1)

    def rouge_l(self, candidate: str) -> Rouge:
        """ROUGE-L of ``candidate``; see :func:`rouge_l`."""
        tokens = self._tokenize(candidate)
        if not tokens or not self.tokens:
            return Rouge(0.0, 0.0, 0.0)
        if self._lcs is None:
            self._lcs = LcsReference(self.tokens)
        return _rouge(self._lcs.length(tokens), len(tokens), len(self.tokens))


def rouge_n(
    candidate: str, reference: str | RougeReference, n: int = 1, *, tokenizer: str | Tokenizer = "rouge"
) -> Rouge:
    """ROUGE-N: the share of n-grams that candidate and reference have in common, clipped, in [0, 1].

    Precision divides by the n-grams of the candidate, recall by those of the reference; 0 where there are none. The
    default tokenizer is that of ``rouge_score`` (``"rouge-stem"``: with its stemmer), which drops all but ASCII letters
    and digits: use ``"words"`` for other alphabets. A string reference is prepared and remembered; a
    :class:`RougeReference` brings its own tokenizer. Source: Lin 2004.

    Raises:
        ValueError: ``n`` < 1, or an unknown tokenizer.

    >>> rouge_n("the cat", "the cat sat")
    Rouge(precision=1.0, recall=0.6666666666666666, fmeasure=0.8)
    """
    return _prepared(reference, tokenizer).rouge_n(candidate, n)


def rouge_l(candidate: str, reference: str | RougeReference, *, tokenizer: str | Tokenizer = "rouge") -> Rouge:
    """ROUGE-L: longest common subsequence over the length of the candidate (precision) and of the reference (recall).

    In [0, 1]; 0 where either has no token. Tokenizer and reference are as in :func:`rouge_n`. Source: Lin 2004.

    >>> rouge_l("the dog sat", "the cat sat").fmeasure
    0.6666666666666666
    """
    return _prepared(reference, tokenizer).rouge_l(candidate)


def _rouge(shared: int, candidate: int, reference: int) -> Rouge:
    precision = shared / max(candidate, 1)
    recall = shared / max(reference, 1)
    total = precision + recall
    return Rouge(precision, recall, 2 * precision * recall / total if total > 0 else 0.0)


def _prepared(reference: str | RougeReference, tokenizer: str | Tokenizer) -> RougeReference:
    if isinstance(reference, RougeReference):
        return reference
    if len(reference) > _MEMORABLE:
        return RougeReference(reference, tokenizer=tokenizer)
    return _remembered(reference, tokenizer)


@lru_cache(maxsize=_REMEMBERED)
def _remembered(text: str, tokenizer: str | Tokenizer) -> RougeReference:
    return RougeReference(text, tokenizer=tokenizer)
