"""VRAG-RL: of two ways to search that answer equally often, the one that finds the page at once is learned."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, grpo
from guerdon import Batch, Reward, find_paper
from guerdon.rewards import Given
from guerdon.rewards.search import trajectory

STYLES = ("direct", "roundabout")
RETRIEVED = (["gold"], ["other 1", "other 2", "gold"])
ROLLOUTS = [trajectory(f"<search>{style}</search>", "page", "<answer>42</answer>") for style in STYLES]


def _direct(seed: int, reward: Reward) -> float:
    """How often the policy searches directly after 60 updates of 8 rollouts; both styles are right half of the time."""
    rng = np.random.default_rng(seed)
    policy = Tabular([STYLES], np.array([[0.0, 0.5]]))
    for step in range(60):
        picked = policy.sample(8, rng)
        batch = Batch(
            [ROLLOUTS[c] for c in picked[0]],
            groups=[0] * 8,
            correct=(rng.random(8) < 0.5).astype(float).tolist(),
            retrieved=[RETRIEVED[c] for c in picked[0]],
            relevant=[["gold"]] * 8,
            step=step,
        )
        policy.update(picked, grpo(reward.score(batch).values, batch.groups), 0.5)
    return float(policy.probabilities[0, 0])


CLAIMS = (
    Claim(
        paper="vrag-rl",
        says="NDCG over the trajectory prefers finding the page at once; the outcome cannot tell the two ways apart",
        measure="probability of the direct search after 60 updates",
        ours="outcome, pattern and NDCG",
        baseline="outcome alone",
        run=lambda seed: (_direct(seed, find_paper("vrag-rl").build()), _direct(seed, Given("correct", 0.0, 1.0))),
    ),
)
