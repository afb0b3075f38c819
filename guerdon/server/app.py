"""The ASGI app of the reward server: reads requests within limits, has them scored, and answers in their dialect."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from guerdon.errors import GuerdonError, Overloaded, UserError
from guerdon.intake import Intake
from guerdon.reward import Reward
from guerdon.sample import SampleScores
from guerdon.scorer import Scorer
from guerdon.server.desk import Desk, OpenIntake, Unscored
from guerdon.server.dialects import DIALECTS, Dialect
from guerdon.server.metrics import Metrics
from guerdon.server.settings import ServerSettings
from guerdon.text.json_text import deeper_than

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
OPEN = frozenset({"/health", "/ready"})

log = logging.getLogger("guerdon.server")


class Refused(Exception):
    """A request that is answered with an error: its status and what is wrong."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers


class Disconnected(Exception):
    """The client is gone."""


class RewardServer:
    """The reward server as an ASGI application.

    ``POST /PATH`` and ``POST /NAME/PATH`` for the paths of :data:`~guerdon.server.dialects.DIALECTS`; ``GET /health`` (it lives),
    ``/ready`` (it takes requests), ``/metrics`` (Prometheus), ``/v1/rewards`` (what is served).
    """

    def __init__(self, desks: Mapping[str, Desk], settings: ServerSettings) -> None:
        self.desks, self.settings = dict(desks), settings
        self.dialects = {dialect.path: dialect for dialect in DIALECTS}
        self.metrics = Metrics(self.desks)
        self.draining = False

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def drain(self) -> None:
        """Take nothing more and answer what is under way, for at most ``settings.drain`` seconds."""
        self.draining = True
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(*(desk.intake.drain() for desk in self.desks.values())), self.settings.drain
            )

    # -- requests -----------------------------------------------------------------------------------------------------

    async def _http(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        started, path = time.perf_counter(), scope["path"]
        status, headers, body, known = 500, {}, b"", "unknown"
        try:
            known, body = await self._answer(scope, receive)
            status = 200
        except Disconnected:
            self.metrics.request("disconnected", 499, time.perf_counter() - started)
            return
        except Refused as refused:
            status, headers, body = refused.status, refused.headers, _error(str(refused))
        except Exception as error:
            log.exception("request failed")
            body = _error(f"internal error: {type(error).__name__}")
        kind = "text/plain; version=0.0.4" if path == "/metrics" and status == 200 else "application/json"
        self.metrics.request(known, status, time.perf_counter() - started)
        log.info("request", extra={"path": known, "status": status, "seconds": round(time.perf_counter() - started, 6)})
        raw = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        with contextlib.suppress(OSError):
            await send({"type": "http.response.start", "status": status, "headers": raw})
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Mapping[str, Any], receive: Receive) -> tuple[str, bytes]:
        path, method = scope["path"], scope["method"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if path not in OPEN:
            self._authorise(headers)
        if method == "GET":
            return path, self._told(path)
        if method != "POST":
            raise Refused(405, f"{method} is not understood here; use POST", allow="POST")
        dialect, desk = self._addressed(path)
        if self.draining:
            raise Refused(503, "the server is stopping", retry_after="5")
        body = self._parsed(await self._body(headers, receive))
        desk = self._named(dialect, desk, body)
        try:
            samples = dialect.read(body, desk)
            if len(samples) > self.settings.max_samples:
                raise Refused(413, f"{len(samples)} samples; at most {self.settings.max_samples} fit in a request")
            results = await self._until(desk.score(samples), receive)
            answer = dialect.write(body, desk, results)
        except UserError as error:
            raise Refused(422, str(error)) from None
        except Overloaded as error:
            raise Refused(429, str(error), retry_after="1") from None
        except Unscored as error:
            raise Refused(
                503, f"not scored: {error}; start the server with --fallback to answer with a number"
            ) from None
        except GuerdonError as error:
            raise Refused(500, str(error)) from None
        return f"/{desk.name}{dialect.path}", _json(answer)

    def _authorise(self, headers: Mapping[str, str]) -> None:
        if self.settings.token is None:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given, wanted = token.strip().encode(), self.settings.token.encode()
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, wanted):
            raise Refused(401, "send the header Authorization: Bearer <token>", www_authenticate="Bearer")

    def _told(self, path: str) -> bytes:
        if path == "/health":
            return _json({"status": "ok"})
        if path == "/ready":
            if self.draining:
                raise Refused(503, "the server is stopping")
            return _json({"status": "ready", "rewards": sorted(self.desks)})
        if path == "/metrics":
            return self.metrics.exposition()
        if path == "/v1/rewards":
            return _json({"rewards": {name: _described(desk.reward) for name, desk in self.desks.items()}})
        raise Refused(404, f"there is nothing at {path[:100]!r}")

    def _addressed(self, path: str) -> tuple[Dialect, Desk | None]:
        if path in self.dialects:
            return self.dialects[path], None
        name, slash, rest = path[1:].partition("/")
        if slash and name in self.desks and f"/{rest}" in self.dialects:
            return self.dialects[f"/{rest}"], self.desks[name]
        raise Refused(404, f"there is nothing at {path[:100]!r}; paths: {', '.join(self.dialects)}, also below /NAME")

    def _named(self, dialect: Dialect, desk: Desk | None, body: Mapping[str, Any]) -> Desk:
        if desk is not None:
            return desk
        name = body.get(dialect.names) if dialect.names else None
        if isinstance(name, str) and name in self.desks:
            return self.desks[name]
        if len(self.desks) == 1 and (name is None or dialect.names == "model"):
            return next(iter(self.desks.values()))
        said = f"reward {str(name)[:100]!r} is not served" if name is not None else "which reward is not said"
        raise Refused(
            404, f"{said}; served: {', '.join(sorted(self.desks))}. Put the name in the path: /NAME{dialect.path}"
        )

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.settings.max_body:
            raise Refused(
                413, f"the body has {length} bytes; at most {self.settings.max_body} are taken", connection="close"
            )
        if headers.get("content-encoding", "identity") != "identity":
            raise Refused(415, "send the body uncompressed")
        received = bytearray()
        try:
            async with asyncio.timeout(self.settings.body_deadline):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    received += message.get("body", b"")
                    if len(received) > self.settings.max_body:
                        raise Refused(413, f"more than {self.settings.max_body} bytes", connection="close")
                    if not message.get("more_body"):
                        return bytes(received)
        except TimeoutError:
            raise Refused(
                408, f"no whole request within {self.settings.body_deadline:g} s", connection="close"
            ) from None

    def _parsed(self, body: bytes) -> Mapping[str, Any]:
        try:
            parsed = json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Refused(400, f"the body is no JSON: {str(error)[:200]}") from None
        if body.count(b"{") + body.count(b"[") > self.settings.max_depth and deeper_than(
            parsed, self.settings.max_depth
        ):
            raise Refused(422, f"the JSON is nested more than {self.settings.max_depth} deep")
        if not isinstance(parsed, dict):
            raise Refused(422, f"the body must be a JSON object; it is {type(parsed).__name__}")
        return parsed

    async def _until(self, work: Awaitable[list[SampleScores]], receive: Receive) -> list[SampleScores]:
        """The result of the work, unless the client leaves or the deadline passes; then it is cancelled."""
        scoring = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((scoring, gone), timeout=self.settings.deadline, return_when=asyncio.FIRST_COMPLETED)
            if scoring.done():
                return scoring.result()
            if gone.done():
                raise Disconnected
            raise Refused(504, f"not scored within {self.settings.deadline:g} s", retry_after="1")
        finally:
            gone.cancel()
            if not scoring.done():
                scoring.cancel()
                await asyncio.gather(scoring, return_exceptions=True)

    # -- life ---------------------------------------------------------------------------------------------------------

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.drain()
                await send({"type": "lifespan.shutdown.complete"})
                return


