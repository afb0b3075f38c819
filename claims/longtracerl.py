"""LongTraceRL: entities are paid to right answers only, so that the chain is learned and listing names is not."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, grpo
from guerdon import Batch, Reward, find_paper
from guerdon.rewards import Given

ENTITIES = [f"Entity{i}" for i in range(10)]
STYLES = ("chain", "guess", "list")
TEXTS = [" ".join(ENTITIES[:k]) + "." for k in (9, 2, 10)]
PAPER = find_paper("longtracerl")


def _trained(seed: int, reward: Reward, solved: float) -> list[float]:
    """Probabilities of chain, guess and list after 300 updates of 8 rollouts; listing is right a fifth as often."""
    rng = np.random.default_rng(seed)
    policy = Tabular([STYLES])
    chance = np.array([solved, solved, 0.2 * solved])
    for step in range(300):
        picked = policy.sample(8, rng)
        batch = Batch(
            [TEXTS[c] for c in picked[0]],
            groups=[0] * 8,
            correct=(rng.random(8) < chance[picked[0]]).astype(float).tolist(),
            rubrics=[ENTITIES] * 8,
            step=step,
        )
        policy.update(picked, grpo(reward.score(batch).values, batch.groups), 0.3)
    return [float(share) for share in policy.probabilities[0]]


CLAIMS = (
    Claim(
        paper="longtracerl",
        says="Where half of the answers are right, paying right ones for entities makes the policy name the chain",
        measure="probability of naming the chain",
        ours="positive-only",
        baseline="outcome alone",
        run=lambda seed: (
            _trained(seed, PAPER.build(), 0.5)[0],
            _trained(seed, Given("correct", 0.0, 1.0), 0.5)[0],
        ),
        seeds=10,
    ),
    Claim(
        paper="longtracerl",
        says="Where one answer in ten is right, paying wrong answers too makes the policy list entities",
        measure="probability of listing entities",
        ours="positive-only",
        baseline="both (entities paid to all)",
        run=lambda seed: (_trained(seed, PAPER.build(), 0.1)[2], _trained(seed, PAPER.build("both"), 0.1)[2]),
        seeds=10,
        higher=False,
    ),
)
