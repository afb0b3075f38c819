"""Judged: a chat model's verdicts as a reward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from guerdon.batch import Batch
from guerdon.models.chat import ChatModel, ScriptedChat
from guerdon.models.judge import JudgeProtocol, ScriptedProtocol
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.runtime import count
from guerdon.scores import Note, Scores


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
        requests = self.protocol.ask(batch)
        count("judge_calls", len(requests))
        verdicts = self.protocol.read(batch, await self.chat.complete(requests))
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

    @classmethod
    def example_reward(cls) -> Judged:
        return cls(ScriptedChat({"4": "score: 1"}, default="score: 0"), ScriptedProtocol())

    @classmethod
    def example(cls) -> Example:
        honest = Batch(completions=["It is 4.", "That makes 4."], prompts=["What is 2+2?", "What is 1+3?"])
        return Example(honest, {"off topic": ["I like trains.", "Who knows."], "empty": ["", ""]})
