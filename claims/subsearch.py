"""SubSearch: searches that split the question pay before they succeed, and pay nothing more once the answer is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, grpo
from guerdon import Batch, Reward, find_paper
from guerdon.combine import Sum
from guerdon.models.encoders import CharNGramEncoder
from guerdon.rewards import Answerability, Decomposition, SearchAnswer
from guerdon.rewards.search import trajectory

QUESTION = "Is the capital of Alba larger than the capital of Brio?"
PAPER = find_paper("subsearch")
ENCODER = CharNGramEncoder()


def _searched(query: str, found: str, answer: str) -> Any:
    return trajectory(f"<think>a</think><search>{query}</search>", found, f"<think>b</think><answer>{answer}</answer>")


def _answers(answer: str) -> list[Any]:
    """The same answer after no search, a copy of the question, and a split of it."""
    parts = "the capital of Alba ## the capital of Brio"
    facts = "The capital of Alba is Norum, a large city. ## The capital of Brio is Velt, a small town."
    return [
        f"<think>a</think><answer>{answer}</answer>",
        _searched(QUESTION, "A list of questions about cities.", answer),
        _searched(parts, facts, answer),
    ]


def _trained(reward: Reward, chance: list[float], start: list[float], seed: int, steps: int, size: int = 5) -> Tabular:
    """A policy over strategies whose answers are right by chance; ``size`` rollouts an update."""
    rng = np.random.default_rng(seed)
    right, wrong = _answers("yes"), _answers("no")
    policy = Tabular([["none", "copy", "split"][: len(chance)]], np.array([start]))
    scorer = reward.scorer(seed=seed)
    for step in range(steps):
        picked = policy.sample(size, rng)
        lucky = rng.random(size) < np.array(chance)[picked[0]]
        completions = [(right if luck else wrong)[choice] for choice, luck in zip(picked[0], lucky, strict=True)]
        columns = {"golden_answers": ["yes"] * size, "question": [QUESTION] * size}
        batch = Batch(completions, [QUESTION] * size, step=step, columns=columns)
        policy.update(picked, grpo(scorer.advance(batch).values, batch.groups), 0.3)
    return policy


def _splits(seed: int, reward: Reward) -> float:
    """How often the policy splits the question after 60 updates, where splitting alone has a fair chance."""
    return float(_trained(reward, [0.02, 0.05, 0.3], [1.5, 0.0, 0.0], seed, 60).probabilities[0, 2])


def _needless(seed: int, reward: Reward) -> float:
    """How often the policy searches after 150 updates, where it knows the answer as well without."""
    return 1.0 - float(_trained(reward, [0.9, 0.05, 0.9], [1.0, 0.0, 0.0], seed, 150).probabilities[0, 0])


EXACT = SearchAnswer()
WEIGHTED = Sum(
    EXACT, Sum(Answerability(encoder=ENCODER), Decomposition(encoder=ENCODER), weights=(0.5, 0.5)), weights=(0.8, 0.2)
)

CLAIMS = (
    Claim(
        paper="subsearch",
        says="The residual bonus finds the strategy of splitting the question sooner than exact match alone, at 5 rollouts",
        measure="probability of splitting after 60 updates",
        ours="adaptive residual",
        baseline="exact match",
        run=lambda seed: (_splits(seed, PAPER.build(encoder=ENCODER)), _splits(seed, EXACT)),
    ),
    Claim(
        paper="subsearch",
        says="A ladder that rises everywhere keeps the bonus; the larger of the released ladder and its floor cancels it",
        measure="probability of splitting after 60 updates",
        ours="default ladder",
        baseline="monotone variant",
        run=lambda seed: (
            _splits(seed, PAPER.build(encoder=ENCODER)),
            _splits(seed, PAPER.build("monotone", encoder=ENCODER)),
        ),
        seeds=10,
    ),
    Claim(
        paper="subsearch",
        says="The residual does not pay for needless searches, a weighted sum does",
        measure="probability of searching where the answer is known, after 150 updates",
        ours="adaptive residual",
        baseline="weighted sum",
        run=lambda seed: (_needless(seed, PAPER.build(encoder=ENCODER)), _needless(seed, WEIGHTED)),
        seeds=10,
        higher=False,
    ),
)
