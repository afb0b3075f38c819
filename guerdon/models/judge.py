"""JudgeProtocol: how a chat model is asked for a verdict and how its reply is read. Pure: no I/O.

Judging is three separable things: a :class:`~guerdon.models.chat.ChatModel` (I/O), a protocol (this), and what combines the
verdicts (:class:`~guerdon.rewards.judged.Judged` and the algebra). A protocol of one round writes ``ask`` and ``read``; one that
goes on from what it was told writes ``dialogues``, which whoever owns the chat model drives.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.tool import ToolUse
from guerdon.registry import register
from guerdon.scores import Outcome, Steps


@dataclass(frozen=True)
class Verdict:
    """A judgement of one sample: a value, or undecided for a typed reason.

    Attributes:
        value: the number, None where undecided.
        parts: named numbers beside it, one for each of the protocol's ``subparts``.
        outcome: why there is no value, or ``Outcome.SCORED``.
        critique: what the judge said, or why it could not.
        uncertainty: standard deviation between repeated judgements, where there were several.
        steps: values of the sample's steps; ``value`` is then the protocol's ``reduction`` of them.
    """

    value: float | None = None
    parts: Mapping[str, float | None] = field(default_factory=FrozenDict)
    outcome: Outcome = Outcome.SCORED
    critique: str = ""
    uncertainty: float | None = None
    steps: Steps | None = None

    @classmethod
    def undecided(cls, outcome: Outcome, critique: str = "") -> Verdict:
        """No value, for this reason."""
        return cls(outcome=outcome, critique=critique)

    @classmethod
    def unread(cls, reply: ChatReply) -> Verdict:
        """No value, because this reply did not arrive or says none that can be read."""
        if not reply.arrived:
            return cls.undecided(reply.outcome, reply.message)
        return cls.undecided(Outcome.UNPARSEABLE, reply.text)


@dataclass(frozen=True)
class Comparison:
    """Two completions of one prompt to be compared; ``context`` holds whatever columns the protocol reads."""

    prompt: Any
    first: Any
    second: Any
    context: Mapping[str, Any] = field(default_factory=FrozenDict)


Question = ChatRequest | ToolUse
Dialogue = Generator[Sequence[Question], Sequence[ChatReply], Mapping[int, Verdict]]
"""Asks questions, is sent their replies in order, asks on, and returns verdicts by row of the batch."""


class Opened:
    """A dialogue with the questions it asks now; once it has ended, with its verdicts."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        self.questions: Sequence[Question] = ()
        self.verdicts: Mapping[int, Verdict] | None = None
        self.step(None)

    def step(self, replies: Sequence[ChatReply] | None) -> None:
        """Go on with the replies to the questions; None where none were asked yet."""
        try:
            self.questions = next(self.dialogue) if replies is None else self.dialogue.send(replies)
        except StopIteration as end:
            self.verdicts = cast(Mapping[int, Verdict], end.value)


class JudgeProtocol:
    """A frozen description of a way to judge: builds the requests for a batch and reads the replies.

    Class attributes: ``bounds`` of the value, ``subparts`` it adds, ``ties`` between samples that are judged together,
    ``reduction`` of steps to the value where verdicts have steps.
    """

    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    subparts: ClassVar[tuple[str, ...]] = ()
    ties: ClassVar[str | None] = None
    reduction: ClassVar[str] = "mean"

    @property
    def own_columns(self) -> dict[str, str]:
        """Column -> what it should hold, for the columns put into prompts."""
        return {}

    def ask(self, batch: Batch) -> list[ChatRequest]:
        """The requests needed to judge a batch."""
        raise TypeError(f"{type(self).__name__} has no ask(batch); write it")

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        """One verdict per sample from the replies, which are in the order of the requests."""
        raise TypeError(f"{type(self).__name__} has no read(batch, replies); write it")

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        """Independent dialogues that together give a verdict for each sample; here one round of ask and read."""
        return [self._round(batch)]

    def _round(self, batch: Batch) -> Dialogue:
        replies = yield self.ask(batch)
        return dict(enumerate(self.read(batch, replies)))


class PairwiseProtocol:
    """A frozen description of a way to compare two completions; which pairs are asked, and in which order, is decided above it.

    :class:`~guerdon.models.protocols.tournament.Tournament` compares the completions of a group,
    :class:`~guerdon.models.protocols.reference_comparison.ReferenceComparison` each completion with a text of a column.
    """

    @property
    def own_columns(self) -> dict[str, str]:
        """Column -> what it should hold, for the columns put into prompts."""
        return {}

    def ask(self, comparison: Comparison) -> ChatRequest:
        """The request that compares ``first`` with ``second``, in this order."""
        raise TypeError(f"{type(self).__name__} has no ask(comparison); write it")

    def read(self, reply: ChatReply) -> Verdict:
        """How much better the first is: 1 for the first, 0 for the second, 0.5 for a tie."""
        raise TypeError(f"{type(self).__name__} has no read(reply); write it")


@register("protocol", "scripted")
@dataclass(frozen=True)
class ScriptedProtocol(JudgeProtocol):
    """A minimal protocol for tests: shows the completion, reads ``name: number`` lines of the reply.

    The value is the line ``score``; every name in ``names`` is a part. A reply without a number for each is unparseable.

    >>> batch = Batch(["4"], ["2+2?"])
    >>> ScriptedProtocol().read(batch, [ChatReply("score: 0.5")])[0].value
    0.5
    """

    names: tuple[str, ...] = ()

    @property
    def subparts(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.names

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if "score" in self.names:
            raise UserError("names must not contain 'score', which is the value itself")

    def ask(self, batch: Batch) -> list[ChatRequest]:
        return [
            ChatRequest(
                (
                    {"role": "system", "content": "Judge the answer."},
                    {"role": "user", "content": f"{prompt}\n\n{text or ''}"},
                )
            )
            for prompt, text in zip(batch.prompt_texts, batch.texts("visible"), strict=True)
        ]

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        return [self._verdict(reply) for reply in replies]

    def _verdict(self, reply: ChatReply) -> Verdict:
        if not reply.arrived:
            return Verdict.undecided(reply.outcome, reply.message)
        said: dict[str, Any] = dict(re.findall(r"^(\w+): (-?\d+(?:\.\d+)?)$", reply.text, re.MULTILINE))
        if not {"score", *self.names} <= set(said):
            return Verdict.undecided(Outcome.UNPARSEABLE, reply.text)
        return Verdict(
            float(said["score"]), FrozenDict({name: float(said[name]) for name in self.names}), critique=reply.text
        )
