"""An encoder whose vectors are freed from what all texts have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from guerdon.errors import UserError
from guerdon.models.calibration import corrected, fit_all_but_the_top, fit_whitening, pack, unpack
from guerdon.models.encoder import Backend, Embeddings, Encoder
from guerdon.registry import register


@register("encoder", "corrected")
@dataclass(frozen=True, repr=False)
class CorrectedEncoder(Encoder):
    """Another encoder's vectors, centred, with dominant directions removed, optionally whitened, at unit length.

    Cosines of unrelated texts then lie about 0. Make one with :meth:`fit`; the arrays are packed text
    (:func:`guerdon.models.calibration.pack`), so that it prints, hashes and goes into a specification.

    >>> from guerdon.models.encoders import CharNGramEncoder
    >>> fitted = CorrectedEncoder.fit(
    ...     CharNGramEncoder(dimensions=64), ["the cat sat", "the dog ran", "the sun set"], directions=1
    ... )
    >>> fitted.embed(["the cat sat"]).shape
    (1, 64)
    """

    base: Encoder
    mean: str
    directions: str | None = None
    whitening: str | None = None

    def __post_init__(self) -> None:
        from guerdon.models.encoders import as_encoder

        object.__setattr__(self, "base", as_encoder(self.base))
        for name in ("mean", "directions", "whitening"):
            if getattr(self, name) is not None:
                unpack(getattr(self, name))

    def __repr__(self) -> str:
        steps = [name for name in ("directions", "whitening") if getattr(self, name) is not None]
        return f"{type(self).__name__}({self.base!r}, mean{''.join(f', {step}' for step in steps)})"

    @classmethod
    def fit(
        cls, encoder: Encoder, texts: Sequence[str], directions: int = 0, whiten: int | None = None
    ) -> CorrectedEncoder:
        """Fitted on a sample of texts like those to be scored: centred, ``directions`` removed, whitened to ``whiten`` dimensions.

        Raises:
            UserError: fewer than two texts, or more directions or dimensions than the sample supports.
        """
        vectors = encoder.embed(texts)
        if len(vectors) < 2:
            raise UserError(f"texts: {len(vectors)} given; a fit needs at least 2, better some hundred")
        mean, top = fit_all_but_the_top(vectors, directions)
        removed = pack(top) if directions else None
        if whiten is None:
            return cls(encoder, pack(mean), removed)
        left = vectors - mean
        return cls(encoder, pack(mean), removed, pack(fit_whitening(left - (left @ top.T) @ top, whiten)[1]))

    def embed_with_info(self, texts: Sequence[str]) -> Embeddings:
        """As for every encoder; windows, cache and faults are those of the encoder within."""
        inner = self.base.embed_with_info(texts)
        arrays = [None if said is None else unpack(said) for said in (self.directions, self.whitening)]
        return replace(inner, vectors=corrected(inner.vectors, unpack(self.mean), *arrays).astype(np.float32))

    @property
    def fingerprint(self) -> str:
        """That of the encoder within, and of the correction."""
        return f"corrected/{hash_text(self.mean, self.directions, self.whitening)}/{self.base.fingerprint}"

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return self.base.dimension if self.whitening is None else int(unpack(self.whitening).shape[1])

    def _load(self) -> Backend:
        return self.base._load()


def hash_text(*parts: str | None) -> str:
    """16 hexadecimal digits that change with any of these texts."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
