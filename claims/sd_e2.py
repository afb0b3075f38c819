"""SD-E^2: paying for strategies that differ in meaning finds the rare one that works; counting tags only repeats the favourite."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import dr_grpo
from guerdon import Batch, Reward, find_paper
from guerdon.models.encoders import TableEncoder
from guerdon.rewards import StrategyAnswer, StrategyForm

STRATEGIES, SLOTS, PROMPTS, GROUP = 6, 5, 6, 6
SILENT, REPEAT, VARY = range(3)  # what a slot of a completion may do


def _table() -> dict[str, list[float]]:
    """Five wordings of each strategy: cosine above 0.9 to each other, about 0 to the other strategies."""
    rng = np.random.default_rng(0)
    names = {f"strategy {k} in wording {j}": (k, j) for k in range(STRATEGIES) for j in range(SLOTS)}
    return {name: (np.eye(16)[k] + 0.06 * rng.normal(size=16)).tolist() for name, (k, _) in names.items()}


ENCODER = TableEncoder(_table())


def _completion(slots: list[int], order: list[int], solver: int) -> str:
    """Strategies in order: ``REPEAT`` is the favourite, ``order[0]``, in other words, ``VARY`` the next that was not tried."""
    fresh = iter(order[1:])
    tried = [(j, order[0] if slot == REPEAT else next(fresh)) for j, slot in enumerate(slots) if slot != SILENT]
    said = [(j, k, "42" if k == solver else "7") for j, k in tried]
    blocks = (
        f'<strategy id="{j}"><approach>{k}</approach><reasoning>strategy {k} in wording {j}</reasoning>'
        f"<result>{result}</result></strategy>"
        for j, k, result in said
    )
    return "".join(blocks) + f"<final_answer>{said[0][2] if said else ''}</final_answer>"


def _trained(seed: int, reward: Reward, *, solvable: bool, steps: int, silence: float = 0.02) -> tuple[float, float]:
    """(mean step of the first right strategy, distinct strategies per completion in the end).

    A completion has five slots, drawn from one softmax per prompt: silence, the favourite in other words, a new strategy (0.5 %
    at first). One strategy of each prompt, never the favourite, is right, or none. A solved prompt is left alone.
    """
    rng = np.random.default_rng(seed)
    logits = np.tile(np.log([silence, 0.995 - silence, 0.005]), (PROMPTS, 1))
    solver = rng.integers(1, STRATEGIES, PROMPTS) if solvable else np.full(PROMPTS, -1)
    first, distinct = np.full(PROMPTS, float(steps)), 0.0
    for step in range(steps):
        live = np.flatnonzero(first == steps)
        if not live.size:
            break
        odds = np.exp(logits[live] - logits[live].max(axis=1, keepdims=True))
        table = odds / odds.sum(axis=1, keepdims=True)
        cut = rng.random((live.size, GROUP, SLOTS, 1))
        picked = np.minimum((table.cumsum(axis=1)[:, None, None] < cut).sum(axis=3), VARY)
        rows, owner = picked.reshape(-1, SLOTS).tolist(), np.repeat(live, GROUP)
        orders = [[0, *(1 + rng.permutation(STRATEGIES - 1)).tolist()] for _ in rows]
        texts = [_completion(row, order, solver[p]) for row, order, p in zip(rows, orders, owner, strict=True)]
        solved = np.array([">42</result>" in text for text in texts]).reshape(picked.shape[:2]).any(axis=1)
        first[live[solved]] = step
        batch = Batch(texts, groups=owner, answer=["42"] * len(texts), step=step)
        gains = dr_grpo(reward.score(batch).values, batch.groups).reshape(picked.shape[:2])
        logits[live] += 3.0 * np.einsum("pg,pgsk->pk", gains, np.eye(3)[picked] - table[:, None, None]) / GROUP
        distinct = float(np.mean([row.count(VARY) + (REPEAT in row) for row in rows]))
    return float(first.mean()), distinct


def _ours() -> Reward:
    reward: Reward = find_paper("sd-e2").build(encoder=ENCODER)
    return reward


CLAIMS = (
    Claim(
        paper="sd-e2",
        says="Paying for different strategies finds the rare one that works sooner than correctness alone",
        measure="steps to the first right strategy",
        ours="SD-E^2",
        baseline="correctness",
        run=lambda seed: (
            _trained(seed, _ours(), solvable=True, steps=60)[0],
            _trained(seed, StrategyAnswer("any").then("zscore"), solvable=True, steps=60)[0],
        ),
        seeds=10,
        higher=False,
    ),
    Claim(
        paper="sd-e2",
        says="Limit: where the policy often offers a lone strategy, which counts as fully different (D = 1), the gain is lost",
        measure="steps to the first right strategy",
        ours="SD-E^2",
        baseline="correctness",
        run=lambda seed: (
            _trained(seed, _ours(), solvable=True, steps=60, silence=0.295)[0],
            _trained(seed, StrategyAnswer("any").then("zscore"), solvable=True, steps=60, silence=0.295)[0],
        ),
        seeds=8,
        higher=False,
    ),
    Claim(
        paper="sd-e2",
        says="Where nothing is right, diversity in meaning gives more distinct strategies than counting tags",
        measure="distinct strategies per completion",
        ours="SD-E^2",
        baseline="tag counting",
        run=lambda seed: (
            _trained(seed, _ours(), solvable=False, steps=40)[1],
            _trained(seed, StrategyForm(variant="official").then("zscore"), solvable=False, steps=40)[1],
        ),
        seeds=10,
    ),
)
