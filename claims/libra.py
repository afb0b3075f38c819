"""Libra: a judge that is right 80% of the time is enough to find the better way to answer, unless its errors favour a style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from claims.claim import Claim
from guerdon import Batch, find_paper
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.shaping.normalize import group_zscore

GROUP, STEPS, RATE = 8, 200, 0.1
ACCURACY = (0.3, 0.9)


@dataclass(frozen=True)
class NoisyJudge(ChatModel):
    """Reads whether a response is right, and says so wrongly for those whose mark says so."""

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        """One verdict per response."""
        texts = [request.text.partition("<<<RESPONSE")[2] for request in requests]
        return [ChatReply(f"\\boxed{{{int(('truth' in text) != ('misread' in text))}}}") for text in texts]


def _better_arm(seed: int, favours_style: bool) -> float:
    """P(the arm that is right in 90% of its answers) against one that is right in 30% and writes in a style."""
    rng = np.random.default_rng(seed)
    reward = find_paper("libra").build("policy", chat=NoisyJudge())
    preference = np.zeros(2)
    for step in range(STEPS):
        odds = np.exp(preference - preference.max())
        chance = odds / odds.sum()
        arms = rng.choice(2, size=GROUP, p=chance)
        texts = []
        for k, arm in enumerate(arms):
            right = rng.random() < ACCURACY[arm]
            slip = rng.random() < 0.2
            misread = (not right if arm == 0 else right and slip) if favours_style else slip
            texts.append(f"{k}: {'truth' if right else 'error'} {'misread' if misread else ''}")
        values = reward.score(Batch(texts, ["q"] * GROUP, groups=np.zeros(GROUP, dtype=int), step=step)).values
        gains = np.nan_to_num(group_zscore(values, np.zeros(GROUP, dtype=int)))
        preference += RATE * np.array([gains[arms == arm].sum() - gains.sum() * chance[arm] for arm in (0, 1)])
    odds = np.exp(preference - preference.max())
    return float(odds[1] / odds.sum())


CLAIMS = (
    Claim(
        paper="libra",
        says="A judge 80% accurate drives a policy to right answers without references if its errors favour no style",
        measure="probability of the arm that is right more often",
        ours="independent errors",
        baseline="errors in favour of a style",
        run=lambda seed: (_better_arm(seed, False), _better_arm(seed, True)),
        seeds=10,
    ),
)
