"""SearchLLM: a gate of constraints keeps the policy from buying back a violation with richness; a linear mean does not."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, grpo
from guerdon import Batch, Reward, find_paper
from guerdon.rewards import Given
from guerdon.shaping.combine import mean

STYLES = ("violating and rich", "clean and good", "clean and poor")
CONSTRAINTS = [[0.0] + [1.0] * 8, [1.0] * 9, [1.0] * 9]
BEHAVIOURS = [[1.0] * 4, [0.7] * 4, [0.1] * 4]
LINEAR = [float(mean([[s] for s in (*c, *b)])[0]) for c, b in zip(CONSTRAINTS, BEHAVIOURS, strict=True)]
PAPER = find_paper("searchllm")


def _clean(seed: int, reward: Reward, good: float = 0.7) -> float:
    """How often the policy answers cleanly and well after 300 updates of 16 samples under a reward with noise."""
    rng = np.random.default_rng(seed)
    values = reward.score(
        Batch(
            STYLES,
            constraint_scores=CONSTRAINTS,
            behaviour_scores=[BEHAVIOURS[0], [good] * 4, BEHAVIOURS[2]],
            linear=LINEAR,
        )
    ).values
    policy = Tabular([STYLES])
    for _ in range(300):
        picked = policy.sample(16, rng)
        noisy = values[picked[0]] + 0.1 * rng.normal(size=16)
        policy.update(picked, grpo(noisy, np.zeros(16, dtype=np.int64)), 0.3)
    return float(policy.probabilities[0, 1])


CLAIMS = (
    Claim(
        paper="searchllm",
        says="Constraints that gate lead to clean and good answers; averaged with the rest they lose to a rich violation",
        measure="probability of the clean and good answer",
        ours="gated",
        baseline="linear mean",
        run=lambda seed: (_clean(seed, PAPER.build()), _clean(seed, Given("linear"))),
    ),
    Claim(
        paper="searchllm",
        says="The soft gate is outweighed where clean answers are half as rich as one violation of nine; a hard gate is not",
        measure="probability of the clean answer",
        ours="hard gate",
        baseline="soft gate",
        run=lambda seed: (_clean(seed, PAPER.build(hard=0.5), 0.5), _clean(seed, PAPER.build(), 0.5)),
        seeds=10,
    ),
)
