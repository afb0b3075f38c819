"""Rewards from demonstrations and from knowledge of states: log-ratio of two policies, and potential-based shaping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.scores import Floats, Note, Outcome, Scores, Steps
from guerdon.shaping.demonstrations import episode_windows, window_log_ratio
from guerdon.shaping.potential import potential_shaping


@register("reward")
@dataclass(frozen=True, repr=False)
class LogRatio(Reward):
    """How much likelier a policy fitted to demonstrations finds the completion than the policy that wrote it.

    S_new - S_old, S the sum of the log-probabilities of tokens (or actions), the log-odds that the completion is a demonstration.
    With ``window`` there is one step reward for every ``window`` tokens, the last one shorter; long texts saturate without.
    Unbounded. Columns ``new_logp`` and ``old_logp``: lists of numbers of one length. NaN with ``missing_data`` where they are
    not.

    Source: Barde et al. 2020, ASAF (arXiv 2006.13258).

    >>> batch = Batch(["a b c"], new_logp=[[-0.5, -0.5, -1.0]], old_logp=[[-1.0, -1.0, -1.0]])
    >>> LogRatio().score(batch).values.tolist(), LogRatio(window=2).score(batch).steps[0].values.tolist()
    ([1.0], [1.0, 0.0])
    """

    new: str = column("new_logp", expects="a list of log-probabilities under the fitted policy")
    old: str = column("old_logp", expects="a list of log-probabilities under the policy that wrote it")
    window: int | None = None

    def __post_init__(self) -> None:
        if self.window is not None and self.window < 1:
            raise UserError(f"window={self.window} must be at least 1, or None for whole completions")
        super().__post_init__()

    def _score(self, batch: Batch) -> Scores:
        steps: list[Steps | None] = []
        notes: list[Note | None] = []
        for new, old in zip(self.read(batch, self.new), self.read(batch, self.old), strict=True):
            left, right = _finite(new), _finite(old)
            usable = left is not None and right is not None and len(left) == len(right)
            steps.append(
                Steps(self._ratios(left, right)) if usable and left is not None and right is not None else None
            )
            missing = Note(Outcome.MISSING_DATA, f"{self.new} and {self.old} are no lists of numbers of one length")
            notes.append(None if usable else missing)
        if self.window is not None:
            return Scores.from_steps(steps, notes={"": tuple(notes)})
        values = [math.nan if row is None else float(row.values.sum()) for row in steps]
        return Scores(np.array(values, dtype=np.float64), notes={"": tuple(notes)})

    def _ratios(self, new: Floats, old: Floats) -> Floats:
        starts, ends = episode_windows(np.ones(len(new)), self.window or max(len(new), 1))
        cuts = list(zip(starts.tolist(), (ends + 1).tolist(), strict=True))
        return window_log_ratio([new[a:b] for a, b in cuts], [old[a:b] for a, b in cuts])

    @classmethod
    def example(cls) -> Example:
        return Example(
            Batch(["a b", "c d"], new_logp=[[-0.1, -0.2], [-2.0, -3.0]], old_logp=[[-1.0, -1.0], [-1.0, -1.0]])
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class Potential(Reward):
    """What a potential of states adds to the steps of a trajectory: gamma Phi(s_{t+1}) - Phi(s_t), to be added with ``+``.

    The best policy stays as it is, since a trajectory's discounted sum is -Phi(s_0) whatever it does: with ``ends`` the potential
    of the last state counts as 0. ``ends=False`` is for trajectories that were cut off. Unbounded. Column ``potentials``: a list
    of numbers, one per state, so one more than steps. NaN with ``missing_data`` where there is none.

    Source: Ng, Harada and Russell 1999.

    >>> Potential().score(Batch(["x"], potentials=[[0.0, 3.0, 1.0]])).steps[0].values.tolist()
    [3.0, -3.0]
    """

    potentials: str = column("potentials", expects="a list of numbers, one per state")
    gamma: float = 1.0
    ends: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if not 0.0 <= self.gamma <= 1.0:
            raise UserError(f"gamma={self.gamma} must lie in [0, 1]")
        super().__post_init__()

    def _score(self, batch: Batch) -> Scores:
        steps: list[Steps | None] = []
        notes: list[Note | None] = []
        for given in self.read(batch, self.potentials):
            phi = _finite(given)
            usable = phi is not None and len(phi) > 0
            steps.append(Steps(self._shaped(phi)) if usable and phi is not None else None)
            notes.append(None if usable else Note(Outcome.MISSING_DATA, f"no list of numbers in {self.potentials}"))
        return Scores.from_steps(steps, notes={"": tuple(notes)})

    def _shaped(self, phi: Floats) -> Floats:
        states = np.append(phi[:-1], 0.0) if self.ends else phi
        return potential_shaping(np.zeros(len(phi) - 1), states, gamma=self.gamma)

    @classmethod
    def example(cls) -> Example:
        return Example(Batch(["a", "b"], potentials=[[0.0, 1.0, 2.0], [0.0, 0.5]]))


def _finite(numbers: Any) -> Floats | None:
    """A list of finite numbers as an array, else None."""
    if not isinstance(numbers, (Sequence, np.ndarray)) or isinstance(numbers, (str, bytes)):
        return None
    try:
        array = np.asarray(numbers, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return array if array.ndim == 1 and bool(np.isfinite(array).all()) else None
