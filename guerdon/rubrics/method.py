"""Method: how a rubric is made from an example. Pure: it asks questions and is sent their replies, and does no I/O itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.tool import ToolUse
from guerdon.rubric import Rubric
from guerdon.rubrics.examples import Example
from guerdon.scores import Outcome
from guerdon.text.fences import FENCE_RULE, fenced

T = TypeVar("T")


class Status(StrEnum):
    """What became of an example."""

    KEPT = "kept"
    INCONSISTENT = "inconsistent"
    UNPARSEABLE = "unparseable"
    UNUSABLE = "unusable"
    UNANSWERED = "unanswered"

    @property
    def final(self) -> bool:
        """Whether asking again would be no use; what was not answered is asked again when a run goes on."""
        return self is not Status.UNANSWERED


@dataclass(frozen=True)
class Ask:
    """One question of a method, to the chat model that writes or, with ``judge``, to the one that checks."""

    request: ChatRequest | ToolUse
    judge: bool = False


@dataclass(frozen=True)
class Made:
    """What a method made of an example: a rubric where ``status`` is kept, else the reason why not; ``details`` as plain data."""

    status: Status
    rubric: Rubric | None = None
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=FrozenDict)


Work = Generator[Sequence[Ask], Sequence[ChatReply], Made]


class Method:
    """A frozen description of a way to make a rubric. ``work`` asks, is sent the replies in order, and returns what it made."""

    def work(self, example: Example) -> Work:
        """The questions and answers that make a rubric of this example."""
        raise TypeError(f"{type(self).__name__} has no work(example); write it")

    def key(self, example: Example) -> str:
        """What makes two examples the same work: equal keys are worked on once."""
        return example.key


class Unreadable(ValueError):
    """A reply that does not hold what was asked for; the message tells the model what is wrong."""


@dataclass(frozen=True)
class Tried(Generic[T]):
    """What a question came to after some attempts: a value, or the reason why there is none, and how often was asked."""

    value: T | None
    status: Status
    reason: str
    calls: int

    @property
    def failed(self) -> Made:
        """The end of an example for lack of this value."""
        return Made(self.status, reason=self.reason)


#: Faults of the connection: asking again later may help.
PASSING = frozenset({Outcome.TIMED_OUT, Outcome.TRANSPORT_ERROR, Outcome.INSTRUMENT_ERROR})


def tried(
    request: ChatRequest, read: Callable[[str], T], *, attempts: int = 3, judge: bool = False
) -> Generator[Sequence[Ask], Sequence[ChatReply], Tried[T]]:
    """Ask until ``read`` makes something of the reply; each time the model is shown its reply and told what is wrong with it.

    A reply that did not arrive is not asked for again here: that is the chat model's business.
    """
    one = yield from tried_all([request], read, attempts=attempts, judge=judge)
    return Tried(None if one.value is None else one.value[0], one.status, one.reason, one.calls)


def tried_all(
    requests: Sequence[ChatRequest], read: Callable[[str], T], *, attempts: int = 3, judge: bool = False
) -> Generator[Sequence[Ask], Sequence[ChatReply], Tried[list[T]]]:
    """:func:`tried` for several questions at once; all values in order, or the reason why the first that failed has none."""
    values: dict[int, T] = {}
    asked = dict(enumerate(requests))
    why, calls = "", 0
    for _ in range(attempts):
        replies = yield [Ask(request, judge) for request in asked.values()]
        calls += len(replies)
        again: dict[int, ChatRequest] = {}
        for k, reply in zip(asked, replies, strict=True):
            if not reply.arrived:
                status = Status.UNANSWERED if reply.outcome in PASSING else Status.UNPARSEABLE
                return Tried(None, status, f"{reply.outcome}: {reply.message}".rstrip(": "), calls)
            try:
                values[k] = read(reply.text)
            except Unreadable as fault:
                why = why if again else str(fault)
                again[k] = corrected(requests[k], reply.text, str(fault))
        asked = again
        if not asked:
            return Tried([values[k] for k in range(len(requests))], Status.KEPT, "", calls)
    return Tried(None, Status.UNPARSEABLE, why, calls)


def corrected(request: ChatRequest, said: str, fault: str) -> ChatRequest:
    """The request again, with what was replied and why that cannot be read."""
    more = (
        {"role": "assistant", "content": said[:20_000]},
        {
            "role": "user",
            "content": f"This reply cannot be used: {fault}. Reply again, complete, in the form asked for.",
        },
    )
    return replace(request, messages=(*request.messages, *more))


def writing(
    task: str,
    blocks: Iterable[tuple[str, str]],
    ending: str,
    *,
    temperature: float = 0.0,
    max_tokens: int | None = None,
    schema: Mapping[str, Any] | None = None,
) -> ChatRequest:
    """A request of a method: the task and the rule of fences, then fenced material, then what to reply."""
    system = {"role": "system", "content": f"{task}\n\n{FENCE_RULE}"}
    said = "\n\n".join([*(fenced(label, text) for label, text in blocks), ending])
    messages = (system, {"role": "user", "content": said})
    return ChatRequest(messages, temperature=temperature, max_tokens=max_tokens, schema=schema)


def played(work: Work, replies: Iterable[str | ChatReply]) -> Made:
    """What a work ends on when its questions are answered by ``replies`` one after another.

    Raises:
        ValueError: there are fewer replies than questions.
    """
    left = iter(replies)
    try:
        asks = next(work)
        while True:
            said = [next(left) for _ in asks]
            asks = work.send([ChatReply(one) if isinstance(one, str) else one for one in said])
    except StopIteration as end:
        if isinstance(end.value, Made):
            return end.value
        raise ValueError("there are fewer replies than questions") from None
