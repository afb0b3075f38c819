"""ExTrans: comparing with an exemplar goes on paying where an absolute rating has saturated; asking in both orders is unbiased."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, dr_grpo, train
from guerdon import Batch, Reward, find_paper
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.models.protocols.rating import Rating
from guerdon.rewards import Judged

QUALITIES = np.linspace(0.0, 1.0, 11)
EXEMPLAR, FULL = 0.8, 0.7
TEXTS = [f"<think>t</think>quality {q:.1f}" for q in QUALITIES]
SHOWN = re.compile(r"<<<(TRANSLATION [AB]|ANSWER) [0-9a-f]{20}\nquality ([0-9.]+)")


@dataclass(frozen=True)
class Reader(ChatModel):
    """Reads the qualities it is shown: rates one, saturating at 0.7, or compares two; noisy, and fond of the first by ``bias``."""

    seed: int
    noise: float = 0.5
    bias: float = 0.0

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply(str(self.level(request.text))) for request in requests]

    def level(self, text: str) -> int:
        seen = dict(SHOWN.findall(text))
        digest = hashlib.blake2b(f"{self.seed} {sorted(seen.items())}".encode(), digest_size=8).digest()
        noise = np.random.default_rng(int.from_bytes(digest, "big")).normal(scale=self.noise)
        if "ANSWER" in seen:
            raw = 1.0 + 4.0 * min(1.0, float(seen["ANSWER"]) / FULL)
        else:
            raw = 3.0 + 5.0 * (float(seen["TRANSLATION A"]) - float(seen["TRANSLATION B"])) + self.bias
        return int(np.clip(np.rint(raw + noise), 1, 5))


def _full(chat: ChatModel, debias: str = "swap") -> Reward:
    reward: Reward = find_paper("extrans").build(chat=chat, alpha_thought=0.0, beta_qe=0.0, debias=debias)
    return reward


def _quality(seed: int, reward: Reward) -> float:
    policy = Tabular([TEXTS])
    train(
        policy, reward, ["x"], {"exemplar": [f"quality {EXEMPLAR}"]}, seed=seed, steps=80, rate=1.0, advantage=dr_grpo
    )
    return float(policy.probabilities[0] @ QUALITIES)


def _bias(seed: int, debias: str) -> float:
    """How far the mean value of texts that are as good as the exemplar lies from the middle."""
    texts = [f"<think>t{k}</think>quality {q:.2f}" for k, q in enumerate(np.linspace(0.2, 0.8, 60))]
    exemplars = [text.partition("</think>")[2] for text in texts]
    values = _full(Reader(seed, bias=0.7), debias).score(Batch(texts, ["x"] * 60, exemplar=exemplars)).values
    return float(abs(values.mean() - 0.5))


CLAIMS = (
    Claim(
        paper="extrans",
        says="Comparing with an exemplar goes on improving a policy where an absolute rating has saturated",
        measure="expected quality after 80 updates (uniform: 0.5)",
        ours="comparison with an exemplar of quality 0.8",
        baseline="rating that is full from quality 0.7",
        run=lambda seed: (
            _quality(seed, _full(Reader(seed))),
            _quality(seed, Judged(Reader(seed), Rating(expected=False)).then("affine", scale=0.25, shift=-0.25)),
        ),
        seeds=10,
    ),
    Claim(
        paper="extrans",
        says="Asking in both orders takes out a judge's liking for the first place",
        measure="distance of the mean from the middle, for texts as good as the exemplar",
        ours="both orders",
        baseline="one order",
        run=lambda seed: (_bias(seed, "swap"), _bias(seed, "none")),
        higher=False,
        seeds=10,
    ),
)
