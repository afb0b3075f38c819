"""CSR: on questions the policy cannot solve, wrong answers spread, so that agreement becomes an honest confidence."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, dr_grpo
from guerdon import Batch, Reward, find_paper
from guerdon.rewards import ExactMatch
from guerdon.shaping.calibration import expected_calibration_error

QUESTIONS, WRONG = 30, 5
SAID = ("right", *(f"wrong {i}" for i in range(WRONG)))


def _calibration_error(seed: int, reward: Reward) -> float:
    """ECE of the agreement among samples; a third of the questions are solvable, the others start with a dominant wrong answer."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=0.3, size=(QUESTIONS, len(SAID)))
    solvable = np.arange(QUESTIONS) % 3 == 0
    logits[solvable, 0] += 1.5
    logits[~solvable, 1] += 2.5
    logits[~solvable, 0] = -np.inf
    policy = Tabular([SAID] * QUESTIONS, logits)
    for step in range(80):
        picked = policy.sample(8, rng)
        groups = np.repeat(np.arange(QUESTIONS), 8)
        texts = [SAID[c] for row in picked for c in row]
        batch = Batch(texts, groups=groups, reference=["right"] * len(texts), step=step)
        policy.update(picked, dr_grpo(reward.score(batch).values, batch.groups), 1.0)
    table = policy.probabilities
    answers = table.argmax(axis=1)
    return float(expected_calibration_error(table.max(axis=1), answers == 0))


CLAIMS = (
    Claim(
        paper="csr",
        says="Penalising agreement among wrong answers makes agreement a better calibrated confidence than correctness alone",
        measure="expected calibration error",
        ours="CSR",
        baseline="correctness",
        run=lambda seed: (
            _calibration_error(seed, find_paper("csr").build(correct=ExactMatch(normalize="strip"), of="whole")),
            _calibration_error(seed, ExactMatch(normalize="strip")),
        ),
        seeds=10,
        higher=False,
    ),
)
