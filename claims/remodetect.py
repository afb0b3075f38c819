"""ReMoDetect: a reward model finds the texts that were chosen by it; tuning sharpens it, replay keeps what it knew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from claims.claim import Claim
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.papers.remodetect import build, detection
from guerdon.training.continual_preference import Tuning, tune_with_replay
from guerdon.training.losses.reward_ranking import bradley_terry_loss
from guerdon.training.preferences.mixed_texts import mixed_texts, ordered_texts

WORDS, SENTENCES, LENGTH = 60, 6, 6
TRAIN, TEST, PAIRS = 60, 200, 300


@dataclass(frozen=True, eq=False)
class World:
    """Words with a worth, known to those who prefer one text to another, and a style that only models have."""

    worth: Any
    style: Any
    rng: Any

    def sentence(self, tilt: Any) -> str:
        odds = np.exp(tilt)
        return " ".join(f"w{k}" for k in self.rng.choice(WORDS, size=LENGTH, p=odds / odds.sum())) + "."

    def text(self, tilt: Any) -> str:
        return " ".join(self.sentence(tilt) for _ in range(SENTENCES))


@dataclass(frozen=True, eq=False)
class Rephraser(ChatModel):
    """Says each listed sentence the way aligned models write: best of four by the reward, in the models' style."""

    world: World
    net: Any

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply("\n".join(map(self._said, self._listed(request)))) for request in requests]

    def _listed(self, request: ChatRequest) -> list[str]:
        return str(request.messages[-1]["content"]).split("Sentences to rephrase:\n")[1].splitlines()

    def _said(self, line: str) -> str:
        tried = [self.world.sentence(self.world.style) for _ in range(4)]
        return f"{line.split('.')[0]}. {tried[int(_rewards(self.net, tried).argmax())]}"


def _counts(texts: Sequence[str]) -> Any:
    import torch

    table = np.zeros((len(texts), WORDS))
    for row, text in zip(table, texts, strict=True):
        for word in text.replace(".", " ").split():
            row[int(word[1:])] += 1.0
    return torch.tensor(table / np.maximum(table.sum(axis=1, keepdims=True), 1.0) * 10.0, dtype=torch.float32)


def _rewards(net: Any, texts: Sequence[str]) -> Any:
    return net(_counts(texts)).squeeze(1)


@lru_cache(maxsize=16)
def _tuned(seed: int) -> dict[str, dict[str, float]]:
    """AUROC on new texts and accuracy on the first preferences: of the base model, tuned with the anchor, tuned without."""
    import copy

    import torch

    rng = np.random.default_rng(seed)
    world = World(rng.normal(scale=1.0, size=WORDS), rng.normal(scale=0.35, size=WORDS), rng)
    plain = np.zeros(WORDS)
    judged = [[world.text(plain) for _ in range(2)] for _ in range(2 * PAIRS)]
    judged = [sorted(pair, key=lambda text: -float(_counts([text])[0].numpy() @ world.worth)) for pair in judged]
    torch.manual_seed(seed)
    base = torch.nn.Linear(WORDS, 1)
    optimizer = torch.optim.Adam(base.parameters(), lr=0.05)
    for _ in range(60):
        better, worse = (_rewards(base, [pair[side] for pair in judged[:PAIRS]]) for side in (0, 1))
        optimizer.zero_grad()
        bradley_terry_loss(better, worse, l2=0.01).backward()
        optimizer.step()

    def written(count: int) -> list[str]:
        tried = [[world.text(world.style) for _ in range(4)] for _ in range(count)]
        return [texts[int(_rewards(base, texts).argmax())] for texts in tried]

    human, human_test = ([world.text(plain) for _ in range(count)] for count in (TRAIN, TEST))
    llm, llm_test = written(TRAIN), written(TEST)
    mixed = asyncio.run(mixed_texts(human, Rephraser(world, copy.deepcopy(base)), seed=seed))
    triples = ordered_texts(llm, mixed, human)
    replay = [text for pair in judged[:PAIRS] for text in pair]
    figures = {}
    for name, anchor in (("base", None), ("anchored", 0.03), ("free", 0.0)):
        net = copy.deepcopy(base)
        if anchor is not None:
            tuning = Tuning(build(anchor=anchor), epochs=6, learning_rate=0.02, replay_size=8, seed=seed)
            tune_with_replay(net, _rewards, triples, replay, tuning=tuning)
        with torch.no_grad():
            found = detection(_rewards(net, human_test).numpy(), _rewards(net, llm_test).numpy())
            better, worse = (_rewards(net, [pair[side] for pair in judged[PAIRS:]]) for side in (0, 1))
        figures[name] = {**found, "preferences": float((better > worse).float().mean())}
    return figures


CLAIMS = (
    Claim(
        paper="remodetect",
        says="A reward model tells texts chosen by it from human ones, and tuned on ordered texts it does so better",
        measure="AUROC",
        ours="tuned",
        baseline="as it was",
        run=lambda seed: (_tuned(seed)["anchored"]["auroc"], _tuned(seed)["base"]["auroc"]),
        seeds=10,
    ),
    Claim(
        paper="remodetect",
        says="The anchor keeps the preferences that the model was first trained on",
        measure="accuracy on first preferences",
        ours="tuned with replay",
        baseline="tuned without",
        run=lambda seed: (_tuned(seed)["anchored"]["preferences"], _tuned(seed)["free"]["preferences"]),
        seeds=10,
    ),
)
