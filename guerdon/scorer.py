"""Scorer: owns what a reward keeps in training (running statistics, windows, multipliers), so that the reward stays data."""

from __future__ import annotations

import copy
import threading
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.combine import Combine
from guerdon.errors import UserError
from guerdon.reward import Reward, State
from guerdon.runtime import Evaluation, run_blocking
from guerdon.runtime import ascore as _ascore
from guerdon.runtime import score as _score
from guerdon.scores import Scores


class Scorer:
    """A reward with its state. ``score`` only reads the state; ``advance``, and the call a trainer makes, move it on.

    State is keyed by the part of the tree it belongs to and saved with :meth:`state_dict`. Pickling carries the configuration
    only: a scorer that has advanced refuses, because a copy would go its own way.

    >>> from guerdon.rewards import TokenF1
    >>> scorer = TokenF1().scorer()
    >>> scorer.advance(Batch(["a b"], ["q"], reference=["a b"])).values.tolist()
    [1.0]
    """

    def __init__(self, reward: Reward, *, seed: int = 0) -> None:
        self.reward, self.seed = reward, seed
        self.advanced = 0
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}
        rng = np.random.default_rng(seed)
        for node in reward.walk():
            state = node.initial_state(rng)
            if state is not None:
                self._states[node.fingerprint] = state

    def score(self, batch: Batch) -> Scores:
        """The scores under the present state, which does not change."""
        return _score(self.reward, batch, self._states)

    async def ascore(self, batch: Batch) -> Scores:
        """As :meth:`score`, without blocking the caller's event loop."""
        return await _ascore(self.reward, batch, self._states)

    def advance(self, batch: Batch) -> Scores:
        """The scores of a training batch under the present state, which is then moved on by what was seen."""
        if not self._states:
            return self.score(batch)
        with self._lock:
            evaluation = Evaluation(batch, self._states)
            scores = run_blocking(evaluation.run(self.reward))
            self._states = {**self._states, **self._moved(evaluation)}
            self.advanced += 1
        return scores

    def _moved(self, evaluation: Evaluation) -> dict[str, State]:
        moved = {}
        for node in self.reward.walk():
            key = node.fingerprint
            if key in self._states and key in evaluation.seen:
                view, seen = evaluation.seen[key]
                state = copy.deepcopy(self._states[key])
                if isinstance(node, Combine):
                    moved[key] = node.advanced_terms(state, seen)
                else:
                    moved[key] = node.advanced_state(state, view, seen)
        return moved

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later: the reward's fingerprint, the number of training calls, the state by part."""
        with self._lock:
            return {"reward": self.reward.fingerprint, "advanced": self.advanced, "states": copy.deepcopy(self._states)}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            UserError: it was saved by another reward.
        """
        if saved.get("reward") != self.reward.fingerprint:
            raise UserError(
                f"the state was saved by reward {saved.get('reward')}, this scorer has {self.reward.fingerprint}; "
                "load it into a scorer of the same reward"
            )
        with self._lock:
            self._states = copy.deepcopy(saved["states"])
            self.advanced = saved["advanced"]

    @property
    def __name__(self) -> str:
        return self.reward.name

    def __call__(self, *args: Any, **kwargs: Any) -> list[float | None]:
        """As trainers of the TRL convention ask; moves the state on."""
        from guerdon.trainer_call import call

        return call(self, *args, **kwargs)

    def __repr__(self) -> str:
        return f"Scorer({self.reward!r}, seed={self.seed}, advanced={self.advanced})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.advanced and self._states:
            raise UserError(
                f"scorer of {self.reward.name!r} has advanced {self.advanced} times and a pickled copy would go its own way; "
                "keep one scorer, or move its state with state_dict()"
            )
        return _scorer, (self.reward, self.seed)


def _scorer(reward: Reward, seed: int) -> Scorer:
    return Scorer(reward, seed=seed)


def with_state(scoring: Reward | Scorer) -> Reward | Scorer:
    """What scores in training: a reward that keeps state is given a scorer."""
    return scoring.scorer() if isinstance(scoring, Reward) and scoring.stateful else scoring
