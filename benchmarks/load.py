"""``make load``: the reward server at saturation for minutes, while its workers are killed and its clients err.

Well-behaved clients ask one sample after the other, of rewards whose every answer they can check: text lengths, mathematics in the
verifier pool, and groups of four that come over four connections. Beside them others send garbage, leave before the answer, or
send their bodies in drops. Meanwhile workers get SIGKILL: those of the verifier pool (``--engine local``), whole replicas
(``--engine ray``). Every request must get the right answer or an error that says what is wrong, the memory of the server must stay
flat, and in the end nothing may be held. This has no ``main``, so that ``python -m benchmarks`` does not take it along.

    python -m benchmarks.load [--engine local ray] [--minutes 10] [--clients 48] [--kill-every 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rendezvous import Gap
from benchmarks.reward_server import body_of, free_port
from guerdon.batch import Batch
from guerdon.reward import Reward

RESULTS = Path(__file__).parent / "results" / "load.json"
READY, PATIENCE = 90.0, 60.0
VICTIMS = {"local": "guerdon.verifying.warden", "ray": "ray::ServeReplica"}


class Length(Reward):
    """The length of the completion."""

    def _score(self, batch: Batch) -> np.ndarray:
        return np.array([float(len(str(text))) for text in batch.completions])


def serve(engine: str, port: int) -> None:
    """What is put under load."""
    from guerdon.intake import IntakeOptions
    from guerdon.rewards import MathAnswer
    from guerdon.server import ServerSettings, create_app
    from guerdon.server.serving import log_as_json
    from guerdon.server.serving import serve as run

    log_as_json("ERROR")
    # Few samples are remembered, so that what the memory does later on is no longer that list filling.
    intake = IntakeOptions(capacity=4096, group_deadline=10.0, remember=1024)
    settings = ServerSettings(body_deadline=10.0, deadline=30.0, max_body=1 << 16, intake=intake)
    rewards: dict[str, Reward] = {"length": Length(), "math": MathAnswer(), "gap": Gap()}
    if engine == "ray":
        from guerdon.integrations.ray_serve import serve_on_ray

        serve_on_ray(rewards, settings, port=port, replicas=(2, 2), needs={"num_cpus": 0.2})
    else:
        run(create_app(rewards, settings), port=port)


# -- clients ----------------------------------------------------------------------------------------------------------


class Fault(Exception):
    """No answer."""


class Load:
    """Clients of one server until a time, and what they have seen.

    Where whole replicas are killed, ``cuts``, a connection may end in the middle of an answer: any client sees that.
    """

    def __init__(self, port: int, until: float, *, cuts: bool = False) -> None:
        self.port, self.until, self.cuts = port, until, cuts
        self.seen: Counter[str] = Counter()
        self.faults: list[str] = []
        self.took: list[float] = []

    def going(self) -> bool:
        return time.monotonic() < self.until

    def fault(self, what: str) -> None:
        self.seen["faults"] += 1
        if len(self.faults) < 20:
            self.faults.append(what[:300])

    def no_answer(self, what: str) -> None:
        if self.cuts and "IncompleteRead" in what:
            self.seen["cut off"] += 1
        else:
            self.fault(what)

    async def ask(self, path: str, body: bytes, connection: Any = None) -> tuple[int, Any, Any]:
        """Status, answer, and the connection to go on with, of one request."""
        reader, writer = connection or await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(_head(path, len(body)) + body)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                said = await body_of(reader, head)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            writer.close()
            raise Fault(f"{path}: {type(error).__name__} {error}") from None
        status = int(head.split(b" ", 2)[1])
        kept = (reader, writer) if status == 200 and b"connection: close" not in head else writer.close()
        try:
            return status, json.loads(said), kept
        except ValueError:
            return status, said.decode("utf-8", "replace"), kept

    async def checked(self, path: str, sample: dict[str, Any], right: float, connection: Any = None) -> Any:
        """Ask for one sample and judge the answer."""
        started = time.perf_counter()
        self.seen["sent"] += 1
        try:
            status, said, kept = await self.ask(path, json.dumps({"samples": [sample]}).encode(), connection)
        except Fault as fault:
            self.no_answer(f"lost: {fault}")
            return None
        self.took.append(time.perf_counter() - started)
        if status != 200:
            self.seen[f"status {status}"] += 1
            clear = status in (429, 500, 503, 504) and (said if isinstance(said, str) else said.get("error"))
            if not clear:
                self.fault(f"unclear: {path} {status} {said}")
            return kept
        (value,), notes = said["values"], said.get("notes")
        if value is None:
            self.seen["unscored, noted"] += 1
            if not notes or not notes[0]:
                self.fault(f"unscored without a reason: {said}")
        elif abs(value - right) > 1e-6:
            self.fault(f"wrong: {path} {sample} gave {value}, not {right}")
        else:
            self.seen["right"] += 1
        return kept

    async def steady(self, number: int) -> None:
        """One sample after the other."""
        draw, connection = random.Random(number), None
        while self.going():
            if draw.random() < 0.2:
                k, right = draw.randrange(10**6), draw.random() < 0.5
                text = f"The answer is $x(x+{2 * k}) + {0 if right else 1}$."
                sample = {"completion": text, "columns": {"reference": f"$x^2 + {2 * k}x$"}}
                connection = await self.checked("/math/v1/score", sample, float(right), connection)
            else:
                text = "x" * draw.randrange(1, 2000)
                connection = await self.checked("/length/v1/score", {"completion": text}, float(len(text)), connection)

    async def grouped(self, number: int) -> None:
        """Groups of four over four connections. After a replica's death a sibling is sent again, as a trainer would."""
        draw, sent = random.Random(number), 0
        while self.going():
            sent += 1
            lengths = [draw.randrange(1, 500) for _ in range(4)]
            mean = sum(lengths) / 4
            named = {"prompt": "q", "group": f"{self.port} {number} {sent}", "siblings": 4}
            samples: list[dict[str, Any]] = [
                {**named, "completion": "x" * n, "id": f"{k}"} for k, n in enumerate(lengths)
            ]
            await asyncio.gather(*(self._sibling(s, len(s["completion"]) - mean) for s in samples))

    async def _sibling(self, sample: dict[str, Any], right: float) -> None:
        before = self.seen["right"]
        for _ in range(3):
            kept = await self.checked("/gap/v1/score", sample, right)
            if kept is not None:
                kept[1].close()
                return
        self.seen["siblings given up"] += self.seen["right"] == before

    async def malformed(self, number: int) -> None:
        """Bodies that are no requests."""
        draw = random.Random(number)
        bodies = [b"", b"{", b"[1]", b"null", b"\xff\xfe\x00", b"[" * 3000, b'{"samples": NaN}', b'{"samples": [{}]}']
        bodies += [
            b"x" * 70_000,
            b'{"samples": [{"completion": 1}]}',
            b'{"samples": "no"}',
            b'{"a":' * 80 + b"1" + b"}" * 80,
        ]
        while self.going():
            self.seen["malformed"] += 1
            body, path = (
                draw.choice(bodies),
                draw.choice(["/length/v1/score", "/get_reward", "/..%2f/v1/score", "/verify"]),
            )
            try:
                status, said, kept = await self.ask(path, body)
            except Fault as fault:
                if len(body) < 65_536:  # the answer to a body that is too long may get lost while it is still sent
                    self.no_answer(f"malformed: {fault}")
                continue
            if not (400 <= status < 500 or status in (500, 503)) or (status == 500 and "internal" in str(said)):
                self.fault(f"malformed {body[:40]!r}: {status} {said}")
            if kept:
                kept[1].close()
            await asyncio.sleep(draw.uniform(0, 0.05))

    async def leaving(self, number: int) -> None:
        """Clients that do not wait for the answer; half of them leave siblings behind."""
        draw, sent = random.Random(number), 0
        while self.going():
            sent += 1
            self.seen["left"] += 1
            sample = {"completion": "x" * 50, "prompt": f"left {number} {sent}", "siblings": 2}
            body = json.dumps({"samples": [sample]}).encode()
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(_head(draw.choice(["/gap/v1/score", "/length/v1/score"]), len(body)) + body)
                await asyncio.sleep(draw.uniform(0, 0.03))
                writer.close()
            await asyncio.sleep(draw.uniform(0, 0.05))

    async def slow(self, number: int) -> None:
        """Bodies in drops: those that are whole in time get their answer, the others 408 or a closed connection."""
        draw = random.Random(number)
        while self.going():
            self.seen["slow"] += 1
            body, whole = json.dumps({"samples": [{"completion": "x" * 100}]}).encode(), draw.random() < 0.5
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(_head("/length/v1/score", len(body)))
                for start in range(0, len(body) if whole else len(body) // 2, 20):
                    writer.write(body[start : start + 20])
                    await asyncio.sleep(0.05)
                async with asyncio.timeout(PATIENCE):
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    said = await body_of(reader, head)
                status = int(head.split(b" ", 2)[1])
                if whole and status == 200 and json.loads(said)["values"] != [100.0]:
                    self.fault(f"wrong: a slow client got {said!r}")
                if status not in (200 if whole else 408, 408, 429, 500, 503, 504):
                    self.fault(f"a slow client got {status} {said!r}")
                writer.close()

    async def all(self, clients: int) -> None:
        """All clients until the time is over."""
        groups, odd = max(1, clients // 8), max(1, clients // 16)
        await asyncio.gather(
            *(self.steady(k) for k in range(clients)),
            *(self.grouped(k) for k in range(groups)),
            *(one(k) for one in (self.malformed, self.leaving, self.slow) for k in range(odd)),
        )


def _head(path: str, length: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()


# -- processes --------------------------------------------------------------------------------------------------------


def below(process: int) -> list[int]:
    """The descendants of a process, each after its parent."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents.setdefault(int(entry.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(entry.parent.name))
    found = [process]
    for each in found:
        found += parents.get(each, [])
    return found[1:]


def victims(engine: str, process: int) -> list[int]:
    """The workers of the verifier pool, which are the children of its warden; or the replicas."""
    named = [pid for pid in below(process) if VICTIMS[engine] in _command(pid)]
    return named if engine == "ray" else [pid for pid in named if any(pid in below(other) for other in named)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def resident_mib(engine: str, process: int) -> float:
    """What the server's own process holds, or on Ray proxy, replicas and rendezvous actors together."""
    kinds = ("ray::ProxyActor", "ray::ServeReplica", "ray::_Meeting")
    whole = [p for p in below(process) if _command(p).startswith(kinds)] if engine == "ray" else [process]
    pages = 0
    for pid in whole:
        with suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def started(engine: str) -> Iterator[tuple[int, int]]:
    """A server: its port and its process."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.load", "--serve", engine, "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + READY
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready"):
                    break
            except OSError:
                if time.monotonic() > until or server.poll() is not None:
                    raise RuntimeError(f"the server ({engine}) does not answer") from None
                time.sleep(0.2)
        yield port, server.pid
    finally:
        server.terminate()
        try:
            server.wait(45)
        except subprocess.TimeoutExpired:
            server.kill()


async def watched(engine: str, process: int, load: Load, kill_every: float) -> dict[str, Any]:
    """Kill workers and note the memory until the load is over."""
    kills, memory, began, next_kill = 0, [], time.monotonic(), time.monotonic() + kill_every
    while load.going():
        await asyncio.sleep(0.5)
        memory.append((time.monotonic() - began, await asyncio.to_thread(resident_mib, engine, process)))
        if time.monotonic() >= next_kill:
            there = await asyncio.to_thread(victims, engine, process)
            if len(there) > (engine == "ray"):  # one replica is left alive
                with suppress(ProcessLookupError):
                    os.kill(random.choice(there), signal.SIGKILL)
                    kills += 1
            next_kill = time.monotonic() + kill_every
    seconds, mib = np.array(memory[len(memory) // 2 :] or [(0.0, 0.0)]).T
    slope = float(np.polyfit(seconds, mib, 1)[0] * 60) if len(seconds) > 2 else float("nan")
    series = [[round(at), round(each, 1)] for at, each in memory[:: max(1, len(memory) // 40)]]
    return {"kills": kills, "mib": series, "mib_per_minute_in_the_second_half": slope}


def held_after(port: int, patience: float = 15.0) -> float:
    """How many samples the server still holds when all is over."""
    held, until = float("nan"), time.monotonic() + patience
    while time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            held = sum(map(float, re.findall(r"guerdon_held_samples\{[^}]*\} (\S+)", answer.read().decode())))
            if not held:
                break
        time.sleep(0.5)
    return held


def run(engine: str, seconds: float, clients: int, kill_every: float) -> dict[str, Any]:
    """Put one server under load, and tell what became of it."""

    async def both(port: int, process: int) -> tuple[Load, dict[str, Any]]:
        load = Load(port, time.monotonic() + seconds, cuts=engine == "ray")
        watching = asyncio.ensure_future(watched(engine, process, load, kill_every))
        await load.all(clients)
        return load, await watching

    with started(engine) as (port, process):
        load, watch = asyncio.run(both(port, process))
        held = held_after(port)
    p50, p99 = (float(np.quantile(load.took, q)) * 1000 for q in (0.5, 0.99))
    return {
        "engine": engine,
        "seconds": seconds,
        "per_second": len(load.took) / seconds,
        "p50_ms": p50,
        "p99_ms": p99,
        "seen": dict(sorted(load.seen.items())),
        "faults": load.faults,
        "held_after": held,
        **watch,
    }


def command(arguments: Sequence[str] | None = None) -> int:
    """Run, print, keep the figures; 1 if anything was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", nargs="+", choices=VICTIMS, default=list(VICTIMS))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=48)
    parser.add_argument("--kill-every", type=float, default=5.0)
    parser.add_argument("--serve", choices=VICTIMS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.serve:
        serve(asked.serve, asked.port)
        return 0
    rows = [run(engine, asked.minutes * 60, asked.clients, asked.kill_every) for engine in asked.engine]
    for row in rows:
        print(json.dumps({**row, "mib": str(row["mib"])}, indent=1))
    machine = {"python": platform.python_version(), "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps({"arguments": vars(asked), "machine": machine, "rows": rows}, indent=1), encoding="utf-8"
    )
    return int(any(row["seen"].get("faults") or row["held_after"] for row in rows))


if __name__ == "__main__":
    sys.exit(command())
