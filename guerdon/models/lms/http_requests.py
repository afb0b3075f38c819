"""Posting many JSON requests to one inference server: a window of them at once, tries again, deadlines, typed failures."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.errors import MissingExtra, UserError
from guerdon.models.http_statuses import LONGEST_PAUSE, REFUSED_SET_UP, RETRYABLE, refused_for_length, retry_after
from guerdon.runtime import all_or_none
from guerdon.scores import Outcome


@dataclass(frozen=True)
class Failure:
    """Why a request gave no answer."""

    outcome: Outcome
    message: str


class Sender:
    """Posts JSON to one address over kept connections, ``concurrency`` requests at a time, all on one event loop.

    Refused connections, dropped ones and status 408, 409, 424, 425, 429 and 5xx are tried again after exponentially growing,
    jittered pauses, or when the server asks for it. ``deadline`` seconds, tries and pauses included, is what one request may take
    from when it gets its place in the window.
    """

    def __init__(
        self,
        address: str,
        *,
        key: str | None = None,
        deadline: float = 60.0,
        retries: int = 4,
        pause: float = 0.5,
        concurrency: int = 16,
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra("httpx", extra="lm") from error
        self._httpx = httpx
        self.address, self.deadline, self.retries, self.pause = address, deadline, retries, pause
        self._client = httpx.AsyncClient(
            timeout=None,
            headers={"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {}),
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        )
        self._window = asyncio.Semaphore(concurrency)
        self._random = random.Random()
        self._not_before = 0.0

    async def post_all(self, bodies: Sequence[dict[str, Any]]) -> list[Any | Failure]:
        """The decoded answer to each body, in order, or its failure.

        Raises:
            UserError: the server refuses the key, the path or the method.
        """
        return await all_or_none(self.post(body) for body in bodies)

    async def post(self, body: dict[str, Any]) -> Any | Failure:
        """The decoded answer to one body, or the failure that is left after all tries."""
        async with self._window:
            left: list[Failure] = []
            try:
                async with asyncio.timeout(self.deadline):
                    return await self._tries(body, left)
            except TimeoutError:
                said = f"; before that {left[-1].message}" if left else ""
                return Failure(Outcome.TIMED_OUT, f"no answer within {self.deadline:g} s{said}")

    async def _tries(self, body: dict[str, Any], left: list[Failure]) -> Any | Failure:
        content = json.dumps(body, default=dict)
        for attempt in range(self.retries + 1):
            await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
            asked = 0.0
            try:
                response = await self._client.post(self.address, content=content)
            except self._httpx.TransportError as error:
                left.append(Failure(Outcome.TRANSPORT_ERROR, f"{type(error).__name__} {error}".strip()))
            else:
                if response.is_success:
                    return _decoded(response.content)
                said = response.text[:300]
                status = response.status_code
                if status in REFUSED_SET_UP:
                    raise UserError(
                        f"{self.address} answered status {status}: {said}; check url, model and api_key_variable"
                    )
                if status not in RETRYABLE:
                    long = refused_for_length(status, said) and "vocab" not in said.lower()
                    outcome = Outcome.TRUNCATED if long else Outcome.INSTRUMENT_ERROR
                    return Failure(outcome, f"status {status}: {said}")
                left.append(Failure(Outcome.TRANSPORT_ERROR, f"status {status}: {said}"))
                asked = retry_after(response.headers.get("Retry-After"))
            if attempt < self.retries:
                await self._postpone(attempt, asked)
        return left[-1]

    async def _postpone(self, attempt: int, asked: float) -> None:
        """Pause: what the server asked of all requests, else a random part of an exponentially growing time for this one."""
        if asked > 0:
            self._not_before = max(self._not_before, time.monotonic() + asked)
        grown = self.pause if asked else min(LONGEST_PAUSE, self.pause * 2**attempt)
        await asyncio.sleep(grown * self._random.uniform(0.5, 1.0))


def _decoded(content: bytes) -> Any | Failure:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return Failure(Outcome.INSTRUMENT_ERROR, f"malformed answer: {content[:80]!r} is not JSON")
