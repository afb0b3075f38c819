"""SLATE: for as many judged steps, comparing candidates of one step teaches a chain of decisions faster than whole trajectories."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from guerdon.papers.slate import step_group
from guerdon.shaping.normalize import group_zscore

STEPS, CANDIDATES, UPDATES, RATE, RIGHT = 4, 5, 12, 0.4, 0.8


def _judged(rng: np.random.Generator, chosen: np.ndarray) -> np.ndarray:
    """Grades of -1 or 1 from a judge that is right eight times in ten."""
    return np.where(chosen, 1.0, -1.0) * np.where(rng.random(chosen.shape) < RIGHT, 1.0, -1.0)


def _solved(seed: int, truncated: bool) -> float:
    """The chance that all decisions are right, after updates of 20 judged steps each."""
    rng = np.random.default_rng(seed)
    logits = np.zeros(STEPS)
    for _ in range(UPDATES):
        p = 1.0 / (1.0 + np.exp(-logits))
        chosen = rng.random((STEPS, CANDIDATES)) < p[:, None]
        grades = _judged(rng, chosen)
        if truncated:
            advantages = np.array([step_group(row)["advantages"] for row in grades])
        else:
            returns = group_zscore(grades.sum(axis=0), np.zeros(CANDIDATES, dtype=np.int64), ddof=1, eps=1e-6)
            advantages = np.broadcast_to(returns, grades.shape)
        logits += RATE * (advantages * (chosen - p[:, None])).mean(axis=1) * STEPS
    return float(np.prod(1.0 / (1.0 + np.exp(-logits))))


CLAIMS = (
    Claim(
        paper="slate",
        says="Comparing candidates of one step learns a chain of four decisions faster than comparing whole trajectories",
        measure="chance that all four are right after 12 updates of 20 judged steps (start: 0.06)",
        ours="candidates of one prefix",
        baseline="five full trajectories",
        run=lambda seed: (_solved(seed, True), _solved(seed, False)),
    ),
)
