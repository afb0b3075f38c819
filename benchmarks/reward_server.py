"""S1: single-sample requests from many clients: guerdon's server beside OpenRLHF's serve_rm pattern and Ray Serve's batching.

The scorer costs 5 ms per call and 0.1 ms per sample, as a small model does on a GPU. Servers: ``guerdon`` (dynamic batches over
requests), ``serve_rm`` (the pattern of OpenRLHF 0.11's cli/serve_rm.py written anew: FastAPI, the scorer called inside the
``async def`` endpoint, no batches over requests), ``ray`` (Ray Serve with ``@serve.batch``, if it is installed), and with
``--minilm`` guerdon with a real MiniLM reward. Each runs in a process of its own on loopback. Clients are in another process: raw
sockets, kept alive, one request after the other each, bodies as OpenRLHF's client sends them, every text different; every
answer is checked against what the scorer must give for that very text.

    python -m benchmarks.reward_server [--clients 1 8 64 256] [--seconds 3] [--repeats 5] [--minilm]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.reward import Reward

RESULTS = Path(__file__).parent / "results" / "reward_server.json"
PER_CALL, PER_SAMPLE = 0.005, 0.0001
NEVER = 120.0


@dataclass(frozen=True, repr=False)
class Stub(Reward):
    """The last number of the text, after the time a model would take."""

    heavy = True

    def _score(self, batch: Batch) -> np.ndarray:
        return np.array(stub([str(text) for text in batch.completions]))


def stub(texts: Sequence[str]) -> list[float]:
    """The scorer all servers run."""
    time.sleep(PER_CALL + PER_SAMPLE * len(texts))
    return [float(re.findall(r"\d+", text)[-1]) for text in texts]


# -- servers ----------------------------------------------------------------------------------------------------------


def run_guerdon(port: int) -> None:
    """The stub, served by guerdon."""
    from guerdon.server import create_app
    from guerdon.server.serving import serve

    serve(create_app(Stub()), port=port)


def run_minilm(port: int) -> None:
    """A MiniLM reward, served by guerdon."""
    from guerdon.rewards import Cosine
    from guerdon.server import create_app
    from guerdon.server.serving import serve

    reward = Cosine()
    reward.score(Batch(["warm"], reference=["up"]))
    serve(create_app(reward), port=port)


def run_serve_rm(port: int) -> None:
    """The stub, served as OpenRLHF serves a reward model."""
    import uvicorn
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse

    app = FastAPI()

    async def get_reward(request: Request) -> JSONResponse:
        data = await request.json()
        rewards = stub(data["query"])
        return JSONResponse({"rewards": rewards, "scores": rewards, "extra_logs": {"dummy_scores": rewards}})

    get_reward.__annotations__["request"] = Request
    app.post("/get_reward", response_model=None)(get_reward)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def run_ray(port: int) -> None:
    """The stub behind ``@serve.batch``."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray import serve
    from starlette.requests import Request

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)

    @serve.deployment(max_ongoing_requests=1024)
    class Model:
        @serve.batch(max_batch_size=256, batch_wait_timeout_s=0.002)
        async def scored(self, texts: list[str]) -> list[float]:
            return await asyncio.to_thread(stub, texts)

        async def __call__(self, request: Request) -> dict[str, Any]:
            data = await request.json()
            rewards = [await self.scored(data["query"][0])]
            return {"rewards": rewards, "scores": rewards, "extra_logs": {}}

    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Model.bind(), route_prefix="/get_reward")
    time.sleep(NEVER * 10)


SERVERS = {"guerdon": run_guerdon, "serve_rm": run_serve_rm, "ray": run_ray, "minilm": run_minilm}


# -- clients ----------------------------------------------------------------------------------------------------------


