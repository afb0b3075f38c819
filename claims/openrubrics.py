"""OpenRubrics: rubrics that do not reproduce the label are dropped, and several votes are better than one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from claims.claim import Claim
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.models.judge import Comparison
from guerdon.papers.openrubrics import build, generator, vote
from guerdon.rubric import Rubric
from guerdon.rubrics import Example, generated

PROMPTS, NOISE, SLIPS = 120, 0.3, 0.1
QUALITIES = ("gives a reason", "names a source", "stays on topic", "keeps the format")


@dataclass(frozen=True)
class Writer(ChatModel):
    """Writes the rubric that explains the preference, or with chance ``NOISE`` one that asks for the opposite."""

    seed: int

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply(self._rubric(request.text)) for request in requests]

    def _rubric(self, asked: str) -> str:
        wanted = next(quality for quality in QUALITIES if f"well: it {quality}" in asked.partition("REJECTED")[0])
        wrong = np.random.default_rng([self.seed, crc32(asked.encode())]).random() < NOISE
        return f"1. The response {'never ' if wrong else 'always '}{wanted}. [Hard Rule]"


@dataclass(frozen=True)
class Judge(ChatModel):
    """Goes by the rubric, with a slip now and then."""

    seed: int

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply(f"Winner: Response {self._winner(request.text)}") for request in requests]

    def _winner(self, asked: str) -> str:
        rules = asked.partition("<<<RESPONSE A")[0]
        wanted = next(quality for quality in QUALITIES if f" {quality}." in rules)
        first = f"well: it {wanted}" in asked.partition("<<<RESPONSE A")[2].partition("<<<RESPONSE B")[0]
        good = first != (f"never {wanted}" in rules)
        slipped = np.random.default_rng([self.seed, 1, crc32(asked.encode())]).random() < SLIPS
        return "A" if good != slipped else "B"


def pair(prompt: int, draw: int) -> Example:
    """Two answers to a prompt, the first of which has the quality that people want there."""
    quality = QUALITIES[prompt % len(QUALITIES)]
    return Example(
        f"Request {prompt}.",
        (f"Answer {draw} is done well: it {quality}.", f"Answer {draw} is done badly."),
        (1.0, 2.0),
    )


def _accuracy(seed: int, consistent: bool) -> float:
    """How often a judge who goes by the kept rubrics agrees with people on new answers to the same prompts."""
    writer, judge = Writer(seed), Judge(seed)
    made = generated([pair(k, 0) for k in range(PROMPTS)], generator(consistent=consistent), chat=writer, judge=judge)
    right = [
        _preferred(judge, rubric.rubric, pair(int(example.prompt[8:-1]), 1))
        for example, rubric in made
        if rubric.status == "kept" and rubric.rubric is not None
    ]
    return float(np.mean(right))


def _preferred(judge: Judge, rubric: Rubric, example: Example) -> bool:
    comparison = Comparison(example.prompt, example.chosen, example.rejected)
    return judge._winner(build(rubric=rubric).ask(comparison).text) == "A"


def _votes(seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    said = np.where(rng.random((2_000, 5)) < 0.7, "A", "B").tolist()
    return float(np.mean([vote(row) == "A" for row in said])), float(np.mean([row[0] == "A" for row in said]))


CLAIMS = (
    Claim(
        paper="openrubrics",
        says="Rubrics kept only if an independent judge reproduces the label by them lead to better verdicts than all rubrics",
        measure="agreement with people on new answers, 30% of rubrics wrong",
        ours="with the consistency filter",
        baseline="all rubrics",
        run=lambda seed: (_accuracy(seed, True), _accuracy(seed, False)),
        seeds=10,
    ),
    Claim(
        paper="openrubrics",
        says="The majority of five judgements is right more often than one",
        measure="accuracy of judges that are right with chance 0.7",
        ours="vote of 5",
        baseline="one judgement",
        run=_votes,
        seeds=10,
    ),
)
