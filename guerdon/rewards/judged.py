"""Judged: a chat model's verdicts as a reward."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guerdon.batch import Batch
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest, ScriptedChat
from guerdon.models.chats import as_chat
from guerdon.models.judge import JudgeProtocol, Opened, Question, ScriptedProtocol, Verdict
from guerdon.models.tool import ToolUse
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.runtime import count
from guerdon.scores import Note, Outcome, Scores


@register("reward")
@dataclass(frozen=True, repr=False)
class Judged(Reward):
    """What a judge says of each completion: ``protocol.read(replies of chat to protocol.ask(batch))``.

    ``chat`` is a chat model or a name of one, such as ``"http://host:8000/v1#model"`` (:func:`~guerdon.models.chats.as_chat`).
    Range, parts and columns: the protocol's; steps and uncertainty too, where its verdicts have them. NaN with the reply's typed
    outcome where the judge could not be reached or did not decide; a failed judgement is never a 0.

    >>> chat = ScriptedChat({"4": "score: 1"}, default="no idea")
    >>> scores = Judged(chat, ScriptedProtocol()).score(Batch(["It is 4.", "It is 5."]))
    >>> scores.values.tolist(), scores.outcomes()
    ([1.0, nan], {'judged': {'scored': 1, 'unparseable': 1}})
    """

    chat: ChatModel
    protocol: JudgeProtocol

    def __post_init__(self) -> None:
        object.__setattr__(self, "chat", as_chat(self.chat))
        super().__post_init__()

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
        return as_scores(await judgements(self.chat, self.protocol, batch), self.subparts, self.protocol.reduction)

    @classmethod
    def example_reward(cls) -> Judged:
        return cls(ScriptedChat({"4": "score: 1"}, default="score: 0"), ScriptedProtocol())

    @classmethod
    def example(cls) -> Example:
        honest = Batch(completions=["It is 4.", "That makes 4."], prompts=["What is 2+2?", "What is 1+3?"])
        return Example(honest, {"off topic": ["I like trains.", "Who knows."], "empty": ["", ""]})


async def judgements(chat: ChatModel, protocol: JudgeProtocol, batch: Batch) -> list[Verdict]:
    """The verdict on each sample of a batch, all of the protocol's dialogues carried out side by side."""
    found: dict[int, Verdict] = {}
    # The first questions show the samples, with pictures that are read for it: not on the event loop.
    opened = await asyncio.to_thread(lambda: [Opened(dialogue) for dialogue in protocol.dialogues(batch)])
    for verdicts in await asyncio.gather(*(_carried_out(chat, one) for one in opened)):
        found.update(verdicts)
    silent = Verdict.undecided(Outcome.MISSING_DATA, "the protocol gave no verdict")
    return [found.get(row, silent) for row in range(len(batch))]


def as_scores(verdicts: Sequence[Verdict], subparts: Sequence[str], reduction: str) -> Scores:
    """Verdicts as scores: values and parts with NaN where there is none, notes, and steps and uncertainty where there are any."""

    def numbers(found: Iterable[float | None]) -> NDArray[np.float64]:
        return np.array([np.nan if value is None else value for value in found], dtype=np.float64)

    spreads = [verdict.uncertainty for verdict in verdicts]
    steps = tuple(verdict.steps for verdict in verdicts)
    return Scores(
        numbers(verdict.value for verdict in verdicts),
        parts={name: numbers(verdict.parts.get(name) for verdict in verdicts) for name in subparts},
        notes={"": tuple(Note(verdict.outcome, verdict.critique) for verdict in verdicts)},
        uncertainty=None if all(spread is None for spread in spreads) else numbers(spreads),
        steps=None if all(one is None for one in steps) else steps,
        reduction=reduction,
    )


async def _carried_out(chat: ChatModel, opened: Opened) -> Mapping[int, Verdict]:
    """The verdicts a dialogue ends on, its questions put to the chat model and its tools."""
    while opened.verdicts is None:
        opened.step(await _answered(chat, opened.questions))
    return opened.verdicts


async def _answered(chat: ChatModel, questions: Sequence[Question]) -> list[ChatReply]:
    requests = [question for question in questions if isinstance(question, ChatRequest)]
    uses = [question for question in questions if isinstance(question, ToolUse)]
    count("judge_calls", len(requests))
    used = asyncio.gather(*(asyncio.to_thread(use.tool.run, use.arguments) for use in uses))
    said = iter(await chat.complete(requests) if requests else ())
    results = iter(await used)
    return [next(said if isinstance(question, ChatRequest) else results) for question in questions]
