"""ARM-Thinker: a bonus for a right verdict that a tool led to keeps useful calls, and breeds fewer useless ones than any bonus."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon import Batch, find_paper
from guerdon.rewards import JudgeVerdict

GROUP, RATE = 16, 0.1
ACTIONS = ("answer", "failing call", "useful call")
RESULTS = {"answer": None, "failing call": "Error: no such box", "useful call": "This is the zoom-in image"}


def _completion(action: str, right: int) -> list[dict[str, str]]:
    answer = f"<think>so</think><answer>Answer {2 - right} is better.</answer>"
    result = RESULTS[action]
    asked = [] if result is None else [{"role": "assistant", "content": "look"}, {"role": "tool", "content": result}]
    return [*asked, {"role": "assistant", "content": answer}]


@cache
def _rewards(kind: str) -> NDArray[np.float64]:
    """(3, 2) what each action is worth with a wrong and with a right verdict."""
    verdict = find_paper("arm-thinker").build()
    if kind == "form and verdict":
        verdict = JudgeVerdict(attempt=0.0, success=0.0)
    completions = [_completion(action, right) for action in ACTIONS for right in (0, 1)]
    batch = Batch(completions, reference=["1"] * len(completions))
    values = verdict.score(batch).values
    if kind == "bonus for any call":
        values = (
            JudgeVerdict(attempt=0.0, success=0.0).score(batch).values + 0.5 * verdict.part("tried").score(batch).values
        )
    return np.asarray(values.reshape(3, 2))


def _trained(seed: int, kind: str, chances: Sequence[float], updates: int) -> NDArray[np.float64]:
    """(3,) how often each action is taken after training, the chance of a right verdict given by the action (NaN: not possible)."""
    rng, table, logits = np.random.default_rng(seed), _rewards(kind), np.where(np.isnan(chances), -np.inf, 0.0)
    for _ in range(updates):
        policy = np.exp(logits) / np.exp(logits).sum()
        picked = rng.choice(3, size=GROUP, p=policy)
        right = (rng.random(GROUP) < np.asarray(chances)[picked]).astype(int)
        values = table[picked, right]
        advantages = (values - values.mean()) / (values.std() + 1e-6)
        logits += RATE * (advantages[:, None] * (np.eye(3)[picked] - policy)).mean(axis=0)
    return np.asarray(np.exp(logits) / np.exp(logits).sum())


HELPS, IDLE = (0.55, 0.55, 0.9), (0.55, 0.55, float("nan"))
CLAIMS = (
    Claim(
        paper="arm-thinker",
        says="Where a tool helps, the conditional bonus makes the judge use it sooner than form and accuracy alone",
        measure="share of useful calls after 200 updates",
        ours="conditional bonus",
        baseline="form and verdict",
        run=lambda seed: (
            float(_trained(seed, "conditional", HELPS, 200)[2]),
            float(_trained(seed, "form and verdict", HELPS, 200)[2]),
        ),
    ),
    Claim(
        paper="arm-thinker",
        says="Where tools only fail, the conditional bonus breeds fewer calls than a bonus for any call",
        measure="share of failing calls after 400 updates",
        ours="conditional bonus",
        baseline="bonus for any call",
        run=lambda seed: (
            float(_trained(seed, "conditional", IDLE, 400)[1]),
            float(_trained(seed, "bonus for any call", IDLE, 400)[1]),
        ),
        higher=False,
    ),
)
