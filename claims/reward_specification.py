"""Reward specification: a limit on a rate is met without searching for a weight."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Scripted
from guerdon import Batch, Reward, find_paper

ARMS = ("fast and risky", "slow and safe", "idle")
WORTH = Scripted(dict(zip(ARMS, (1.0, 0.6, 0.3), strict=True)), name="worth")
RISK = Scripted(dict(zip(ARMS, (1.0, 0.0, 0.0), strict=True)), name="risk")
LIMIT, STEPS, GROUP, TEMPERATURE = 0.1, 400, 32, 0.02
BEST = LIMIT * 1.0 + (1 - LIMIT) * 0.6  # of the linear programme


def _trained(seed: int, reward: Reward) -> tuple[float, float]:
    """(distance of the risk's rate from its limit, distance of the worth from the best under the limit), last half of training.

    The policy is soft actor-critic's: a softmax of what each arm is worth at present, at a fixed temperature.
    """
    rng = np.random.default_rng(seed)
    scorer, seen = reward.scorer(seed=seed), []
    for step in range(STEPS):
        odds = np.exp(scorer.score(Batch(ARMS, step=step)).values / TEMPERATURE)
        seen.append(odds / odds.sum())
        picked = rng.choice(len(ARMS), size=GROUP, p=seen[-1])
        scorer.advance(Batch([ARMS[k] for k in picked], step=step))
    risky, safe, idle = np.mean(seen[STEPS // 2 :], axis=0)
    return float(abs(risky - LIMIT)), float(abs(risky + 0.6 * safe + 0.3 * idle - BEST))


def _limited() -> Reward:
    reward: Reward = find_paper("reward-specification").build(
        task=WORTH, constraints=[(RISK, None, LIMIT)], rate=0.02, options={"window": 64}
    )
    return reward


CLAIMS = (
    Claim(
        paper="reward-specification",
        says="A limit of 10 % on how often a cost occurs is met by learned multipliers and missed by a fixed weight of 0.5",
        measure="distance of the cost's rate from its limit",
        ours="rate constraint",
        baseline="fixed weight",
        run=lambda seed: (_trained(seed, _limited())[0], _trained(seed, WORTH - 0.5 * RISK)[0]),
        seeds=10,
        higher=False,
    ),
    Claim(
        paper="reward-specification",
        says="Under the limit the reward comes close to the best that the limit allows",
        measure="distance from the optimum",
        ours="rate constraint",
        baseline="fixed weight",
        run=lambda seed: (_trained(seed, _limited())[1], _trained(seed, WORTH - 0.5 * RISK)[1]),
        seeds=10,
        higher=False,
    ),
)
