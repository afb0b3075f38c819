"""Reward functions that keep what they last scored, for TRL trainers that need more of it than one number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.integrations.trl import Term
from guerdon.reward import Reward
from guerdon.runtime import score_all
from guerdon.scorer import Scorer
from guerdon.scores import Scores
from guerdon.trainer_call import log, optional, scored, trainer_batch


@dataclass
class Watched:
    """A reward function that keeps the batch it last scored, which rows of it are this process's (None: all), and the scores."""

    scoring: Reward | Scorer | Term
    seen: tuple[Batch, Any, Scores] | None = field(default=None, repr=False)

    @property
    def __name__(self) -> str:
        return self.scoring.__name__

    @property
    def reward(self) -> Reward:
        """The reward that is scored."""
        if isinstance(self.scoring, Term):
            return self.scoring.terms.reward.terms[self.scoring.index]
        return self.scoring if isinstance(self.scoring, Reward) else self.scoring.reward

    def __call__(
        self, prompts: Any, completions: Any, *, log_extra: Any = None, log_metric: Any = None, **columns: Any
    ) -> list[float | None]:
        if isinstance(self.scoring, Term):
            values = self.scoring(prompts, completions, log_extra=log_extra, log_metric=log_metric, **columns)
            batch, own = trainer_batch(self.reward, prompts, completions, **columns)
            (scores,) = score_all([self.reward], batch)
            self.seen = batch, own, scores
            return values
        batch, own, scores = scored(self.scoring, prompts, completions, **columns)
        self.seen = batch, own, scores
        log(self.__name__, self.local(), log_extra, log_metric)
        return optional(self.local().values)

    def local(self) -> Scores:
        """The scores of this process's completions."""
        if self.seen is None:
            return Scores(np.zeros(0))
        _, own, scores = self.seen
        return scores if own is None else scores.select(own)
