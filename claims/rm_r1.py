"""RM-R1: on pairs whose order is balanced the verdict reward teaches judging; on unbalanced ones it teaches the place."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from guerdon import Batch, find_paper
from guerdon.data.balanced_order import balanced_order
from guerdon.shaping.normalize import group_zscore

GROUP, STEPS, ITEMS, RATE, RIGHT = 7, 300, 8, 0.05, 0.8


def _uses_the_content(seed: int, balanced: bool) -> float:
    """P(arm that looks at a feature, right 80% of the time) against one that always says A, after GRPO."""
    rng = np.random.default_rng(seed)
    reward = find_paper("rm-r1").build()
    preference = np.zeros(2)
    for step in range(STEPS):
        if balanced:
            labels = [row["winner"] for row in balanced_order([{"chosen": "", "rejected": ""}] * ITEMS)]
        else:
            labels = ["model_a" if rng.random() < 0.9 else "model_b" for _ in range(ITEMS)]
        odds = np.exp(preference - preference.max())
        chance = odds / odds.sum()
        arms = rng.choice(2, size=(ITEMS, GROUP), p=chance)
        texts = []
        for label, row in zip(labels, arms, strict=True):
            truth = "A" if label == "model_a" else "B"
            for arm in row:
                seen = truth if rng.random() < RIGHT else "AB".replace(truth, "")
                texts.append(f"<answer>[[{seen if arm else 'A'}]]</answer>")
        groups = np.repeat(np.arange(ITEMS), GROUP)
        winner = [label for label in labels for _ in range(GROUP)]
        values = reward.score(Batch(texts, groups=groups, winner=winner, step=step)).values
        gains = np.nan_to_num(group_zscore(values, groups))
        chosen = arms.ravel()
        preference += RATE * np.array([gains[chosen == arm].sum() - gains.sum() * chance[arm] for arm in (0, 1)])
    odds = np.exp(preference - preference.max())
    return float(odds[1] / odds.sum())


CLAIMS = (
    Claim(
        paper="rm-r1",
        says="Pairs whose order is balanced teach a judge to look at the content; 90% A labels teach it to say A",
        measure="probability of judging by the content",
        ours="balanced order",
        baseline="90% of labels A",
        run=lambda seed: (_uses_the_content(seed, True), _uses_the_content(seed, False)),
        seeds=10,
    ),
)
