"""WebArbiter: a knockout among proposed actions finds a good one more often than taking the first, if the judge is good."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from guerdon.papers.webarbiter import knockout_select

CANDIDATES, GOOD = 5, 0.4


def _found(seed: int, right: float) -> tuple[float, float]:
    """Share of 400 states in which the champion is good, and in which the first candidate is."""
    rng = np.random.default_rng(seed)
    champions, firsts = [], []
    for _ in range(400):
        good = rng.random(CANDIDATES) < GOOD
        better = good[:, None].astype(float) - good[None, :]
        sure = rng.random((CANDIDATES, CANDIDATES)) < right
        coin = rng.random((CANDIDATES, CANDIDATES)) < 0.5
        beats = np.where(better == 0, coin, np.where(sure, better > 0, better < 0)).astype(float)
        champions.append(good[knockout_select(CANDIDATES, beats.tolist())["winner"]])
        firsts.append(good[0])
    return float(np.mean(champions)), float(np.mean(firsts))


def _claim(right: float, says: str) -> Claim:
    return Claim(
        paper="webarbiter",
        says=says,
        measure="share of states in which a good action is taken (each is good with chance 0.4)",
        ours=f"knockout of 5, judge right with chance {right:g}",
        baseline="the first proposed",
        run=lambda seed: _found(seed, right),
    )


CLAIMS = (
    _claim(0.8, "A knockout among five proposed actions finds a good one more often than taking the first"),
    _claim(0.6, "With a judge that is right six times in ten a knockout still gains"),
    _claim(0.5, "Limit: a judge that guesses gains nothing"),
)
