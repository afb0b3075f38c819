"""A chat model behind any server that speaks the OpenAI form: hosted ones, vLLM, SGLang, llama.cpp, Ollama, transformers serve."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args
from urllib.parse import urlsplit

from guerdon.errors import UserError
from guerdon.frozen import FrozenDict, freeze, plain
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.models.chats.answering import answered
from guerdon.models.chats.endpoint import Endpoint
from guerdon.models.chats.gate import Limits
from guerdon.models.chats.record import Mode
from guerdon.models.chats.structured import Dialect
from guerdon.models.checks import check_least, check_url
from guerdon.models.loaded import loaded
from guerdon.registry import register
from guerdon.runtime import background, on_background_loop

_ENDPOINT = "/chat/completions"


@register("chat", "openai")
@dataclass(frozen=True)
class OpenAIChat(ChatModel):
    """Asks a server with the OpenAI form many things at once; each request ends in a reply or a typed outcome.

    All descriptions of a process with the same ``url``, ``api_key_variable`` and ``quota`` share one way to the server: its window,
    its quotas (the smallest stated hold) and its connections, on guerdon's own event loop. Requests go out in the order they came.

    Tried again are refused or lost connections, time-outs, answers that are no chat completion, and status 408, 409, 429 and 5xx,
    after what ``Retry-After`` asks for and a random pause. Other refusals are not: they give ``INSTRUMENT_ERROR`` with the server's
    message, filtered content gives ``REFUSED``, a reply that reached its limit of tokens ``TRUNCATED``. While a server is down
    (several requests in a row were given up) only one request every few seconds tries it and the rest fail at once; re-score them
    with ``guerdon score --retry-failed``.

    Attributes:
        model: the name the server knows the model by.
        url: the server ("http://host:8000/v1").
        api_key_variable: the environment variable that holds the key, never the key itself; None: no key.
        concurrency: requests under way at once.
        requests_per_minute, tokens_per_minute: quotas of this process; None: none is known, the server's refusals set a pace.
        quota: a name for models of one server and key that have quotas of their own.
        timeout: seconds for one try, after which the call is cut and its place is free. deadline: seconds from the first try.
        retries: further tries after failures; being refused for too many requests (429) is limited by the deadline alone.
        pause: seconds before the first of them, at most.
        structured: how the server is told what form a reply must have (see :mod:`guerdon.models.chats.structured`).
        extra: further fields of every request's body, such as ``{"chat_template_kwargs": {"enable_thinking": False}}``.
        omit: fields that the server does not take, such as ``("temperature",)``.
        cache: a file that records replies and answers from it what was asked before; failures are not recorded.
        mode: "replay": answers come from the record alone, what is not there is ``MISSING_DATA``.
        identity: what tells the weights apart in the record; None: the ``url``.
        price_in, price_out: per million tokens read and written. price_in_cached: of those the server knew; None: as others.

    Raises:
        UserError: an address or option that cannot be, or a key's variable that is not set.
        MissingExtra: the openai client is not installed.

    >>> OpenAIChat("judge", "http://127.0.0.1:8000").address
    'http://127.0.0.1:8000/v1'
    """

    model: str
    url: str = "https://api.openai.com/v1"
    api_key_variable: str | None = None
    concurrency: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    quota: str = ""
    timeout: float = 120.0
    deadline: float = 600.0
    retries: int = 5
    pause: float = 1.0
    structured: Dialect = "auto"
    extra: Mapping[str, Any] = field(default_factory=FrozenDict)
    omit: tuple[str, ...] = ()
    cache: str | None = None
    mode: Mode = "record"
    identity: str | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    price_in_cached: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", freeze(dict(self.extra)))
        object.__setattr__(self, "omit", (self.omit,) if isinstance(self.omit, str) else tuple(self.omit))
        if not self.model or not isinstance(self.model, str):
            raise UserError(f"model={self.model!r} must be the name that the server knows the model by")
        check_url(self.url)
        if self.structured not in get_args(Dialect):
            raise UserError(f"structured={self.structured!r} is unknown; choose one of {', '.join(get_args(Dialect))}")
        if self.mode not in get_args(Mode):
            raise UserError(f"mode={self.mode!r} is unknown; choose one of {', '.join(get_args(Mode))}")
        if self.mode == "replay" and self.cache is None:
            raise UserError("mode='replay' needs cache=, the file that was recorded")
        if not 1 <= self.concurrency <= 1000:
            raise UserError(f"concurrency={self.concurrency} must be from 1 to 1000")
        check_least(self, retries=0, pause=0, price_in=0, price_out=0, price_in_cached=0)
        for name in ("timeout", "deadline", "requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UserError(f"{name}={value} must be more than 0")

    @property
    def address(self) -> str:
        """Where the server's paths begin; ``/v1`` is added to an address without a path."""
        said = self.url.rstrip("/").removesuffix(_ENDPOINT)
        return said if urlsplit(said).path else f"{said}/v1"

    @property
    def priced(self) -> tuple[float, float, float]:
        """Prices per million tokens: read, read and known to the server, written."""
        return self.price_in, self.price_in if self.price_in_cached is None else self.price_in_cached, self.price_out

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        """One reply per request, in order; from any event loop, cancelled with its caller."""
        if on_background_loop():
            return await self._completed(requests)
        return await asyncio.wrap_future(background().submit(self._completed(requests)))

    async def _completed(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        served = self.identity or self.address
        asked_of = ("openai", served, self.model, self.structured, plain(self.extra), list(self.omit))
        if self.mode == "replay":
            return await answered(requests, None, asked_of=asked_of, cache=self.cache)
        endpoint = self._endpoint
        limits = Limits(self.concurrency, self.requests_per_minute, self.tokens_per_minute)
        with endpoint.gate.limited(limits):
            return await answered(
                requests, lambda request: endpoint.ask(self, request), asked_of=asked_of, cache=self.cache
            )

    @property
    def _endpoint(self) -> Endpoint:
        key = None
        if self.api_key_variable:
            key = os.environ.get(self.api_key_variable)
            if not key:
                raise UserError(f"the environment variable {self.api_key_variable!r} (api_key_variable) is not set")
        place = ("chat endpoint", self.address, self.api_key_variable, self.quota)
        return loaded(place, lambda: Endpoint(self.address, key))
