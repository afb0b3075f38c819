"""Rewards that compare meaning with a reference: similarity of sentence embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from guerdon.batch import Batch
from guerdon.models.encoder import Encoder
from guerdon.models.encoders import CharNGramEncoder, as_encoder
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Referenced
from guerdon.runtime import count
from guerdon.scores import Floats, Note, Outcome

EPSILON = 1e-8


def cosine_similarity(left: ArrayLike, right: ArrayLike) -> Floats:
    """Row-wise cosine l.r / (|l||r| + 1e-8) of two (N, d) arrays, in [-1, 1]; a zero vector gives 0.

    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0]])).round(6).tolist()
    [1.0]
    """
    a, b = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.asarray(np.einsum("...d,...d->...", a, b) / (norms + EPSILON))


@register("reward")
@dataclass(frozen=True, repr=False)
class Cosine(Referenced):
    """How close in meaning the completion is to the reference: the cosine of their sentence embeddings.

    cos(f(y), f(y*)) = f(y).f(y*) / (|f(y)||f(y*)| + 1e-8), f a frozen encoder. Range [-1, 1]; rescale with
    ``.then("threshold_rescale", at=...)`` or ``.then("clip", low=0, high=1)``. Column ``reference`` (a list: the closest counts).
    An empty completion scores 0 before encoding. NaN without a reference, or with ``instrument_error`` where the encoder gives
    no finite vector. A text longer than the encoder's window is the mean of its windows, noted ``windowed``.

    ``encoder`` is a description or its name: ``"minilm"``, ``"char-ngram"``, a hub id or path, the URL of a server.

    Source: Pappone et al. 2025, Shaping Explanations (arXiv 2509.13081).

    >>> Cosine(encoder="char-ngram").score(Batch(["oxygen"], reference=["oxygen"])).values.round(4).tolist()
    [1.0]
    """

    encoder: Encoder = field(default_factory=lambda: as_encoder("minilm"))

    bounds = (-1.0, 1.0)
    heavy = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoder", as_encoder(self.encoder))
        super().__post_init__()

    @property
    def floor(self) -> float:
        return 0.0

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        rows: dict[str, int] = {}
        for pair in pairs:
            for text in pair:
                rows.setdefault(text, len(rows))
        embedded = self.encoder.embed_with_info(list(rows))
        count("texts", len(rows))
        count("cache_hits", int(embedded.cached.sum()))
        left, right = ([rows[pair[side]] for pair in pairs] for side in (0, 1))
        values = cosine_similarity(embedded.vectors[left], embedded.vectors[right])
        notes = {}
        for k, (i, j) in enumerate(zip(left, right, strict=True)):
            if np.isnan(values[k]):
                notes[k] = Note(Outcome.INSTRUMENT_ERROR, "the encoder gave no finite vector")
            elif embedded.windowed[i] or embedded.windowed[j]:
                notes[k] = Note(Outcome.WINDOWED, "longer than the encoder's window; mean of windows")
        return np.clip(values, -1.0, 1.0), notes

    @classmethod
    def example_reward(cls) -> Cosine:
        return cls(encoder=CharNGramEncoder())

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["The mitochondrion makes most of the cell's ATP.", "Haemoglobin in the blood carries oxygen."],
            ["Which organelle makes ATP?", "What carries oxygen?"],
            reference=["Mitochondria make most of the cell's ATP.", "Oxygen is carried by haemoglobin in the blood."],
        )
        return Example(
            honest,
            {
                "empty": ["", ""],
                "question": ["Which organelle makes ATP?", "What carries oxygen?"],
                "keyword soup": ["ATP ATP ATP ATP ATP ATP", "oxygen oxygen oxygen oxygen"],
                "off topic": ["I like long walks.", "The weather is fine today."],
            },
        )
