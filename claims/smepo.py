"""SMEPO: with the full trace in the prompt the policy learns to copy, with the masked one to compute, with none nothing."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, grpo
from guerdon import Batch
from guerdon.papers.smepo import build
from guerdon.rewards import NumericAnswer
from guerdon.text.numbers import extract_numbers

COPY, COMPUTE, GUESSES = 0, 1, 6
GROUP, STEPS = 12, 60
PLAN = 5.0  # log-odds by which computing is less likely where no plan is seen


def _problem(rng: np.random.Generator) -> tuple[str, str, str]:
    a, b, c = (int(n) for n in rng.integers(11, 40, 3))
    question = f"What is ({a} + {b}) * {c}?\n"
    trace = f"Step 1: add {a} and {b} to get {a + b}.\nStep 2: multiply by {c} to get {(a + b) * c}.\n"
    return question, trace, str((a + b) * c)


def _said(skill: int, prompt: str, answer: str, rng: np.random.Generator) -> str:
    """What each skill of the policy says: copy the prompt's last number, compute, or guess."""
    if skill == COPY:
        numbers = extract_numbers(prompt)
        return f"The answer is {numbers[-1].value:g}."
    return f"The answer is {answer if skill == COMPUTE else rng.integers(400, 4000)}."


def _unguided(seed: int, mode: str) -> float:
    """Accuracy without any trace after training with the ``"masked"``, the ``"full"`` or no trace in the prompt.

    The policy is one softmax over its skills. A plan that is seen makes computing likelier (10 % instead of 0.08 % at
    first); copying is what comes easiest.
    """
    rng = np.random.default_rng(seed)
    guide, reward = build(domain="math"), NumericAnswer(of="answer", reference="answer")
    skills = tuple(str(k) for k in range(2 + GUESSES))
    start = np.zeros((1, len(skills)))
    start[0, COPY] = 1.0
    policy = Tabular([skills], start)
    hint = np.zeros(len(skills))
    hint[COMPUTE] = -PLAN if mode == "none" else 0.0
    for step in range(STEPS):
        question, trace, answer = _problem(rng)
        guided = guide({"prompt": question, "teacher_ds": trace, "reward_model": answer})["prompt"]
        prompt = {"masked": guided, "full": question + trace, "none": question}[mode]
        seen = Tabular([skills], policy.logits + hint)
        picked = seen.sample(GROUP, rng)
        texts = [_said(int(k), prompt, answer, rng) for k in picked[0]]
        scores = reward.score(Batch(texts, [prompt] * len(texts), answer=[answer] * len(texts), step=step))
        gains = grpo(scores.values, np.zeros(len(texts), dtype=np.int64))
        seen.update(picked, gains, 1.0)
        policy.logits = seen.logits - hint
    bare = policy.logits - np.where(np.arange(len(skills)) == COMPUTE, PLAN, 0.0)
    return float(Tabular([skills], bare).probabilities[0, COMPUTE])


CLAIMS = (
    Claim(
        paper="smepo",
        says="A masked trace teaches to compute; the full trace teaches to copy",
        measure="accuracy without a trace",
        ours="masked trace",
        baseline="full trace",
        run=lambda seed: (_unguided(seed, "masked"), _unguided(seed, "full")),
        seeds=10,
    ),
    Claim(
        paper="smepo",
        says="A masked trace gives reward where no rollout succeeds without one",
        measure="accuracy without a trace",
        ours="masked trace",
        baseline="no trace",
        run=lambda seed: (_unguided(seed, "masked"), _unguided(seed, "none")),
        seeds=10,
    ),
)
