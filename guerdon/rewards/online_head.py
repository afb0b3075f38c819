"""OnlineHead: a small model of a costly reward, trained on the samples where it is known while training goes on."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.encoder import Encoder
from guerdon.models.encoders import CharNGramEncoder, as_encoder
from guerdon.models.protocols.shown import shown_text
from guerdon.registry import register
from guerdon.reward import Example, Reward, State, column
from guerdon.rewards.given import Given
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.critique_rewards import annotated
from guerdon.shaping.online_ridge import random_projection, ridge_initial, ridge_predict, ridge_update
from guerdon.text.reading import check_reading


@register("reward")
@dataclass(frozen=True, repr=False)
class OnlineHead(Reward):
    """What a linear head predicts of ``target`` from embeddings, the head trained on the samples whose target is known.

    Features: the encoder's vector of what the completion says in ``of``, its vector of the columns ``shown`` with that
    behind them, both through one random projection to ``dimensions``, and a constant. The head is a ridge regression (least
    squares with ``penalty``) over all it has seen, a batch counting ``decay`` times as much with every later one.

    It learns from a batch *before* it scores that batch, as an online reward model must, lest the policy moves to where it is
    wrong: from samples where column ``known`` holds something (None: all), the target is scored and above ``above``. Its state is
    its Scorer's: ``score`` looks, the training call learns. ``online=False`` predicts first, then learns. 0 before it has learned
    anything. Part ``target``: what it learned from, else NaN. NaN with ``instrument_error`` without a finite vector. Any range;
    tied to the whole batch.

    Source: RM-NLHF 2026 (arXiv 2601.07349), MetaRM, there a head on a language model.

    >>> head = OnlineHead(Given("score"), encoder="char-ngram", of="visible", known=None)
    >>> said = Batch(["good critique", "poor critique"], score=[1.5, 1.0])
    >>> head.scorer().advance(said).values.round(1).tolist()
    [1.5, 1.0]
    """

    target: Reward
    encoder: Encoder = field(default_factory=lambda: as_encoder("minilm"))
    shown: tuple[str, ...] = ()
    of: str = "<critics>"
    known: str | None = column(None, expects="whatever makes the target known, such as a human critique")
    above: float = -math.inf
    penalty: float = 0.01
    decay: float = 0.95
    dimensions: int = 128
    online: bool = True
    seed: int = 0

    ties = "batch"
    heavy = True
    subparts = ("target",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoder", as_encoder(self.encoder))
        super().__post_init__()
        try:
            check_reading(self.of)
        except ValueError as error:
            raise UserError(str(error)) from None
        if not (self.penalty > 0 and 0 < self.decay <= 1 and self.dimensions >= 1):
            raise UserError(
                f"penalty={self.penalty!r} must be positive, decay={self.decay!r} in (0, 1] and "
                f"dimensions={self.dimensions!r} at least 1"
            )

    @property
    def own_columns(self) -> dict[str, str]:
        return dict.fromkeys(self.shown, "text to show the head") | super().own_columns

    def initial_state(self, rng: np.random.Generator) -> State:
        return ridge_initial(2 * self.dimensions + 1)

    async def _score(self, batch: Batch, state: State | None = None) -> Scores:
        aimed = (await self.target.ascore(batch)).values
        return await asyncio.to_thread(self._predicted, batch, state or ridge_initial(2 * self.dimensions + 1), aimed)

    def _predicted(self, batch: Batch, state: State, aimed: Floats) -> Scores:
        features = self.features(batch)
        targets = self._learnable(batch, aimed, features)
        fitted = self._fitted(state, features, targets) if self.online else state
        values = ridge_predict(fitted, features, penalty=self.penalty)
        bad = Note(Outcome.INSTRUMENT_ERROR, "the encoder gave no finite vector")
        notes = tuple(bad if math.isnan(value) else None for value in values)
        return Scores(values, {"target": targets}, notes={"": notes})

    def advanced_state(self, state: State, batch: Batch, scores: Scores) -> State:
        return self._fitted(state, self.features(batch), scores.parts[f"{self.name}/target"])

    def features(self, batch: Batch) -> Floats:
        """(N, 2 dimensions + 1) what the head sees of each completion; NaN rows where the encoder failed."""
        said = [text or "" for text in batch.texts(self.of)]
        if not said:
            return np.zeros((0, 2 * self.dimensions + 1))
        whole = ["\n\n".join([*(shown_text(batch[c][i]) for c in self.shown), text]) for i, text in enumerate(said)]
        texts = list(dict.fromkeys([*said, *whole]))
        vectors = np.asarray(self.encoder.embed(texts), dtype=np.float64).reshape(len(texts), -1)
        small = vectors @ random_projection(vectors.shape[1], self.dimensions, seed=self.seed)
        place = {text: k for k, text in enumerate(texts)}
        parts = [small[[place[text] for text in side]] for side in (said, whole)]
        return np.hstack([*parts, np.ones((len(said), 1))])

    def _learnable(self, batch: Batch, aimed: Floats, features: Floats) -> Floats:
        """(N,) the targets to learn from, NaN elsewhere."""
        there = np.ones(len(batch), bool) if self.known is None else annotated(self.read(batch, self.known))
        with np.errstate(invalid="ignore"):
            kept = there & (aimed > self.above) & np.isfinite(features).all(axis=1)
        return np.where(kept, aimed, np.nan)

    def _fitted(self, state: State, features: Floats, targets: Floats) -> dict[str, Any]:
        rows = np.flatnonzero(~np.isnan(targets))
        return ridge_update(state, features[rows], targets[rows], decay=self.decay)

    @classmethod
    def example_reward(cls) -> OnlineHead:
        return cls(Given("score"), encoder=CharNGramEncoder(), of="visible", shown=("question",))

    @classmethod
    def example(cls) -> Example:
        return Example(
            Batch(["A cites the law.", "B is polite."], ["q", "r"], score=[1.5, 1.0], question=["Who is right?"] * 2)
        )
