"""A real server on loopback for tests: uvicorn in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import uvicorn

from guerdon.batch import Batch
from guerdon.reward import Reward
from guerdon.scorer import Scorer
from guerdon.server import ServerSettings, create_app
from guerdon.server.app import RewardServer
from guerdon.server.serving import _patient_for


@dataclass(frozen=True, repr=False)
class Slow(Reward):
    """The length of the completion after a while."""

    seconds: float = 0.05
    heavy = True

    def _score(self, batch: Batch) -> np.ndarray:
        time.sleep(self.seconds)
        return np.array([float(len(text)) for text in batch.completions])


@dataclass(frozen=True, repr=False)
class Lost(Reward):
    """Cannot score what says so."""

    def _score(self, batch: Batch) -> np.ndarray:
        return np.array([np.nan if "lost" in str(text) else 1.0 for text in batch.completions])


@dataclass(frozen=True, repr=False)
class Gap(Reward):
    """The length less the mean length of the siblings."""

    ties = "group"

    def _score(self, batch: Batch) -> np.ndarray:
        values = np.array([float(len(text)) for text in batch.completions])
        for rows in batch.by_group():
            values[rows] -= values[rows].mean()
        return values


@dataclass
class Running:
    """A server that runs: where, and the app behind it."""

    url: str
    port: int
    app: RewardServer
    server: uvicorn.Server

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers=headers, timeout=30)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30)


@contextmanager
def served(
    rewards: Mapping[str, Reward | Scorer] | Reward | Scorer, *, header_seconds: float = 10.0, **settings: Any
) -> Iterator[Running]:
    """The rewards, served on a free port."""
    app = create_app(rewards, ServerSettings(**settings))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        config = uvicorn.Config(app, lifespan="on", log_config=None, http=_patient_for(header_seconds))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
        thread.start()
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        try:
            yield Running(f"http://127.0.0.1:{port}", port, app, server)
        finally:
            server.should_exit = True
            thread.join(20)
