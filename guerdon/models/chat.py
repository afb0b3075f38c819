"""ChatModel: asks a chat model many things at once; the interface and its scripted stand-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guerdon.frozen import FrozenDict, freeze
from guerdon.registry import register
from guerdon.scores import Outcome


@dataclass(frozen=True)
class ChatRequest:
    """One question to a chat model.

    Attributes:
        messages: chat messages, ``{"role", "content"}``; whatever several requests share comes first, so that servers can reuse it.
        temperature, max_tokens: sampling.
        seed: makes sampling repeatable where the server can; sample ``k`` is drawn with ``seed + k``, without a seed with ``k``.
        sample: the number of this sample where one question is asked several times; None: not numbered. Equal requests that
            are numbered, seeded or of temperature 0 may be answered by one reply, and recorded.
        top_logprobs: how many alternatives per generated token to return; 0 none.
        schema: JSON schema the reply must follow, enforced by servers that can.
        choices: the only replies allowed, enforced by servers that can.
    """

    messages: tuple[Mapping[str, Any], ...]
    temperature: float = 0.0
    max_tokens: int | None = None
    seed: int | None = None
    sample: int | None = None
    top_logprobs: int = 0
    schema: Mapping[str, Any] | None = None
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "messages", freeze(list(self.messages)))
        object.__setattr__(self, "schema", freeze(self.schema))
        object.__setattr__(self, "choices", freeze(list(self.choices)))

    @property
    def repeatable(self) -> bool:
        """Whether asking again would mean the same reply: temperature 0, seeded, or a numbered sample."""
        return self.temperature == 0 or self.seed is not None or self.sample is not None

    @property
    def text(self) -> str:
        """All text of the messages."""
        return "\n".join(str(message.get("content", "")) for message in self.messages)


@dataclass(frozen=True)
class ChatReply:
    """What came back: text, or a typed failure.

    Attributes:
        text: what the model said; of a reply that was cut off, what there is of it.
        outcome, message: why there is no reply to read, or ``Outcome.SCORED``.
        logprobs: per token a mapping token -> log-probability.
        usage: what it took, such as ``tokens_in`` and ``tokens_out``.
    """

    text: str = ""
    outcome: Outcome = Outcome.SCORED
    message: str = ""
    logprobs: tuple[Mapping[str, float], ...] | None = None
    usage: Mapping[str, float] = field(default_factory=FrozenDict)

    @property
    def arrived(self) -> bool:
        """Whether there is a reply to read."""
        return not self.outcome.unscored


class ChatModel:
    """A frozen description of a chat model; connections are opened when first used."""

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        """One reply per request, in order. A call that fails is a reply with a typed outcome; nothing raises for one request."""
        raise TypeError(f"{type(self).__name__} has no complete(requests); write it")


@register("chat", "scripted")
@dataclass(frozen=True)
class ScriptedChat(ChatModel):
    """A stand-in whose replies are written down: the first key found in the request's text decides.

    A reply may be text or the name of an :class:`~guerdon.scores.Outcome` in angle brackets, such as ``"<timed_out>"``.
    Without a match ``default`` is said; where that is None the reply is a transport error.

    >>> import asyncio
    >>> asked = ChatRequest(({"role": "user", "content": "is 4 right?"},))
    >>> asyncio.run(ScriptedChat({"4": "yes"}).complete([asked]))[0].text
    'yes'
    """

    replies: Mapping[str, str]
    default: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "replies", freeze(dict(self.replies)))

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [self._reply(request.text) for request in requests]

    def _reply(self, asked: str) -> ChatReply:
        said = next((reply for key, reply in self.replies.items() if key in asked), self.default)
        if said is None:
            return ChatReply(outcome=Outcome.TRANSPORT_ERROR, message="nothing scripted for this request")
        if said.startswith("<") and said.endswith(">") and said[1:-1] in set(Outcome):
            return ChatReply(outcome=Outcome(said[1:-1]), message="scripted")
        return ChatReply(said)