async def client(port: int, number: int, until: float, took: list[float], wrong: list[str], label: str | None) -> None:
    """One request after the other; the seconds of each, and the answers that are not those of its text."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    while time.perf_counter() < until:
        sent += 1
        value = number * 1_000_000 + sent
        asked = {"query": [f"Question {number}. The answer is {value}"], "prompts": [""], "labels": [label]}
        body = json.dumps(asked).encode()
        started = time.perf_counter()
        head = f"POST /get_reward HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answered = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b" 200 " not in answered.split(b"\r\n")[0]:
            wrong.append(answered.decode()[:100])
            break
        said = json.loads(await body_of(reader, answered))
        took.append(time.perf_counter() - started)
        if label is None and said["rewards"] != [float(value)]:
            wrong.append(f"{value}: {said['rewards']}")
    writer.close()


async def body_of(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """The body of an answer, of known length or in chunks."""
    length = re.search(rb"content-length: (\d+)", head)
    if length is not None:
        return await reader.readexactly(int(length[1]))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body


async def load(port: int, clients: int, seconds: float, label: str | None) -> dict[str, Any]:
    """Requests per second and latencies of that many clients."""
    took: list[float] = []
    wrong: list[str] = []
    until = time.perf_counter() + seconds
    started = time.perf_counter()
    await asyncio.gather(*(client(port, k, until, took, wrong, label) for k in range(clients)))
    wall = time.perf_counter() - started
    p50, p99 = (float(np.quantile(took, q)) * 1000 for q in (0.5, 0.99)) if took else (np.nan, np.nan)
    return {"clients": clients, "per_second": len(took) / wall, "p50_ms": p50, "p99_ms": p99, "wrong": wrong[:5]}


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, label: str | None) -> bool:
    try:
        return not asyncio.run(load(port, 1, 0.3, label))["wrong"]
    except (OSError, asyncio.IncompleteReadError):
        return False


def measured(server: str, clients: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """All numbers of clients on a fresh server."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.reward_server", "--server", server, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    label = "the reference text" if server == "minilm" else None
    try:
        waited = time.perf_counter() + NEVER
        while not _answers(port, label):
            if time.perf_counter() > waited or process.poll() is not None:
                raise RuntimeError(f"the server {server} does not answer")
            time.sleep(0.2)
        rows = [asyncio.run(load(port, n, seconds, label)) for n in clients]
        if server in ("guerdon", "minilm"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                said = answer.read().decode()
            rows[-1]["batches"] = re.findall(r'guerdon_batch_size_bucket\{le="([^"]+)",[^}]*\} (\S+)', said)
        return rows
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def main(arguments: Sequence[str] | None = None) -> None:
    """Race, print, and keep the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--minilm", action="store_true")
    parser.add_argument("--server", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.server:
        SERVERS[asked.server](asked.port)
        return
    servers = ["guerdon", "serve_rm", *(["ray"] if find_spec("ray") and find_spec("grpc") else [])]
    servers += ["minilm"] if asked.minilm else []
    kept: list[dict[str, Any]] = []
    for repeat in range(1, asked.repeats + 1):
        for server in servers:
            print(f"repeat {repeat}/{asked.repeats}: {server}", file=sys.stderr, flush=True)
            for row in measured(server, asked.clients, asked.seconds):
                kept.append({"repeat": repeat, "server": server, **row})
    wrong = [fault for row in kept for fault in row["wrong"]]
    print(f"medians of {asked.repeats} x {asked.seconds} s; wrong or lost answers: {len(wrong)} {wrong[:3]}")
    print(f"{'server':<10}{'clients':>8}{'req/s':>10}{'[quartiles]':>20}{'p50 ms':>9}{'p99 ms':>9}{'guerdon is':>12}")
    for clients in asked.clients:
        rates = {}
        for server in servers:
            rows = [row for row in kept if row["server"] == server and row["clients"] == clients]
            rate, p50, p99 = (
                statistics.median(row[name] for row in rows) for name in ("per_second", "p50_ms", "p99_ms")
            )
            low, high = np.quantile([row["per_second"] for row in rows], (0.25, 0.75))
            rates[server] = rate
            ratio = "" if server in ("guerdon", "minilm") else f"{rates['guerdon'] / rate:.1f}x"
            spread = f"[{low:.0f}, {high:.0f}]"
            print(f"{server:<10}{clients:>8}{rate:>10.0f}{spread:>20}{p50:>9.1f}{p99:>9.1f}{ratio:>12}")
    sizes = next((row["batches"] for row in reversed(kept) if row["server"] == "guerdon" and "batches" in row), [])
    print("guerdon's batches, cumulative by size: " + ", ".join(f"<={bound}: {count}" for bound, count in sizes))
    machine = {"python": platform.python_version(), "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps({"arguments": vars(asked), "machine": machine, "rows": kept}, indent=1), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
