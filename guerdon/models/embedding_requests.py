"""Sending embedding requests: which failures are worth another try, how long to wait, what the rest means."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Any

from guerdon.errors import MissingExtra
from guerdon.models.encoder import EncoderFault
from guerdon.models.http_statuses import (
    LONGEST_PAUSE,
    REFUSED_CONTENT,
    REFUSED_SET_UP,
    RETRYABLE,
    refused_for_length,
    retry_after,
)


@dataclass(frozen=True)
class Failure:
    """Why a request gave no vectors. ``refused``: the server would not have these texts; ``too_long``: for their length."""

    reason: str
    refused: bool = False
    too_long: bool = False


class Sender:
    """Posts JSON to one address over kept connections, trying again what may pass. Thread safe."""

    def __init__(
        self, address: str, key: str | None, timeout: float, retries: int, pause: float, connections: int
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra("httpx", extra="encoder") from error
        self._httpx = httpx
        self.address, self.retries, self.pause = address, retries, pause
        self._client = httpx.Client(
            timeout=timeout,
            headers={"Authorization": f"Bearer {key}"} if key else None,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )
        self._random = random.Random()
        self._lock = threading.Lock()
        self._not_before = 0.0

    def post(self, body: dict[str, Any]) -> Any | Failure:
        """The decoded answer, or the failure that is left after all tries.

        Raises:
            EncoderFault: the server refuses the key, the path or the method.
        """
        failure = Failure("not sent")
        for attempt in range(self.retries + 1):
            self._wait()
            asked = 0.0
            try:
                response = self._client.post(self.address, json=body)
            except self._httpx.TransportError as error:
                failure = Failure(f"transport error: {type(error).__name__} {error}".strip())
            else:
                if response.is_success:
                    return _decoded(response)
                said = response.text[:300]
                failure = Failure(f"status {response.status_code}: {said}")
                if response.status_code in REFUSED_SET_UP:
                    raise EncoderFault(
                        f"{self.address} answered {failure.reason}; check url, api, model and api_key_variable"
                    )
                if response.status_code not in RETRYABLE:
                    return _refusal(response.status_code, failure.reason, said)
                asked = retry_after(response.headers.get("Retry-After"))
            if attempt < self.retries:
                self._postpone(attempt, asked)
        return failure

    def served_weights(self, url: str) -> str:
        """The model and revision a Text Embeddings Inference server says it serves, or "" where it does not say."""
        try:
            answer = self._client.get(url.rstrip("/").removesuffix("/embed") + "/info").json()
            return f"{answer['model_id']}@{answer.get('model_sha')}"
        except (self._httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            return ""

    def _wait(self) -> None:
        with self._lock:
            seconds = self._not_before - time.monotonic()
        if seconds > 0:
            time.sleep(seconds)

    def _postpone(self, attempt: int, asked: float) -> None:
        """Pause: what the server asked of all requests, else a random part of an exponentially growing time for this one."""
        if asked > 0:
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + asked)
        jitter = self._random.uniform(0.5, 1.0)
        time.sleep(min(LONGEST_PAUSE, self.pause * 2**attempt) * jitter if not asked else self.pause * jitter)


def _decoded(response: Any) -> Any | Failure:
    try:
        return response.json()
    except ValueError:
        return Failure(f"malformed answer: {response.text[:80]!r} is not JSON")


def _refusal(status: int, reason: str, said: str) -> Failure:
    return Failure(reason, status in REFUSED_CONTENT, refused_for_length(status, said))
