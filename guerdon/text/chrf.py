"""chrF, the F-score of character n-grams, equal to sacrebleu's."""

from __future__ import annotations

import string
from collections.abc import Hashable, Sequence
from functools import lru_cache

from guerdon.text.ngrams import NgramTable

_REMEMBERED, _MEMORABLE = 512, 50_000  # references; characters, beyond which they are prepared anew
_PUNCTUATION = frozenset(string.punctuation)


class ChrfReference:
    """A reference text prepared for chrF: its character and word n-gram counts are taken once.

    >>> round(ChrfReference("the cat sat").chrf("the cat"), 4)
    0.5577
    """

    __slots__ = ("_characters", "_eps", "_lowercase", "_sizes", "_whitespace", "_words", "beta")

    def __init__(
        self,
        text: str,
        *,
        char_order: int = 6,
        word_order: int = 0,
        beta: float = 2,
        lowercase: bool = False,
        whitespace: bool = False,
        eps_smoothing: bool = False,
    ) -> None:
        self._lowercase, self._whitespace, self._eps, self.beta = lowercase, whitespace, eps_smoothing, beta
        characters, words = self._units(text)
        self._sizes = (len(characters), len(words))
        self._characters = NgramTable([characters], char_order)
        self._words = NgramTable([words], word_order) if word_order else None

    def _units(self, text: str) -> tuple[Sequence[Hashable], Sequence[Hashable]]:
        if self._lowercase:
            text = text.lower()
        words = [part for word in text.split() for part in _without_edge_punctuation(word)]
        return (text if self._whitespace else "".join(text.split())), words

    def chrf(self, candidate: str) -> float:
        """chrF of ``candidate``; see :func:`chrf`."""
        characters, words = self._units(candidate)
        counts = _counts(self._characters, characters, self._sizes[0])
        if self._words is not None:
            counts += _counts(self._words, words, self._sizes[1])
        factor = self.beta**2
        if self._eps:
            return sum(_epsilon_fscore(*count, factor) for count in counts) / len(counts)
        used = [(hits / given, hits / wanted) for given, wanted, hits in counts if given and wanted]
        if not used:
            return 0.0
        precision = sum(p for p, _ in used) / len(used)
        recall = sum(r for _, r in used) / len(used)
        if not precision + recall:
            return 0.0
        return (1 + factor) * precision * recall / (factor * precision + recall)


def chrf(
    candidate: str,
    references: str | Sequence[str] | ChrfReference,
    *,
    char_order: int = 6,
    word_order: int = 0,
    beta: float = 2,
    lowercase: bool = False,
    whitespace: bool = False,
    eps_smoothing: bool = False,
) -> float:
    """F-beta of character n-grams averaged over n = 1..char_order, in [0, 1]: sacrebleu's ``sentence_chrf`` / 100.

    ``word_order=2`` gives chrF++. Several references: the best. Texts are prepared and remembered; a
    :class:`ChrfReference` brings its own settings. Source: Popović 2015, 2017.

    Raises:
        ValueError: no reference.

    >>> round(chrf("the cat", "the cat sat"), 4), chrf("the cat", ["a dog", "the cat"])
    (0.5577, 1.0)
    """
    if isinstance(references, ChrfReference):
        return references.chrf(candidate)
    texts = (references,) if isinstance(references, str) else references
    if not texts:
        raise ValueError("references is empty; give at least one text")
    settings = (char_order, word_order, beta, lowercase, whitespace, eps_smoothing)
    prepare = [_prepared if len(text) > _MEMORABLE else _remembered for text in texts]
    return max(make(text, *settings).chrf(candidate) for make, text in zip(prepare, texts, strict=True))


def _counts(table: NgramTable, units: Sequence[Hashable], reference: int) -> list[tuple[int, int, int]]:
    """(n-grams of the candidate, of the reference, shared) for n = 1..order."""
    found: list[tuple[int, int, int]] = []
    for n, hits in enumerate(table.matches(units), start=1):
        wanted = max(reference - n + 1, 0)
        found.append((max(len(units) - n + 1, 0) if wanted else 0, wanted, hits))
    return found


def _epsilon_fscore(given: int, wanted: int, hits: int, factor: float) -> float:
    precision = hits / given if given else 1e-16
    recall = hits / wanted if wanted else 1e-16
    total = factor * precision + recall
    return (1 + factor) * precision * recall / total if total > 0 else 1e-16


def _without_edge_punctuation(word: str) -> tuple[str, ...]:
    if len(word) > 1 and word[-1] in _PUNCTUATION:
        return word[:-1], word[-1]
    if len(word) > 1 and word[0] in _PUNCTUATION:
        return word[0], word[1:]
    return (word,)


def _prepared(
    text: str, char_order: int, word_order: int, beta: float, lowercase: bool, whitespace: bool, eps_smoothing: bool
) -> ChrfReference:
    return ChrfReference(
        text,
        char_order=char_order,
        word_order=word_order,
        beta=beta,
        lowercase=lowercase,
        whitespace=whitespace,
        eps_smoothing=eps_smoothing,
    )


_remembered = lru_cache(maxsize=_REMEMBERED)(_prepared)
