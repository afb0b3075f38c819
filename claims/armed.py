"""ARMed: a semantic score squeezed into a narrow band does not move a policy beside a format reward; re-spread it does."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Scripted, Tabular, dr_grpo, train
from guerdon import find_paper

QUALITIES = np.linspace(0.0, 1.0, 8)
ANSWERS = [f"<think>t</think><answer>finding {i}</answer>" for i in range(8)]
COLLAPSED = Scripted({text: 0.86 + 0.06 * q for text, q in zip(ANSWERS, QUALITIES, strict=True)}, noise=0.005)
PAPER = find_paper("armed")


def _quality(seed: int, adaptive: bool) -> float:
    reward = PAPER.build(semantic=COLLAPSED, weights=(0.5, 0.0, 1.0), min_history=16)
    if not adaptive:
        semantic = next(node for node in reward.walk() if node == COLLAPSED)
        reward = 0.5 * reward.terms[0] + semantic
    policy = Tabular([ANSWERS])
    train(policy, reward, ["x-ray?"], {"reference": ["finding 7"]}, seed=seed, steps=60, rate=1.0, advantage=dr_grpo)
    return float(policy.probabilities[0] @ QUALITIES)


CLAIMS = (
    Claim(
        paper="armed",
        says="Re-spread semantic scores move a policy that raw, collapsed ones barely do, when summed without normalisation",
        measure="expected quality after 60 updates (uniform: 0.5)",
        ours="adaptive",
        baseline="raw similarity",
        run=lambda seed: (_quality(seed, True), _quality(seed, False)),
    ),
)
