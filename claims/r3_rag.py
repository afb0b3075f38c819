"""R3-RAG: relevance tells a good second query from a repeated first one where the outcome cannot; what it pays for searching."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon import Batch, find_paper
from guerdon.models.chat import ScriptedChat
from guerdon.rewards.headed import headed
from guerdon.rewards.search import trajectory
from guerdon.scores import Scores
from guerdon.shaping.credit import renorm
from guerdon.shaping.step_outcome import outcome_modulated

Floats = NDArray[np.float64]
PAPER = find_paper("r3-rag")
#: Second queries of a two-hop question, what the retriever gives for them, and how often the answer is right then.
SECOND = {
    "leader of Alba": ("Alba is led by Ann.", 0.02),
    "weather in Alba": ("It rains in Alba.", 0.02),
    "birthplace of Ann": ("Ann was born in Norum.", 0.2),
}
JUDGE = ScriptedChat(
    {
        "<<<ANSWER TO CHECK": "Final answer: False",
        "\nbirthplace of Ann\nQUERY ": "Relevance: 0.90",
        "\n(none)\nSTEPS BEFORE ": "Relevance: 0.80",
        "\nleader of Alba\nQUERY ": "Relevance: 0.20",
    },
    default="Relevance: 0.10",
)
CHANCE = np.array([chance for _, chance in SECOND.values()])


def _scored(mode: str) -> Scores:
    """Every second query with a wrong and a right answer."""
    completions = [
        trajectory(
            headed(1, "leader of Alba"), "Alba is led by Ann.", headed(2, query), found, headed(3, answer=answer)
        )
        for query, (found, _) in SECOND.items()
        for answer in ("Velt", "Norum")
    ]
    size = len(completions)
    columns = {"question": ["Where was the leader of Alba born?"] * size, "golden_answers": ["Norum"] * size}
    return PAPER.build(chat=JUDGE, mode=mode).score(Batch(completions, columns=columns))


def _second_step(mode: str) -> Floats:
    """(query, wrong or right) the reward of the second step."""
    steps = _scored(mode).steps or ()
    return np.array([0.0 if row is None else row.values[1] for row in steps]).reshape(-1, 2)


def _good_queries(seed: int, table: Floats, *, updates: int = 100, size: int = 8, rate: float = 0.5) -> float:
    """How often the right second query is written after policy-gradient updates on that step alone."""
    rng = np.random.default_rng(seed)
    logits = np.array([1.0, 0.0, 0.0])
    for _ in range(updates):
        policy = np.exp(logits) / np.exp(logits).sum()
        picked = rng.choice(len(policy), size=size, p=policy)
        rewards = table[picked, (rng.random(size) < CHANCE[picked]).astype(int)]
        gains = rewards - rewards.mean()
        logits += rate * (np.bincount(picked, gains, len(policy)) - gains.sum() * policy) / size
    return float(np.exp(logits[-1]) / np.exp(logits).sum())


def _ranked(seed: int, reduce: str, pairs: int = 2000) -> float:
    """How often a right trajectory is worth more than a wrong one, both of 0 to 4 searches of random relevance."""
    rng = np.random.default_rng(seed)

    def value(correct: bool) -> float:
        steps = outcome_modulated(rng.uniform(size=rng.integers(0, 5)), "done", correct)
        return float(steps.mean() if reduce == "mean" else steps.sum())

    return float(np.mean([value(True) > value(False) for _ in range(pairs)]))


def _searches(seed: int, factors: bool, *, updates: int = 500, size: int = 16, rate: float = 0.2) -> float:
    """Mean searches on a question nobody answers, at most 4: each step chooses to search or answer, from even odds.

    A step learns from its own reward: relevance times 0.8, or with ReNorm relevance minus 1.
    """
    rng = np.random.default_rng(seed)
    logits = np.zeros(4)
    for _ in range(updates):
        search = 1.0 / (1.0 + np.exp(-logits))
        went = rng.random((size, 4)) < search
        rewards = np.full((size, 4), np.nan)
        for i, choices in enumerate(went):
            relevance = np.full(4 if choices.all() else int(np.argmin(choices)), 0.8)
            steps = outcome_modulated(relevance, "done", False) if factors else renorm(relevance, 0.0)
            rewards[i, : len(steps)] = steps[:4]
        seen = ~np.isnan(rewards)
        means = np.where(seen, rewards, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        logits += rate * (np.where(seen, rewards - means, 0.0) * (went - search)).mean(axis=0)
    return float(np.cumprod(1.0 / (1.0 + np.exp(-logits))).sum())


RELEVANCE, OUTCOME = _second_step("prm_orm"), _second_step("orm")

CLAIMS = (
    Claim(
        paper="r3-rag",
        says="Relevance and outcome find the right second query sooner than the outcome alone, where most answers are wrong",
        measure="probability of the right second query after 100 updates",
        ours="relevance times outcome",
        baseline="outcome alone",
        run=lambda seed: (_good_queries(seed, RELEVANCE), _good_queries(seed, OUTCOME)),
    ),
    Claim(
        paper="r3-rag",
        says="As one number per trajectory the mean of the steps ranks right above wrong, the sum pays for length",
        measure="share of pairs in which the right trajectory is worth more",
        ours="mean of steps",
        baseline="sum of steps",
        run=lambda seed: (_ranked(seed, "mean"), _ranked(seed, "sum")),
        seeds=10,
    ),
    Claim(
        paper="r3-rag",
        says="On a question nobody answers, multiplying the relevance stops the searching as centring it does",
        measure="mean searches of at most 4, after 500 updates",
        ours="relevance times 0.8",
        baseline="ReNorm",
        run=lambda seed: (_searches(seed, True), _searches(seed, False)),
        seeds=10,
        higher=False,
    ),
)
