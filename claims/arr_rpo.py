"""ARR and RPO: verified rubrics make a biased judge consistent; raw asymmetric rewards leave the policy more entropy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from claims.claim import Claim
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.papers.arr_rpo import generator
from guerdon.rubric import Criterion, Rubric
from guerdon.rubrics import Example, generated
from guerdon.shaping.advantages import grpo_advantage
from guerdon.shaping.pairwise import rank_rewards

PAIRS, BIAS, VAGUE = 60, 0.3, 0.5
CLEAR, LOOSE = "The response gives a reason.", "The response is good overall."


@dataclass(frozen=True)
class Writer(ChatModel):
    """Writes a clear criterion or, half of the time, a vague one; a revision is another draw."""

    seed: int

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply(json.dumps({"rubrics": [self._criterion(request.text)]})) for request in requests]

    def _criterion(self, asked: str) -> str:
        return LOOSE if np.random.default_rng([self.seed, crc32(asked.encode())]).random() < VAGUE else CLEAR


@dataclass(frozen=True)
class Judge(ChatModel):
    """Ranks by the criterion where it is clear; else it picks the first answer with chance 0.5 + BIAS."""

    seed: int

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply(json.dumps({"rank": self.ranks(request.text)})) for request in requests]

    def ranks(self, asked: str) -> list[int]:
        """The ranks of the two answers in the order shown."""
        rules, _, answers = asked.partition("<<<ANSWER 1")
        first = "because" in answers.partition("<<<ANSWER 2")[0]
        if CLEAR not in rules:
            first = bool(np.random.default_rng([self.seed, 2, crc32(asked.encode())]).random() < 0.5 + BIAS)
        return [1, 2] if first else [2, 1]


def _swap_consistency(seed: int) -> tuple[float, float]:
    """Share of new pairs on which the judge prefers the same answer in both orders: by verified rubrics, and by none."""
    pairs = [Example(f"Why {k}?", (f"So {k}, because.", f"So {k}."), (1.0, 2.0)) for k in range(PAIRS)]
    judge, method = Judge(seed), generator(count=1, epochs=5)
    made = sorted(generated(pairs, method, chat=Writer(seed), judge=judge), key=lambda one: one[0].prompt)
    kept = [one.rubric for _, one in made if one.status == "kept" and one.rubric is not None]
    direct = Rubric((Criterion("c1", LOOSE),))

    def consistent(k: int, rubric: Rubric) -> bool:
        answers = (f"Thus {k}, because.", f"Thus {k}.")
        there = judge.ranks(method.ranking(f"New {k}?", answers, rubric).text)
        back = judge.ranks(method.ranking(f"New {k}?", answers[::-1], rubric).text)
        return there == back[::-1]

    ours = [consistent(k, rubric) for k, rubric in enumerate(kept)]
    return float(np.mean(ours)), float(np.mean([consistent(k, direct) for k in range(len(kept))]))


def _entropy(seed: int, *, raw: bool) -> float:
    """Entropy of a policy over 4 answers after training with two samples a step and a judge that errs in 30% of comparisons."""
    rng = np.random.default_rng(seed)
    logits, quality = np.zeros(4), np.array([0.0, 1.0, 2.0, 3.0])
    for _ in range(1_500):
        p = np.exp(logits - logits.max())
        p /= p.sum()
        picked = rng.choice(4, size=2, p=p)
        gap = quality[picked[0]] - quality[picked[1]]
        first = (gap > 0) != (rng.random() < 0.3) if gap else rng.random() < 0.5
        advantages = rank_rewards([1, 2] if first else [2, 1])
        if not raw:
            advantages = grpo_advantage(advantages, np.zeros(2, dtype=np.int64))
        for answer, gain in zip(picked, advantages, strict=True):
            logits += 0.1 * gain * (np.eye(4)[answer] - p) / 2
    p = np.exp(logits - logits.max())
    p /= p.sum()
    return float(-(p * np.log(p + 1e-300)).sum())


CLAIMS = (
    Claim(
        paper="arr-rpo",
        says="A judge with a liking for the first place is more consistent by rubrics that were verified than on its own",
        measure="share of pairs judged alike in both orders",
        ours="verified rubrics",
        baseline="direct judging",
        run=_swap_consistency,
        seeds=10,
    ),
    Claim(
        paper="arr-rpo",
        says="Rewards 1 and -0.1 without normalisation leave the policy more entropy than advantages normalised by group",
        measure="final entropy of a policy over 4 answers, judge wrong in 30%",
        ours="RPO",
        baseline="GRPO, groups of 2",
        run=lambda seed: (_entropy(seed, raw=True), _entropy(seed, raw=False)),
        seeds=20,
    ),
)
