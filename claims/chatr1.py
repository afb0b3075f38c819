"""ChatR1: rewarding the query's words finds the stand-alone rewrite sooner than the answer alone does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon import Batch, find_paper
from guerdon.rewards import QueryMatch
from guerdon.rewards.search import trajectory

REWRITE = "When was the Eiffel Tower in Paris built?"
#: From a bare pronoun to the full rewrite.
QUERIES = (
    "what about it",
    "was that old",
    "when was that thing built",
    "when Eiffel Tower in Paris opened",
    "when was the Eiffel Tower in Paris built",
)
START = np.array([1.0, 1.0, 0.5, 0.0, 0.0])
ANSWERS = ("1900", "1889")
COMPLETIONS = [
    trajectory(f"<think>a</think><search>{query}</search>", "...", f"<think>b</think><answer>{answer}</answer>")
    for query in QUERIES
    for answer in ANSWERS
]
BATCH = Batch(COMPLETIONS, golden_answers=["1889"] * len(COMPLETIONS), rewrite=[REWRITE] * len(COMPLETIONS))
RIGHT = 0.02 + 0.3 * QueryMatch().score(BATCH).values.reshape(-1, 2)[:, 0] ** 3


def _table(alpha: float) -> NDArray[np.float64]:
    """(query, wrong or right) the paper's reward."""
    return find_paper("chatr1").build(alpha=alpha).score(BATCH).values.reshape(-1, 2)


def _updates(seed: int, alpha: float, *, most: int = 1500, size: int = 16, rate: float = 0.3) -> float:
    """Policy-gradient updates until the full rewrite is written nine times out of ten."""
    rng = np.random.default_rng(seed)
    table, logits = _table(alpha), START.copy()
    for update in range(most):
        policy = np.exp(logits - logits.max())
        policy /= policy.sum()
        if policy[-1] >= 0.9:
            return float(update)
        picked = rng.choice(len(policy), size=size, p=policy)
        rewards = table[picked, (rng.random(size) < RIGHT[picked]).astype(int)]
        gains = rewards - rewards.mean()
        logits += rate * (np.bincount(picked, gains, len(policy)) - gains.sum() * policy) / size
    return float(most)


CLAIMS = (
    Claim(
        paper="chatr1",
        says="The intent reward reaches the stand-alone rewrite in fewer updates than answer F1 alone",
        measure="updates until 90% full rewrites",
        ours="alpha = 0.2",
        baseline="alpha = 0",
        run=lambda seed: (_updates(seed, 0.2), _updates(seed, 0.0)),
        higher=False,
    ),
)
