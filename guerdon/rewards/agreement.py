"""Rewards on how much the completions of one prompt agree in meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.encoder import Encoder
from guerdon.models.encoders import as_encoder
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.rewards.match import ExactMatch
from guerdon.rewards.semantic import cosine_similarity
from guerdon.rewards.textual import Textual
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.text.normalize import normalize_multilingual

Scope = Literal["class", "group"]
ABSTENTIONS = ("i don't know", "i do not know", "unknown", "not sure", "cannot be determined", "no answer")


def agreement_calibration(similarity: ArrayLike, correct: ArrayLike, *, scope: Scope = "class") -> Floats:
    """(G,) +a_i for a correct sample, -a_i for a wrong one, with a_i the mean similarity to its peers, in [-1, 1].

    Peers are the other samples of its own class of correctness, or of the whole group with ``scope="group"``; a_i = 0 without
    peers. ``similarity`` is (G, G) in [0, 1], its diagonal is not used. NaN where correctness is.

    Source: our design for CSR 2026 (arXiv 2605.15588).

    >>> agreement_calibration([[1, 0.5], [0.5, 1]], [0, 0]).tolist()
    [-0.5, -0.5]
    """
    if scope not in ("class", "group"):
        raise ValueError(f"scope={scope!r} is unknown; choices: class, group")
    s, c = np.asarray(similarity, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    known = ~np.isnan(c)
    peers = known[:, None] & known[None, :] & ~np.eye(len(c), dtype=bool)
    if scope == "class":
        peers &= (c[:, None] >= 0.5) == (c[None, :] >= 0.5)
    count = peers.sum(axis=1)
    agreement = np.where(peers, s, 0.0).sum(axis=1) / np.maximum(count, 1)
    return np.where(known, np.where(c >= 0.5, agreement, 0.0 - agreement), np.nan)


@register("reward")
@dataclass(frozen=True, repr=False)
class Agreement(Textual):
    """Agreement in meaning with the siblings of the same correctness: + for right answers, - for wrong ones.

    See :func:`agreement_calibration`. Similarity is the cosine of embeddings, clipped at 0, or 1 for equal normalised answers and 0
    otherwise where ``encoder`` is None; answers are compared in the context of the question. Abstentions ("I don't know") are
    neutral: 0, and nobody's peers. Range [-1, 1]. Columns: those of ``correct``. Tied to the group. NaN where correctness is
    unscored or the encoder gives no vector.

    Source: our design for CSR 2026 (arXiv 2605.15588).

    >>> batch = Batch(["Rome", "Rome", "Paris"], ["Capital of Italy?"] * 3, reference=["Rome"] * 3)
    >>> Agreement().score(batch).values.tolist()
    [1.0, 1.0, 0.0]
    """

    correct: Reward = field(default_factory=ExactMatch)
    encoder: Encoder | None = None
    scope: Scope = "class"
    abstentions: tuple[str, ...] = ABSTENTIONS

    bounds = (-1.0, 1.0)
    ties = "group"

    def __post_init__(self) -> None:
        if self.encoder is not None:
            object.__setattr__(self, "encoder", as_encoder(self.encoder))
        if self.scope not in ("class", "group"):
            raise UserError(f"scope={self.scope!r} is unknown; choices: class, group")
        super().__post_init__()

    @property
    def heavy(self) -> bool:  # type: ignore[override]
        return self.encoder is not None

    def _score(self, batch: Batch) -> Scores:
        correct = self.correct.score(batch).values
        texts = [text or "" for text in batch.texts(self.of)]
        neutral = {normalize_multilingual(said) for said in self.abstentions}
        forms = [normalize_multilingual(text) for text in texts]
        vectors = self._vectors(texts, batch.prompt_texts)
        values = np.zeros(len(batch))
        notes: list[Note | None] = [None] * len(batch)
        for rows in batch.by_group():
            asked = [i for i in rows.tolist() if forms[i] not in neutral]
            pick = np.array(asked, dtype=np.int64)
            similarity = self._similarity(pick, forms, vectors)
            values[pick] = agreement_calibration(similarity, correct[pick], scope=self.scope)
        for i in np.flatnonzero(np.isnan(values)).tolist():
            notes[i] = Note(Outcome.MISSING_DATA, "no correctness, or no vector from the encoder")
        return Scores(values, notes={"": tuple(notes)})

    def _vectors(self, texts: Sequence[str], prompts: Sequence[str]) -> Floats | None:
        if self.encoder is None:
            return None
        pairs = [f"Q: {prompt} A: {text}" for prompt, text in zip(prompts, texts, strict=True)]
        return np.asarray(self.encoder.embed(pairs), dtype=np.float64)

    def _similarity(self, rows: NDArray[np.int64], forms: Sequence[str], vectors: Floats | None) -> Floats:
        if vectors is None:
            said = [forms[i] for i in rows]
            return np.array([[float(a == b) for b in said] for a in said]).reshape(len(said), len(said))
        own = vectors[rows]
        return np.maximum(cosine_similarity(own[:, None, :], own[None, :, :]), 0.0)

    @classmethod
    def example(cls) -> Example:
        honest = Batch(["Rome", "Rome", "Rome"], ["Capital of Italy?"] * 3, reference=["Rome"] * 3)
        return Example(honest, {"empty": [""] * 3, "same wrong": ["Paris"] * 3, "abstain": ["I don't know."] * 3})