def create_app(
    rewards: Mapping[str, Reward | Scorer] | Reward | Scorer,
    settings: ServerSettings | None = None,
    *,
    open_intake: OpenIntake = Intake,
) -> RewardServer:
    """The ASGI app that serves rewards by name; a single reward goes by its own. ``open_intake``: where samples meet, if not here.

    Raises:
        UserError: no rewards, or a name that cannot stand in a path.
        MissingExtra: prometheus-client is not installed.

    >>> from guerdon.rewards import ExactMatch
    >>> sorted(create_app(ExactMatch()).desks)
    ['exact_match']
    """
    settings = settings or ServerSettings()
    named = rewards if isinstance(rewards, Mapping) else {rewards.__name__: rewards}
    if not named:
        raise UserError("rewards is empty; give at least one to serve")
    desks = {
        name: Desk(name, scoring, settings.intake, fallback=settings.fallback, open_intake=open_intake)
        for name, scoring in named.items()
    }
    return RewardServer(desks, settings)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _described(reward: Reward) -> dict[str, Any]:
    return {
        "fingerprint": reward.fingerprint,
        "range": [value if abs(value) < float("inf") else None for value in reward.range],
        "columns": sorted(reward.columns),
        "parts": list(reward.part_owners),
        "siblings": reward.siblings,
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def _error(message: str) -> bytes:
    return _json({"error": message})


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
