"""The smallest policy there is: one softmax over a few written completions per prompt, trained by policy gradient.

It is enough to see what a reward drives a policy to. Rewards are real guerdon rewards on real text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guerdon import Batch, Reward
from guerdon.shaping.advantages import dr_grpo_advantage
from guerdon.shaping.normalize import group_zscore

Floats = NDArray[np.float64]
Advantage = Callable[[Floats, NDArray[np.int64]], Floats]


@dataclass(frozen=True, repr=False)
class Scripted(Reward):
    """A written value per completion, with Gaussian noise drawn anew for every batch from the step."""

    table: Mapping[str, float]
    noise: float = 0.0
    seed: int = 0

    def _score(self, batch: Batch) -> Floats:
        values = np.array([self.table[str(completion)] for completion in batch.completions])
        rng = np.random.default_rng((self.seed, batch.step or 0))
        return np.asarray(values + self.noise * rng.normal(size=len(values)))


def grpo(values: Floats, groups: NDArray[np.int64]) -> Floats:
    """GRPO's advantage: z-score within the group."""
    return np.nan_to_num(group_zscore(values, groups))


def dr_grpo(values: Floats, groups: NDArray[np.int64]) -> Floats:
    """The advantage without division by the group's spread."""
    return np.nan_to_num(dr_grpo_advantage(values, groups))


@dataclass
class Tabular:
    """A softmax over ``choices`` completions for each of the prompts; ``logits`` (P, C)."""

    choices: Sequence[Sequence[str]]
    logits: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        if not self.logits.size:
            self.logits = np.zeros((len(self.choices), max(map(len, self.choices))))
        for p, row in enumerate(self.choices):
            self.logits[p, len(row) :] = -np.inf

    @property
    def probabilities(self) -> Floats:
        """(P, C) what the policy says how often."""
        odds = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def sample(self, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """(P, size) indices of sampled completions."""
        table = self.probabilities
        return np.stack([rng.choice(table.shape[1], size=size, p=row) for row in table])

    def batch(
        self, picked: NDArray[np.int64], prompts: Sequence[str], columns: dict[str, Sequence[Any]], step: int
    ) -> Batch:
        """The sampled completions, prompt by prompt, with each prompt's columns repeated."""
        size = picked.shape[1]
        completions = [self.choices[p][c] for p, row in enumerate(picked) for c in row]
        repeated = {name: [value for value in values for _ in range(size)] for name, values in columns.items()}
        return Batch(completions, [prompt for prompt in prompts for _ in range(size)], step=step, columns=repeated)

    def update(self, picked: NDArray[np.int64], advantages: Floats, rate: float) -> None:
        """One policy-gradient step: d log pi / d logits = onehot - pi."""
        table = self.probabilities
        for p, (row, gains) in enumerate(zip(picked, advantages.reshape(picked.shape), strict=True)):
            gradient = np.zeros(table.shape[1])
            np.add.at(gradient, row, gains)
            gradient -= gains.sum() * table[p]
            allowed = np.isfinite(self.logits[p])
            self.logits[p, allowed] += rate * gradient[allowed] / len(row)


def train(
    policy: Tabular,
    reward: Reward,
    prompts: Sequence[str],
    columns: dict[str, Sequence[Any]],
    *,
    seed: int,
    steps: int = 100,
    group: int = 8,
    rate: float = 0.5,
    advantage: Advantage = grpo,
) -> Tabular:
    """Train a tabular policy in place with a guerdon reward; unscored samples carry no advantage."""
    rng = np.random.default_rng(seed)
    scorer = reward.scorer(seed=seed)
    for step in range(steps):
        picked = policy.sample(group, rng)
        batch = policy.batch(picked, prompts, columns, step)
        policy.update(picked, advantage(scorer.advance(batch).values, batch.groups), rate)
    return policy
