"""Encoder: turns texts into vectors; the interface that rewards hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import GuerdonError
from guerdon.models.loaded import loaded

Vectors = NDArray[np.float32]
Flags = NDArray[np.bool_]


class EncoderFault(GuerdonError, RuntimeError):
    """An encoder is set up wrongly or answered something that is no embedding: refused key, wrong dimension, wrong weights."""


@dataclass(frozen=True, eq=False)
class Embeddings:
    """The vectors of N texts and how they came about.

    Attributes:
        vectors: (N, d) float32; a row the encoder could not give is NaN.
        windowed: (N,) whether the text is longer than the encoder's window, so that its vector is the mean of its windows.
        cached: (N,) whether the vector came from the cache.
        faults: row -> why it is NaN.
    """

    vectors: Vectors
    windowed: Flags
    cached: Flags
    faults: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, eq=False)
class Encoded:
    """What a back-end makes of distinct texts: vectors (N, d), which were windowed, and row -> reason where there is no vector."""

    vectors: Vectors
    windowed: Flags
    faults: Mapping[int, str] = field(default_factory=dict)


class Backend(Protocol):
    """A loaded encoder. ``encode`` gets distinct, well-formed texts, at least one; it may be called from several threads."""

    @property
    def fingerprint(self) -> str:
        """What decides the vectors: back-end, dtype, pooling, windows and a hash of the resolved weights."""

    @property
    def dimension(self) -> int:
        """Length d of a vector."""

    @property
    def cacheable(self) -> bool:
        """Whether looking a vector up is cheaper than computing it."""

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The vectors of these texts."""


@dataclass(frozen=True)
class Encoder(ABC):
    """A frozen description of a text encoder: prints, compares, hashes and pickles; weights are loaded when first used.

    Subclasses are frozen dataclasses that write ``_load``; loaded weights are shared by equal descriptions within a process
    and never cross a fork or a pickle.
    """

    @abstractmethod
    def _load(self) -> Backend:
        """The encoder itself. Called once per process."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(N, d) float32 vectors of N texts, in order; a row that could not be computed is NaN.

        Raises:
            UserError: ``texts`` is not a sequence of strings.
            EncoderFault: the encoder is set up wrongly.
        """
        return self.embed_with_info(texts).vectors

    def embed_with_info(self, texts: Sequence[str]) -> Embeddings:
        """As :meth:`embed`, with which texts were windowed, came from the cache, or failed and why."""
        from guerdon.models.embedding_pipeline import embed_texts

        return embed_texts(self._loaded, texts)

    @property
    def _loaded(self) -> Backend:
        """The loaded encoder, shared by all equal descriptions in this process."""
        return loaded(self, self._load)

    @property
    def fingerprint(self) -> str:
        """Names what decides the vectors: back-end, dtype, pooling, windows, hash of the resolved weights. Loads the weights."""
        return self._loaded.fingerprint

    @property
    def dimension(self) -> int:
        """Length d of a vector. Loads the weights."""
        return self._loaded.dimension
