"""RewardClient: asks a reward server, and asks again where that can help."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from guerdon.batch import Batch
from guerdon.errors import GuerdonError, MissingExtra, UserError

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_PER_POOL, _POOLS = 16, 64  # connections of one pool, and pools


class ServerFault(GuerdonError, RuntimeError):
    """The server could not be reached or did not score, also after several tries."""


class RewardClient:
    """Asks a guerdon server for scores.

    What may be tried again is: no connection, a timeout, 408, 429, 5xx, with full jitter between tries and the server's
    ``Retry-After`` honoured. Samples carry ids, so that one that was scored before the answer got lost is not scored again.
    Use it as a context manager, or ``await client.close()``.

    Args:
        url: where the server is.
        reward: which of its rewards; None where it has one.
        token: bearer token.
        timeout: seconds for one try.
        tries: how often at most.

    Raises:
        UserError: the server says that the request is wrong.
        ServerFault: nothing came of it.
        MissingExtra: httpx is not installed.
    """

    def __init__(
        self, url: str, reward: str | None = None, *, token: str | None = None, timeout: float = 120.0, tries: int = 5
    ) -> None:
        try:
            import httpx
        except ImportError:
            raise MissingExtra("httpx", extra="serve") from None
        if tries < 1 or timeout <= 0:
            raise UserError(f"tries={tries!r} must be at least 1 and timeout={timeout!r} positive")
        self.url, self.reward, self.tries = url.rstrip("/"), reward, tries
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        context = httpx.create_ssl_context()
        limits = httpx.Limits(max_connections=_PER_POOL, max_keepalive_connections=_PER_POOL)
        self._open: Callable[[], Any] = lambda: httpx.AsyncClient(
            timeout=timeout, headers=headers, limits=limits, verify=context
        )
        self._pools: list[tuple[Any, list[int]]] = []

    async def score(self, batch: Batch, *, detail: str = "parts", name: str = "") -> dict[str, Any]:
        """The server's answer for a batch: ``values`` (null: not scored), ``parts``, ``notes``; with ``detail="full"`` more.

        Siblings are those of the batch. ``name`` makes the request known: the same name asks for the same scores. Without one
        every call asks anew.
        """
        name, samples = name or uuid4().hex, []
        for i, row in enumerate(batch.records()):
            sample = {"completion": row.pop("completion"), "group": int(batch.groups[i])}
            if "prompt" in row:
                sample["prompt"] = row.pop("prompt")
            samples.append({**sample, "id": f"{name}/{i}", "columns": row})
        body = {"samples": samples, "detail": detail} | ({} if batch.step is None else {"step": batch.step})
        return await self.ask("/v1/score", body)

    async def score_one(
        self,
        completion: Any,
        prompt: Any = None,
        *,
        columns: Mapping[str, Any] | None = None,
        group: str | None = None,
        siblings: int | None = None,
        id: str | None = None,
        completion_ids: Sequence[int] | None = None,
        step: int | None = None,
        detail: str = "parts",
    ) -> dict[str, Any]:
        """As :meth:`score` for one sample, which waits on the server for its siblings if there are any.

        ``id`` names it within its group; without one every call asks anew.
        """
        sample = {"completion": completion, "prompt": prompt, "columns": dict(columns or {})}
        sample |= {"group": group, "siblings": siblings, "id": id or uuid4().hex}
        sample |= {} if completion_ids is None else {"completion_ids": list(completion_ids)}
        return await self.ask(
            "/v1/score", {"samples": [sample], "detail": detail} | ({} if step is None else {"step": step})
        )

    async def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request in any dialect."""
        import httpx

        body = {**body, "reward": self.reward} if self.reward else body
        fault = wait = ""
        for attempt in range(self.tries):
            if attempt:
                await asyncio.sleep(self._pause(attempt, wait))
                wait = ""
            try:
                response = await self._post(self.url + path, body)
            except httpx.HTTPError as error:
                fault = f"{type(error).__name__}: {error}"
                continue
            if response.status_code == 200:
                return response.json()  # type: ignore[no-any-return]
            fault = f"{response.status_code}: {_said(response)}"
            if response.status_code not in _AGAIN:
                raise UserError(f"{self.url}{path} answered {fault}")
            wait = response.headers.get("retry-after", "")
        raise ServerFault(f"{self.url}{path} gave no scores in {self.tries} tries; the last: {fault}")

    async def _post(self, url: str, body: Mapping[str, Any]) -> Any:
        """The response, by a pool with a free connection; many small pools, as the work of one grows with its connections."""
        number = next((k for k, (_, busy) in enumerate(self._pools) if busy[0] < _PER_POOL), None)
        if number is None and len(self._pools) < _POOLS:
            self._pools.append((self._open(), [0]))
            number = len(self._pools) - 1
        pool, busy = self._pools[number] if number is not None else min(self._pools, key=lambda each: each[1][0])
        busy[0] += 1
        try:
            return await pool.post(url, json=body)
        finally:
            busy[0] -= 1

    def _pause(self, attempt: int, retry_after: str) -> float:
        asked = float(retry_after) if retry_after.replace(".", "", 1).isdecimal() else 0.0
        return max(min(asked, 30.0), random.uniform(0, min(10.0, 0.2 * 2**attempt)))

    async def close(self) -> None:
        """Close the connections."""
        for pool, _ in self._pools:
            await pool.aclose()
        self._pools.clear()

    async def __aenter__(self) -> RewardClient:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()


def values_of(answer: Mapping[str, Any]) -> Sequence[float | None]:
    """The values of an answer, None where not scored.

    >>> values_of({"values": [1.0, None]})
    [1.0, None]
    """
    return list(answer["values"])


def _said(response: Any) -> str:
    try:
        return str(response.json()["error"])[:500]
    except (ValueError, KeyError, TypeError):
        return str(response.text)[:200]
