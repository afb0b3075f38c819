"""Serving: runs the app under uvicorn until it is told to stop, and then answers what is under way."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from guerdon.errors import MissingExtra
from guerdon.server.app import RewardServer

_HEADERS_SECONDS = 10.0
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


def serve(app: RewardServer, *, host: str = "127.0.0.1", port: int = 8000, backlog: int = 2048) -> None:
    """Serve until SIGTERM or SIGINT; then requests under way are answered within ``settings.drain`` seconds.

    A client that has not sent its headers after 10 s is cut off. Port 0 takes a free one, which is logged.

    Raises:
        UserError: a host beyond loopback without a token.
        MissingExtra: uvicorn is not installed.
    """
    app.settings.check_host(host)
    try:
        import uvicorn
    except ImportError:
        raise MissingExtra("uvicorn", extra="serve") from None

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        backlog=backlog,
        http=_patient_for(_HEADERS_SECONDS),
        loop="auto",
        lifespan="on",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=int(app.settings.drain) + 1,
    )
    uvicorn.Server(config).run()


def _patient_for(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's protocol, closing connections on which the head of a request is not whole in so many seconds."""
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    class Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        watched: Any = ()  # the request before the one whose head is waited for

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            super().data_received(data)
            if self.cycle is before and (before is None or before.response_complete):
                self._watch()  # the head of the first or a further request, in parts

        def _watch(self) -> None:
            if self.watched is not self.cycle:
                self.watched = self.cycle
                asyncio.get_running_loop().call_later(seconds, self._close_if_silent, self.cycle)

        def _close_if_silent(self, before: Any) -> None:
            if self.cycle is before and not self.transport.is_closing():
                self.transport.close()

    return Protocol


class JSONLines(logging.Formatter):
    """One JSON object per record, with what the record carries beside its message.

    >>> record = logging.makeLogRecord({"msg": "request", "levelname": "INFO", "status": 200})
    >>> json.loads(JSONLines().format(record))["status"]
    200
    """

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str, ensure_ascii=False)


def log_as_json(level: str = "INFO") -> None:
    """Send what is logged to standard error, one JSON object per line."""
    handler = logging.StreamHandler()
    handler.setFormatter(JSONLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
