"""Search-Gen-V: a verifier beside exact match finds right answers in other words; its training reward tells work from guessing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from claims.claim import Claim
from guerdon import Batch, find_paper
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.rewards import ExactMatch
from guerdon.shaping.classification import label_scores
from guerdon.text.label_list import SUPPORT_LABELS

ANSWERS, NOISE = 400, 0.08


@dataclass(frozen=True)
class Verifier(ChatModel):
    """Says whether the answer means the fact, and errs now and then."""

    seed: int

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply(json.dumps({"1": {"why": "", "verdict": self._label(request.text)}})) for request in requests]

    def _label(self, asked: str) -> str:
        right = "town of" in asked.rpartition("<<<PASSAGE")[2] or "Norum" in asked.rpartition("<<<PASSAGE")[2]
        erred = np.random.default_rng([self.seed, crc32(asked.encode())]).random() < NOISE
        return "support" if right != erred else "not_support"


def _accepted(seed: int) -> tuple[float, float]:
    """F1 of accepting answers, a third of which say the right thing in other words than the reference."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 3, ANSWERS)
    said = [("Norum", f"the town of Norum ({k})", f"Velt {k}")[kind] for k, kind in enumerate(kinds)]
    batch = Batch(said, ["Where?"] * ANSWERS, reference=["Norum"] * ANSWERS, nuggets=[["It is Norum."]] * ANSWERS)
    match = ExactMatch(of="whole")
    reward = find_paper("search-gen-v").build(chat=Verifier(seed), match=match)
    gold = (kinds < 2).tolist()
    figures = [label_scores((one.score(batch).values >= 0.5).tolist(), gold, True)["f1"] for one in (reward, match)]
    return figures[0], figures[1]


def _margin(seed: int, variant: str) -> float:
    """What a labeller right in 90% earns more than one who always says not_support, on 5 nuggets of which 80% are that."""
    rng = np.random.default_rng(seed)
    gold = rng.choice(SUPPORT_LABELS, size=(200, 5), p=[0.1, 0.1, 0.8])
    slips = rng.choice(SUPPORT_LABELS, size=gold.shape)
    skilled = np.where(rng.random(gold.shape) < 0.9, gold, slips)
    columns: dict[str, Sequence[object]] = {
        "gold_labels_text": list(map(json.dumps, gold.tolist())),
        "nuggets_count": [5] * 200,
        "format_hint": ["json"] * 200,
    }

    def earned(labels: np.ndarray) -> float:
        texts = [f"<reasoning>Each was looked up.</reasoning>{json.dumps(row)}" for row in labels.tolist()]
        return float(find_paper("search-gen-v").build(variant).score(Batch(texts, columns=columns)).values.mean())

    return earned(skilled) - earned(np.full(gold.shape, "not_support"))


CLAIMS = (
    Claim(
        paper="search-gen-v",
        says="Accepting what matches exactly or what a verifier supports beats exact match alone",
        measure="F1 of accepting answers, verifier wrong in 8%",
        ours="exact match or verifier",
        baseline="exact match",
        run=_accepted,
        seeds=10,
    ),
    Claim(
        paper="search-gen-v",
        says="Leaving absent labels out of F1 tells a skilled verifier from one that always says the commonest label more clearly",
        measure="reward of a 90% labeller minus reward of the constant one",
        ours="absent labels left out",
        baseline="absent labels count 1, as released",
        run=lambda seed: (_margin(seed, "default"), _margin(seed, "official")),
        seeds=20,
    ),
)
