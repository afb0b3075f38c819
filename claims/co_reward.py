"""Co-Reward: a shortcut that one phrasing invites does not spread, because the other phrasing's rollouts do not vote for it."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, grpo
from guerdon import Batch, find_paper

SAID = ("\\boxed{1}", "\\boxed{42}", "\\boxed{17}", "\\boxed{99}")
PAPER = find_paper("co-reward")


def _right(seed: int, variant: str, *, shared: bool = False) -> float:
    """Mean probability of the right answer, 42, after training on 10 questions in two phrasings.

    The first phrasing of every question invites the constant answer 1; the second only where the shortcut is ``shared``.
    """
    rng = np.random.default_rng(seed)
    pairs = 10
    logits = rng.normal(scale=0.3, size=(2 * pairs, len(SAID)))
    logits[:, 1] += 0.7
    logits[:pairs, 0] += 1.1
    logits[pairs:, 0] += 1.1 if shared else -0.5
    policy = Tabular([SAID] * (2 * pairs), logits)
    reward = PAPER.build(variant)
    for step in range(60):
        picked = policy.sample(8, rng)
        texts = [SAID[c] for row in picked for c in row]
        sides = np.repeat(np.arange(2 * pairs), 8)
        batch = Batch(texts, groups=sides, pair_id=(sides % pairs).tolist(), step=step)
        policy.update(picked, grpo(reward.score(batch).values, batch.groups), 0.5)
    return float(policy.probabilities[:, 1].mean())


CLAIMS = (
    Claim(
        paper="co-reward",
        says="The vote of the paraphrase resists a shortcut that one phrasing invites; the own majority converges to it",
        measure="probability of the right answer",
        ours="cross vote",
        baseline="majority vote",
        run=lambda seed: (_right(seed, "default"), _right(seed, "majority")),
        seeds=10,
    ),
    Claim(
        paper="co-reward",
        says="Negative control: where both phrasings share the shortcut, the cross vote does not help",
        measure="probability of the right answer",
        ours="cross vote",
        baseline="majority vote",
        run=lambda seed: (_right(seed, "default", shared=True), _right(seed, "majority", shared=True)),
        seeds=10,
    ),
)
