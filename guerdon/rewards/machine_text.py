"""Whether a text reads as if a person had written it, by a reward model that prefers what aligned models write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.reward_model import Exchange, RewardModel, ScriptedRewardModel
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Textual
from guerdon.runtime import count
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.transforms import sigmoid

MACHINE_SCORE = "machine_score"


@register("reward")
@dataclass(frozen=True, repr=False)
class HumanLikeness(Textual):
    """How far the text alone, without its prompt, is from what a machine-text detector calls machine-written.

    sigmoid((threshold - r(y)) / temperature), r a scalar reward model that is higher for text of aligned language models; 0.5 at
    the threshold. Range [0, 1]; the part ``machine_score`` is r(y) itself. No columns. An empty completion is worth 0. NaN with
    ``instrument_error`` where the model gives no number.

    Thresholds do not carry over between domains and languages: take them from human texts of your own
    (:func:`guerdon.shaping.calibration.false_positive_threshold`). Texts of a few words are judged at random. Never use it as
    the only evidence against a person.

    Source: Lee et al. 2024, ReMoDetect (arXiv 2405.17382); the squashing is ours.

    >>> detector = ScriptedRewardModel({"As an AI model, I am happy to help.": 2.0, "dunno mate": -2.0})
    >>> batch = Batch(["As an AI model, I am happy to help.", "dunno mate"])
    >>> HumanLikeness(detector).score(batch).values.round(2).tolist()
    [0.12, 0.88]
    """

    model: RewardModel
    threshold: float = 0.0
    temperature: float = 1.0

    bounds = (0.0, 1.0)
    heavy: ClassVar[bool] = True
    subparts: ClassVar[tuple[str, ...]] = (MACHINE_SCORE,)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise UserError(f"temperature={self.temperature!r} must be above 0")

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        rows = [i for i, note in enumerate(notes) if note is None]
        values, machine = np.zeros(len(batch)), np.full(len(batch), np.nan)
        machine[rows] = machine_scores(self.model, [texts[i] for i in rows])
        values[rows] = sigmoid(self.threshold - machine[rows], sharpness=1.0 / self.temperature)
        for i in rows:
            if np.isnan(machine[i]):
                notes[i] = Note(Outcome.INSTRUMENT_ERROR, "the model gave no number")
        return Scores(values, parts={MACHINE_SCORE: machine}, notes={"": tuple(notes)})

    @classmethod
    def example_reward(cls) -> HumanLikeness:
        return cls(ScriptedRewardModel({"dunno, ask Ann": -2.0, "went home early": -1.0, "I hope this helps!": 3.0}))

    @classmethod
    def example(cls) -> Example:
        honest = Batch(["dunno, ask Ann", "went home early"], ["Who knows?", "Where were you?"])
        return Example(honest, {"empty": ["", ""], "slop": ["I hope this helps!"] * 2})


def machine_scores(model: RewardModel, texts: Sequence[str]) -> Floats:
    """(N,) the model's scores of texts without a prompt; each distinct text is scored once. NaN where it gave no finite number.

    Raises:
        UserError: the model has several heads.

    >>> machine_scores(ScriptedRewardModel({"a": 1.0}), ["a", "b", "a"]).tolist()
    [1.0, nan, 1.0]
    """
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return np.empty(0)
    scores = np.asarray(model.score([Exchange("", text) for text in distinct]), dtype=np.float64)
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if scores.shape != (len(distinct),):
        raise UserError(
            f"model gave scores of shape {scores.shape} for {len(distinct)} texts; give a model with one head"
        )
    count("texts", len(distinct))
    found = dict(zip(distinct, np.where(np.isfinite(scores), scores, np.nan).tolist(), strict=True))
    return np.array([found[text] for text in texts], dtype=np.float64)
