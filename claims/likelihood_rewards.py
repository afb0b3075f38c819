"""Likelihood rewards: log-probability learns what probability cannot see, and what a verifier never gets to reward."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from claims.tabular import Tabular, train
from guerdon import Batch
from guerdon.models.lm import CausalLM, LogprobRequest, ScriptedLM, TokenScores, bound_policy
from guerdon.papers.likelihood_rewards import build
from guerdon.rewards.policy_terms import owed
from guerdon.shaping.advantages import rloo_advantage
from guerdon.shaping.likelihood import log_mean_exp

Floats = NDArray[np.float64]

# -- a reference of 200 tokens ------------------------------------------------------------------------------------------

THOUGHTS = ("<think>to the point</think>", "<think>vague</think>", "<think>off topic</think>")
LONG, REFERENCE = 200, "a proof of two hundred tokens"


def _long(seed: int, variant: str) -> float:
    """Probability of the thought that helps most, where tokens of the reference have a chance of about one half."""
    rng = np.random.default_rng(seed)
    chances = np.clip(rng.normal(0.5, 0.05, (3, LONG)) + np.array([[0.06], [0.0], [-0.06]]), 0.05, 0.95)
    table = {f"{z}<answer>": {REFERENCE: np.log(row).tolist()} for z, row in zip(THOUGHTS, chances, strict=True)}
    policy = Tabular([THOUGHTS])
    reward = build(variant, lm=ScriptedLM(table))
    columns: dict[str, Sequence[Any]] = {"reference": [REFERENCE]}
    train(policy, reward, ["q"], columns, seed=seed, steps=150, rate=0.05, advantage=rloo_advantage)
    return float(policy.probabilities[0, 0])


# -- easy and hard questions: a policy of thoughts and answers -------------------------------------------------------------

QUESTIONS, SAMPLES, ANSWERS, STEPS, RATE = 12, 6, 30, 40, 0.4


class _Tables(CausalLM):
    """A policy that thinks one of three thoughts and then says one of 30 answers; question p's right answer is number p."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.thoughts = np.zeros((QUESTIONS, 3))
        self.answers = rng.normal(scale=0.3, size=(QUESTIONS, 3, ANSWERS))
        hard = np.arange(QUESTIONS) % 2 == 1
        right = np.where(hard, -5.0, 3.0)[:, None] + np.array([1.0, 0.0, -1.0])
        self.answers[np.arange(QUESTIONS), :, np.arange(QUESTIONS)] = right

    def chances(self, p: int, z: int) -> Floats:
        odds = np.exp(self.answers[p, z] - self.answers[p, z].max())
        return np.asarray(odds / odds.sum())

    def thinking(self, p: int) -> Floats:
        odds = np.exp(self.thoughts[p] - self.thoughts[p].max())
        return np.asarray(odds / odds.sum())

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        found = []
        for request in requests:
            p, z, a = (
                int(request.prompt),
                THOUGHTS.index(str(request.prefix)[: -len("<answer>")]),
                int(str(request.target)),
            )
            found.append(TokenScores(np.array([a]), np.log(self.chances(p, z)[[a]])))
        return found

    def perplexity(self) -> float:
        """exp of the mean over questions of -log sum_z pi(z) pi(a*|z)."""
        logs = [
            log_mean_exp([math.log(3 * self.thinking(p)[z]) + math.log(self.chances(p, z)[p]) for z in range(3)])
            for p in range(QUESTIONS)
        ]
        return math.exp(-float(np.mean(logs)))


def _bandit(seed: int, variant: str) -> float:
    """Perplexity of the right answers after training with the reward, its own gradient (Lemma 1) included."""
    policy, rng = _Tables(seed), np.random.default_rng(seed)
    reward = build(variant)
    rows = [p for p in range(QUESTIONS) for _ in range(SAMPLES)]
    for _ in range(STEPS):
        thoughts = [int(rng.choice(3, p=policy.thinking(p))) for p in rows]
        said = [int(rng.choice(ANSWERS, p=policy.chances(p, z))) for p, z in zip(rows, thoughts, strict=True)]
        completions = [f"{THOUGHTS[z]}<answer>{a}</answer>" for z, a in zip(thoughts, said, strict=True)]
        batch = Batch(completions, [str(p) for p in rows], reference=[str(p) for p in rows])
        with bound_policy(policy):
            scores = reward.score(batch)
            debts = owed(reward, batch, scores)
            slopes = [
                (d.row, d.factor * float(d.term.derivative(policy.logprobs(d.term.requests))[0][0])) for d in debts
            ]
        sampled = not reward.needs_policy
        advantages = rloo_advantage(scores.values, batch.groups) / (100.0 if sampled else 1.0)
        thinking, answers = np.zeros_like(policy.thoughts), np.zeros_like(policy.answers)
        for p, z, a, gain in zip(rows, thoughts, said, advantages, strict=True):
            thinking[p] += gain * (np.eye(3)[z] - policy.thinking(p))
            if sampled:  # the answer is sampled and rewarded; a likelihood takes the reference's place there
                answers[p, z] += gain * (np.eye(ANSWERS)[a] - policy.chances(p, z))
        for row, slope in slopes:
            p, z = rows[row], thoughts[row]
            answers[p, z] += slope * (np.eye(ANSWERS)[p] - policy.chances(p, z))
        policy.thoughts += RATE * thinking / SAMPLES
        policy.answers += RATE * answers / SAMPLES
    return policy.perplexity()


CLAIMS = (
    Claim(
        paper="likelihood-rewards",
        says="On references of 200 tokens log-probability learns which thought helps, where probability (VeriFree) flatlines",
        measure="probability of the best thought",
        ours="log-prob",
        baseline="prob",
        run=lambda seed: (_long(seed, "default"), _long(seed, "prob")),
        seeds=10,
    ),
    Claim(
        paper="likelihood-rewards",
        says="With easy and hard questions the log-probability reward leaves a lower perplexity than a verified 0/1 reward",
        measure="perplexity of the right answers",
        ours="log-prob",
        baseline="verified",
        run=lambda seed: (_bandit(seed, "default"), _bandit(seed, "base")),
        seeds=10,
        higher=False,
    ),
)
