"""Endpoint: the process's one way to a chat server; calls of all descriptions that share its address and key go through it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from guerdon.errors import MissingExtra
from guerdon.frozen import plain
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.chats.gate import Gate
from guerdon.models.chats.spending import Spending
from guerdon.models.chats.structured import Dialect, constraint, dialect_of
from guerdon.models.chats.wire import Fault, characters, read_completion, read_refusal, request_body
from guerdon.models.http_statuses import LONGEST_PAUSE
from guerdon.scores import Outcome

#: Requests given up one after the other, with no reply between, after which the server counts as down.
DOWN_AFTER = 8
#: Seconds that a server which is down is left alone before one request tries it.
LEFT_ALONE = 2.0
#: Tokens of a reply as long as nothing is known.
FIRST_GUESS = 256.0
_CHARACTERS_PER_TOKEN = 4.0


class Asking(Protocol):
    """How a description wants to be asked."""

    @property
    def model(self) -> str: ...
    @property
    def timeout(self) -> float: ...
    @property
    def deadline(self) -> float: ...
    @property
    def retries(self) -> int: ...
    @property
    def pause(self) -> float: ...
    @property
    def structured(self) -> Dialect: ...
    @property
    def extra(self) -> Mapping[str, Any]: ...
    @property
    def omit(self) -> tuple[str, ...]: ...
    @property
    def priced(self) -> tuple[float, float, float]: ...


@dataclass
class Habits:
    """What was learned of one model behind an endpoint."""

    dialect: Dialect | None = None
    limit_name: str = "max_tokens"
    unconstrained: set[str] = field(default_factory=set)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    per_character: float = 1 / _CHARACTERS_PER_TOKEN
    written: float = FIRST_GUESS

    def expected_tokens(self, request: ChatRequest) -> float:
        """How many tokens a request will take, read and written."""
        most = self.written if request.max_tokens is None else min(self.written, request.max_tokens)
        return characters(request) * self.per_character + most

    def learn(self, request: ChatRequest, usage: Mapping[str, float]) -> float:
        """How many tokens it took; later guesses are better for it."""
        length = max(1, characters(request))
        read, written = usage.get("tokens_in"), usage.get("tokens_out")
        if read is not None:
            self.per_character += 0.1 * (read / length - self.per_character)
        if written is not None:
            self.written += 0.1 * (written - self.written)
        guess = self.expected_tokens(request)
        return guess if read is None and written is None else (read or 0.0) + (written or 0.0)


class Endpoint:
    """A server and a key. Used from guerdon's background loop only.

    Raises:
        MissingExtra: the openai client is not installed.
    """

    def __init__(self, url: str, key: str | None) -> None:
        try:
            import openai
        except ImportError as error:
            raise MissingExtra("openai", extra="judge") from error
        self._openai = openai
        self.url = url
        self.client = openai.AsyncOpenAI(api_key=key or "none", base_url=url, max_retries=0, timeout=None)
        self.gate = Gate()
        self.habits: dict[str, Habits] = {}
        self._random = random.Random()
        self._given_up = 0
        self._alone_until = 0.0
        self._down: Fault | None = None

    async def ask(self, asking: Asking, request: ChatRequest) -> tuple[ChatReply, Spending]:
        """The reply to a request, after as many tries as its description grants, and what it took."""
        loop = asyncio.get_running_loop()
        spent = Spending()
        habits = self.habits.setdefault(asking.model, Habits())
        number = self.gate.number()
        end: float | None = None
        last: Fault | None = None
        faults = refusals = 0
        while True:
            expected = habits.expected_tokens(request)
            queued = loop.time()
            try:
                async with asyncio.timeout_at(end):
                    await self.gate.enter(number, expected)
            except TimeoutError:
                if last is None:
                    raise
                return self._given(last, spent, faults + refusals, loop.time())
            try:
                now = loop.time()
                spent.waited += now - queued
                if self._down is not None and now < self._alone_until:
                    return self._failed(self._down, spent, "not asked, since the server is down: ")
                if self._down is not None:
                    self._alone_until = now + max(LEFT_ALONE, asking.timeout)
                end = now + asking.deadline if end is None else end
                spent.calls += 1
                seconds = max(0.001, min(asking.timeout, end - now))
                heard = await self._heard(asking, request, habits, seconds)
            finally:
                self.gate.leave()
            if isinstance(heard, ChatReply):
                self.gate.replied()
                self._given_up, self._down = 0, None
                self.gate.correct(habits.learn(request, heard.usage) - expected)
                return _priced(heard, asking, spent), spent
            if heard.busy:
                self.gate.refused(heard.pause)
                self.gate.correct(-expected)
                refusals += 1
            else:
                faults += 1
            if last is not None and seconds < asking.timeout and heard.outcome is Outcome.TIMED_OUT:
                heard = last  # what the deadline cut short tells less than what came before
            last = heard
            pause = self._pause(asking, heard, refusals if heard.busy else faults, loop.time() - now)
            late = loop.time() + pause >= end
            if not heard.again or faults > asking.retries or late or self._down is not None:
                return self._given(heard, spent, faults + refusals, loop.time())
            spent.retries += 1
            spent.waited += pause
            await asyncio.sleep(pause)

    def _pause(self, asking: Asking, fault: Fault, tries: int, passed: float) -> float:
        """What the server asks for, and a random part of an exponentially growing time since the try began."""
        if fault.pause:
            return fault.pause + self._random.uniform(0, min(asking.pause, max(0.05, fault.pause)))
        return max(0.0, self._random.uniform(0, min(LONGEST_PAUSE, asking.pause * 2 ** min(tries - 1, 16))) - passed)

    def _given(self, fault: Fault, spent: Spending, tries: int, now: float) -> tuple[ChatReply, Spending]:
        """A request is given up. Some in a row, and the server counts as down; a refused content says nothing of the server."""
        if not fault.refused and fault.outcome is not Outcome.REFUSED:
            self._given_up += 1
            if self._given_up >= DOWN_AFTER:
                self._down, self._alone_until = fault, now + LEFT_ALONE
        return self._failed(fault, spent, f"given up after {tries} tries: " if fault.again and tries > 1 else "")

    def _failed(self, fault: Fault, spent: Spending, said: str) -> tuple[ChatReply, Spending]:
        spent.failed += 1
        return ChatReply(outcome=fault.outcome, message=said + fault.message), spent

    async def _heard(self, asking: Asking, request: ChatRequest, habits: Habits, seconds: float) -> ChatReply | Fault:
        """What one try gives. A form of reply that the server refuses, and only that, is left out and the request sent again."""
        dialect = await self._dialect(asking, request, habits)
        form = "schema" if request.schema is not None else "choices"
        wanted = {} if form in habits.unconstrained else constraint(request, dialect)
        body = _omitting(request_body(request, asking.model, habits.limit_name), asking.omit) | plain(asking.extra)
        try:
            async with asyncio.timeout(seconds):
                heard = await self._sent(request, body | wanted)
                if not isinstance(heard, Fault) or not heard.refused:
                    return heard
                if "max_completion_tokens" in heard.message and "max_tokens" in body:
                    body["max_completion_tokens"] = body.pop("max_tokens")
                    heard = await self._sent(request, body | wanted)
                    if not isinstance(heard, Fault):
                        habits.limit_name = "max_completion_tokens"
                if wanted and isinstance(heard, Fault) and heard.refused:
                    again = await self._sent(request, body)
                    if not isinstance(again, Fault):
                        habits.unconstrained.add(form)
                        return again
                return heard
        except TimeoutError:
            return Fault(Outcome.TIMED_OUT, f"no reply within {seconds:.4g} s")

    async def _dialect(self, asking: Asking, request: ChatRequest, habits: Habits) -> Dialect:
        """How the server is told of forms; asked of it once where the description leaves it open."""
        if asking.structured != "auto" or (request.schema is None and not request.choices):
            return asking.structured
        async with habits.asking:
            if habits.dialect is None:
                served = await self._served(asking)
                if served is None:
                    return dialect_of("")
                habits.dialect = dialect_of(*served)
        return habits.dialect

    async def _served(self, asking: Asking) -> tuple[str, str] | None:
        """Who the server says owns the model, and which version of vLLM it is; None where it does not answer."""
        listed = await self._got("/models", asking)
        if listed is None:
            return None
        models = listed.get("data") if isinstance(listed, Mapping) else None
        models = [model for model in models if isinstance(model, Mapping)] if isinstance(models, list) else []
        named = [model for model in models if model.get("id") == asking.model]
        owner = str((named or models or [{}])[0].get("owned_by"))
        told = await self._got(f"{self.url.removesuffix('/v1')}/version", asking) if owner == "vllm" else None
        return owner, str(told.get("version")) if isinstance(told, Mapping) else ""

    async def _got(self, path: str, asking: Asking) -> Any:
        """What is at a path; "" for a refusal, None where the server does not answer."""
        try:
            async with asyncio.timeout(min(10.0, asking.timeout)):
                return await self.client.get(path, cast_to=object)
        except (self._openai.APIConnectionError, TimeoutError):
            return None
        except (self._openai.OpenAIError, ValueError):
            return ""

    async def _sent(self, request: ChatRequest, body: dict[str, Any]) -> ChatReply | Fault:
        api = self._openai
        try:
            sending: Awaitable[Any] = self.client.post("/chat/completions", body=body, cast_to=object)
            answer = await sending
        except api.APIStatusError as error:
            return read_refusal(error.status_code, error.body, error.response.text, error.response.headers)
        except api.APIConnectionError as error:
            cause = error.__cause__ or error
            return Fault(
                Outcome.TRANSPORT_ERROR, f"no connection to {self.url}: {type(cause).__name__} {cause}".strip()
            )
        except (ValueError, api.OpenAIError) as error:
            return Fault(Outcome.INSTRUMENT_ERROR, f"malformed answer: {' '.join(str(error).split())[:200]}")
        return read_completion(request, answer)


def _omitting(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def _priced(reply: ChatReply, asking: Asking, spent: Spending) -> ChatReply:
    """The reply, its tokens and their price entered in what was spent."""
    usage = reply.usage
    spent.tokens_in, spent.tokens_out = usage.get("tokens_in", 0.0), usage.get("tokens_out", 0.0)
    spent.tokens_in_cached = min(spent.tokens_in, usage.get("tokens_in_cached", 0.0))
    fresh, known, written = asking.priced
    fresh_tokens = spent.tokens_in - spent.tokens_in_cached
    spent.cost = (fresh_tokens * fresh + spent.tokens_in_cached * known + spent.tokens_out * written) / 1e6
    return reply
