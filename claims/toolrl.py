"""ToolRL: graded credit for names and parameters learns a call with many parameters long before exact match does."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon import Batch, find_paper

PARAMETERS, CANDIDATES, GROUP, RATE, LIMIT = 4, 6, 8, 0.3, 3000


@cache
def _rewards(variant: str) -> NDArray[np.float64]:
    """(5,) what a call with 0 to 4 right values is worth."""
    calls = [{f"p{k}": int(k >= right) for k in range(PARAMETERS)} for right in range(PARAMETERS + 1)]
    said = [json.dumps({"name": "f", "parameters": call}) for call in calls]
    turns = [f"<think>f</think>\n<tool_call>\n{line}\n</tool_call>" for line in said]
    return find_paper("toolrl").build(variant).score(Batch(turns, reference=turns[-1:] * len(turns))).values


def _updates(seed: int, variant: str) -> float:
    """Updates until nine calls in ten are expected to be right in all values."""
    rng, table = np.random.default_rng(seed), _rewards(variant)
    logits = np.zeros((PARAMETERS, CANDIDATES))
    for update in range(LIMIT):
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        policy = odds / odds.sum(axis=1, keepdims=True)
        if policy[:, 0].prod() >= 0.9:
            return float(update)
        picked = (rng.random((GROUP, PARAMETERS, 1)) > policy.cumsum(axis=1)[:, :-1]).sum(axis=2)
        values = table[(picked == 0).sum(axis=1)]
        advantages = (values - values.mean()) / (values.std(ddof=1) + 1e-6)
        for k in range(PARAMETERS):
            onehot = np.eye(CANDIDATES)[picked[:, k]]
            logits[k] += RATE * (advantages[:, None] * (onehot - policy[k])).mean(axis=0)
    return float(LIMIT)


CLAIMS = (
    Claim(
        paper="toolrl",
        says="Graded credit learns a call of four parameters in fewer updates than credit for exact calls only",
        measure="updates until 90% of calls are right",
        ours="graded",
        baseline="coarse",
        run=lambda seed: (_updates(seed, "default"), _updates(seed, "coarse")),
        higher=False,
    ),
)
