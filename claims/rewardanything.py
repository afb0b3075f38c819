"""RewardAnything: gap-weighted concordance forgives errors on small gaps; one judge serves opposite principles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, train
from guerdon import find_paper
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.rewards import Length
from guerdon.shaping.concordance import weighted_concordance

SAID = tuple("word " * n for n in (1, 2, 4, 8, 16))


def _noisy_judge(seed: int) -> tuple[float, float]:
    """Mean reward and plain pair accuracy of a judge whose scores are off by less than most gaps."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(200):
        gold = rng.permutation(5) + 1.0
        said = gold + 0.8 * rng.normal(size=5)
        names = "abcde"
        first, second = np.triu_indices(5, 1)
        right = (said[first] - said[second]) * (gold[first] - gold[second]) > 0
        reward = weighted_concordance(dict(zip(names, said, strict=True)), dict(zip(names, gold, strict=True)))
        found.append((reward, float(right.mean())))
    ours, plain = np.mean(found, axis=0)
    return float(ours), float(plain)


@dataclass(frozen=True)
class PrincipledJudge(ChatModel):
    """Scores responses by their length, as the principle wants it."""

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        """One list of scores per request."""
        return [ChatReply(_scored(request.messages[-1]["content"])) for request in requests]


def _scored(said: str) -> str:
    shorter = "short" in said.partition("<<<PRINCIPLE")[2].split("\n")[1]
    scores = {}
    for block in said.split("<<<MODEL ")[1:]:
        head, _, text = block.partition("\n")
        steps = min(4.0, np.log2(max(1, text.partition("\nMODEL ")[0].count("word"))))
        scores[f"model-{head.split()[0]}"] = 5.0 - steps if shorter else 1.0 + steps
    return json.dumps({"scores": scores})


def _gap_between_principles(seed: int) -> tuple[float, float]:
    """Mean words under "long" minus under "short": one judge and two principles, against one scalar reward for both."""
    lengths = np.array([text.count("word") for text in SAID], dtype=np.float64)

    def words(reward: object) -> float:
        policy = train(Tabular([SAID] * 4), reward, [f"q{i}" for i in range(4)], {}, seed=seed, steps=40)  # type: ignore[arg-type]
        return float((policy.probabilities @ lengths).mean())

    build = find_paper("rewardanything").build
    judged = [words(build("policy", chat=PrincipledJudge(), principle=f"{way} responses")) for way in ("long", "short")]
    scalar = [words(Length(unit="words")) for _ in range(2)]
    return judged[0] - judged[1], scalar[0] - scalar[1]


CLAIMS = (
    Claim(
        paper="rewardanything",
        says="Weighting pairs by their gap forgives a judge that errs where responses hardly differ",
        measure="mean reward",
        ours="weighted concordance",
        baseline="plain pair accuracy",
        run=_noisy_judge,
    ),
    Claim(
        paper="rewardanything",
        says="Two principles drive a policy in opposite directions with one judge; a scalar reward knows one direction",
        measure="mean words under the one goal minus under the other",
        ours="judge by principle",
        baseline="scalar reward",
        run=_gap_between_principles,
        seeds=5,
    ),
)
