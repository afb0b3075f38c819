"""Judged: a chat model's verdicts as a reward."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from guerdon.batch import Batch
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest, ScriptedChat
from guerdon.models.judge import Dialogue, JudgeProtocol, Question, ScriptedProtocol, Verdict
from guerdon.models.tool import ToolUse
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.runtime import count
from guerdon.scores import Note, Outcome, Scores


@register("reward")
@dataclass(frozen=True, repr=False)
class Judged(Reward):
    """What a judge says of each completion: ``protocol.read(replies of chat to protocol.ask(batch))``.

    Range and parts: the protocol's. Columns: the protocol's. NaN with the reply's typed outcome where the judge could not be
    reached or did not decide; a failed judgement is never a 0.
    """

    chat: ChatModel
    protocol: JudgeProtocol

    @property
    def range(self) -> tuple[float, float]:
        return self.protocol.bounds

    @property
    def own_tie(self) -> str | None:
        return self.protocol.ties

    @property
    def own_columns(self) -> dict[str, str]:
        return self.protocol.own_columns

    @property
    def subparts(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.protocol.subparts

    async def _score(self, batch: Batch) -> Scores:
        found: dict[int, Verdict] = {}
        for verdicts_by_row in await asyncio.gather(*map(self._carried_out, self.protocol.dialogues(batch))):
            found.update(verdicts_by_row)
        unjudged = Verdict.undecided(Outcome.MISSING_DATA, "the protocol gave no verdict")
        verdicts = [found.get(row, unjudged) for row in range(len(batch))]
        nan = float("nan")
        parts = {
            name: np.array(
                [nan if (v := verdict.parts.get(name)) is None else v for verdict in verdicts], dtype=np.float64
            )
            for name in self.subparts
        }
        values = np.array([nan if verdict.value is None else verdict.value for verdict in verdicts], dtype=np.float64)
        notes = tuple(Note(verdict.outcome, verdict.critique) for verdict in verdicts)
        return Scores(values, parts=parts, notes={"": notes})

    async def _carried_out(self, dialogue: Dialogue) -> Mapping[int, Verdict]:
        """The verdicts a dialogue ends on, its questions put to the chat model and its tools."""
        replies: list[ChatReply] = []
        try:
            questions = next(dialogue)
            while True:
                replies = await self._answered(questions)
                questions = dialogue.send(replies)
        except StopIteration as end:
            return cast(Mapping[int, Verdict], end.value)

    async def _answered(self, questions: Sequence[Question]) -> list[ChatReply]:
        requests = [question for question in questions if isinstance(question, ChatRequest)]
        uses = [question for question in questions if isinstance(question, ToolUse)]
        count("judge_calls", len(requests))
        used = asyncio.gather(*(asyncio.to_thread(use.tool.run, use.arguments) for use in uses))
        said = iter(await self.chat.complete(requests) if requests else ())
        results = iter(await used)
        return [next(said if isinstance(question, ChatRequest) else results) for question in questions]

    @classmethod
    def example_reward(cls) -> Judged:
        return cls(ScriptedChat({"4": "score: 1"}, default="score: 0"), ScriptedProtocol())

    @classmethod
    def example(cls) -> Example:
        honest = Batch(completions=["It is 4.", "That makes 4."], prompts=["What is 2+2?", "What is 1+3?"])
        return Example(honest, {"off topic": ["I like trains.", "Who knows."], "empty": ["", ""]})
