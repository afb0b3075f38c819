"""ReNorm: where a task cannot be solved, good-looking steps earn nothing; where it can, they still do, needed or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon import Batch, find_paper
from guerdon.rewards import SearchAnswer
from guerdon.rewards.search import trajectory

Floats = NDArray[np.float64]
MOST, QUALITY = 5, 0.8
UNSOLVABLE = np.full(MOST + 1, 0.02)
SOLVABLE = np.array([0.1, 0.5, 0.9, 0.9, 0.9, 0.9])


def _table(mu: float | None) -> Floats:
    """(searches, wrong or right) what a trajectory earns: the paper's reward, or with ``mu=None`` the outcome alone."""
    counts = [n for n in range(MOST + 1) for _ in (0, 1)]
    search = ("<think>a</think><search>q</search>", "...")
    completions = [
        trajectory(*search * n, f"<think>b</think><answer>{answer}</answer>")
        for n, answer in zip(counts, ["no", "yes"] * (MOST + 1), strict=True)
    ]
    batch = Batch(completions, golden_answers=["yes"] * len(counts), process_rewards=[[QUALITY] * n for n in counts])
    reward = SearchAnswer() if mu is None else find_paper("ppr-renorm").build(mu=mu)
    return reward.score(batch).values.reshape(-1, 2)


def _searches(
    seed: int, table: Floats, chance: Floats, *, updates: int = 1500, size: int = 16, rate: float = 0.1
) -> float:
    """Mean number of searches after REINFORCE on the trajectory's return, from a uniform policy."""
    rng = np.random.default_rng(seed)
    logits = np.zeros(MOST + 1)
    for _ in range(updates):
        policy = np.exp(logits - logits.max())
        policy /= policy.sum()
        picked = rng.choice(MOST + 1, size=size, p=policy)
        rewards = table[picked, (rng.random(size) < chance[picked]).astype(int)]
        gains = rewards - rewards.mean()
        logits += rate * (np.bincount(picked, gains, MOST + 1) - gains.sum() * policy) / size
    policy = np.exp(logits - logits.max())
    return float((policy / policy.sum()) @ np.arange(MOST + 1))


RENORM, PLAIN, OUTCOME = _table(1.0), _table(0.0), _table(None)

CLAIMS = (
    Claim(
        paper="ppr-renorm",
        says="On an unsolvable task ReNorm stops searching where the plain sum of process and outcome farms steps",
        measure="mean searches of at most 5, after 1500 updates",
        ours="ReNorm",
        baseline="plain sum",
        run=lambda seed: (_searches(seed, RENORM, UNSOLVABLE), _searches(seed, PLAIN, UNSOLVABLE)),
        seeds=10,
        higher=False,
    ),
    Claim(
        paper="ppr-renorm",
        says="On an unsolvable task ReNorm stops searching where the outcome alone does not care",
        measure="mean searches of at most 5, after 1500 updates",
        ours="ReNorm",
        baseline="outcome alone",
        run=lambda seed: (_searches(seed, RENORM, UNSOLVABLE), _searches(seed, OUTCOME, UNSOLVABLE)),
        seeds=10,
        higher=False,
    ),
    Claim(
        paper="ppr-renorm",
        says="On a solvable task ReNorm stops at the two searches that are needed",
        measure="mean searches of at most 5, after 1500 updates",
        ours="ReNorm",
        baseline="outcome alone",
        run=lambda seed: (_searches(seed, RENORM, SOLVABLE), _searches(seed, OUTCOME, SOLVABLE)),
        seeds=10,
        higher=False,
    ),
)
