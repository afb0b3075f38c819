"""R^3: relevance alone teaches to copy the question, and length lengthens closed answers unless they have a branch."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, grpo
from guerdon import Batch, Reward, find_paper
from guerdon.models.encoders import CharNGramEncoder

ENCODER = CharNGramEncoder()
PAPER = find_paper("r3-relevance")
QUERY = "Tell me how tea is made from its leaves and why people drink it."
GOOD = (
    "Tea is made from the leaves of a shrub. Workers pick the young leaves, let them wither, roll and dry them; black tea is "
    "also left to oxidise before drying. People drink it for its taste, its warmth, and because the caffeine keeps them awake."
)
OPEN = (GOOD, QUERY, f"{QUERY} " * 5, "")
CLOSED_QUERY, REFERENCE = "What is the capital of France?", "Paris is the capital of France"
CLOSED = (
    "Paris is the capital of France.",
    "Paris is the capital of France, a country whose capital has been this city for a long time, as is well known.",
)


def _trained(seed: int, reward: Reward, texts: tuple[str, ...], query: str, qtype: str) -> list[float]:
    """How often each of the texts is said after 80 updates of 8 rollouts, from a random start."""
    rng = np.random.default_rng(seed)
    policy = Tabular([texts], rng.normal(scale=0.5, size=(1, len(texts))))
    values = reward.score(
        Batch(texts, [query] * len(texts), qtype=[qtype] * len(texts), reference=[REFERENCE] * len(texts))
    ).values
    for _ in range(80):
        picked = policy.sample(8, rng)
        policy.update(picked, grpo(values[picked[0]], np.zeros(8, dtype=np.int64)), 0.5)
    return [float(share) for share in policy.probabilities[0]]


def _good(seed: int, **switches: bool) -> float:
    return _trained(seed, PAPER.build(encoder=ENCODER, **switches), OPEN, QUERY, "OPENENDED")[0]


def _padded(seed: int, **switches: bool) -> float:
    return _trained(seed, PAPER.build(encoder=ENCODER, **switches), CLOSED, CLOSED_QUERY, "CONSTRAINED")[1]


CLAIMS = (
    Claim(
        paper="r3-relevance",
        says="Relevance regularised by length and repetition learns to answer; relevance alone learns to copy the question",
        measure="probability of the real answer",
        ours="R^3",
        baseline="relevance alone",
        run=lambda seed: (_good(seed), _good(seed, length_incentive=False, repetition_penalty=False)),
    ),
    Claim(
        paper="r3-relevance",
        says="A branch for closed questions keeps their answers short; without it length pads them",
        measure="probability of the padded answer",
        ours="branching",
        baseline="one formula for all",
        run=lambda seed: (_padded(seed), _padded(seed, branching=False)),
        higher=False,
    ),
)
