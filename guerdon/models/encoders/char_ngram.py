"""Hashed character n-grams: an encoder without weights, the same on every machine and for every language."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import UserError
from guerdon.models.encoder import Backend, Encoded, Encoder
from guerdon.registry import register

Unsigned = NDArray[np.uint64]

_CHARACTERS_AT_ONCE = 2**18
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@register("encoder", "char_ngram")
@dataclass(frozen=True)
class CharNGramEncoder(Encoder):
    """Unit vectors of hashed character n-grams: spelling, not meaning.

    Text is NFKC-normalised, case-folded, its runs of white space made one space, with a space at either end. Each n-gram of
    ``shortest`` to ``longest`` characters adds sign(h) * log(1 + count) at position h mod ``dimensions``, h a 64-bit hash.
    A text without characters is the zero vector.

    Raises:
        UserError: lengths that are not 1 <= shortest <= longest <= 16, or fewer than one dimension.

    >>> a, b, c = CharNGramEncoder().embed(["carries oxygen", "oxygen carrier", "long walks"])
    >>> bool(a @ b > 0.5 > a @ c)
    True
    """

    dimensions: int = 2048
    shortest: int = 2
    longest: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.longest <= 16:
            raise UserError(
                f"shortest={self.shortest} and longest={self.longest} must be 1 <= shortest <= longest <= 16"
            )
        if self.dimensions < 1:
            raise UserError(f"dimensions={self.dimensions} must be 1 or more")

    def _load(self) -> Backend:
        return _CharNGrams(self)


class _CharNGrams:
    cacheable = False

    def __init__(self, description: CharNGramEncoder) -> None:
        self.description = description
        self.dimension = description.dimensions
        self.fingerprint = f"char-ngram/{description.dimensions}/{description.shortest}-{description.longest}/1"

    def encode(self, texts: Sequence[str]) -> Encoded:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        start, plain = 0, [plain_text(text) for text in texts]
        while start < len(plain):
            stop, characters = start, 0
            while stop < len(plain) and (stop == start or characters + len(plain[stop]) <= _CHARACTERS_AT_ONCE):
                characters += len(plain[stop])
                stop += 1
            self._fill(vectors[start:stop], plain[start:stop])
            start = stop
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return Encoded(vectors / np.maximum(norms, np.float32(1e-12)), np.zeros(len(texts), np.bool_))

    def _fill(self, vectors: NDArray[np.float32], texts: Sequence[str]) -> None:
        hashes, rows = char_ngram_hashes(texts, self.description.shortest, self.description.longest)
        order = np.lexsort((hashes, rows))
        hashes, rows = hashes[order], rows[order]
        first = np.ones(len(hashes), np.bool_)
        first[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
        starts = np.flatnonzero(first)
        counts = np.diff(np.append(starts, len(hashes)))
        signs = np.where(hashes[starts] >> np.uint64(63), 1.0, -1.0)
        places = (hashes[starts] % np.uint64(self.dimension)).astype(np.int64)
        np.add.at(vectors, (rows[starts], places), (signs * np.log1p(counts)).astype(np.float32))


def plain_text(text: str) -> str:
    """NFKC, case-folded, single spaces, a space at either end; "" if nothing is left.

    >>> plain_text("  Ｏxygen\\n CARRIER ")
    ' oxygen carrier '
    """
    words = unicodedata.normalize("NFKC", text).casefold().split()
    return f" {' '.join(words)} " if words else ""


def char_ngram_hashes(texts: Sequence[str], shortest: int, longest: int) -> tuple[Unsigned, NDArray[np.int64]]:
    """64-bit hashes of every n-gram of ``shortest`` to ``longest`` characters, and the text each stands in.

    >>> hashes, rows = char_ngram_hashes(["abab", "ab"], 2, 2)
    >>> rows.tolist(), bool(hashes[0] == hashes[2] == hashes[3] != hashes[1])
    ([0, 0, 0, 1], True)
    """
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    owners = np.repeat(np.arange(len(texts)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(codes))
    rolled = np.zeros(len(codes), dtype=np.uint64)
    hashes, rows = [], []
    for n in range(1, longest + 1):
        size = max(0, len(codes) - n + 1)
        rolled = (rolled[:size] + codes[n - 1 :]) * _FACTOR
        if n >= shortest:
            inside = left[:size] >= n
            hashes.append(_scattered(rolled[inside] + np.uint64(n)))
            rows.append(owners[:size][inside])
    return np.concatenate(hashes), np.concatenate(rows)


def _scattered(values: Unsigned) -> Unsigned:
    """A bijection of 64-bit numbers that spreads near ones apart (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Unsigned = values ^ (values >> np.uint64(31))
    return mixed
