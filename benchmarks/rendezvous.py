"""G1: siblings that come one by one, late, twice or never: who gets the right reward, and how long after the last sibling.

64 prompts with 16 rollouts, sample by sample in random order. Some are stragglers (a few past the deadline), some are lost, some
are submitted twice. The reward is the length less the mean length of the siblings, so that an answer tells with whom a sample was
compared. Places: ``local`` (an intake in this process), ``server`` (``guerdon serve`` in another process, asked over HTTP),
``ray`` (the named actor, if Ray is installed), and ``buffers``: module-level lists per prompt that resolve when n have come,
without names and without a deadline (the pattern of NeMo Gym 0.5's genrm_compare, written anew), whose callers give up at last.

The added latency of a sample counts from the moment its group could be scored at the earliest: the last sibling's coming, or the
deadline. Rewards count as wrong if a sample is not compared with exactly those of its group that were scored, or if it came in
time and has no reward; each sample must have been scored once.

    python -m benchmarks.rendezvous [--prompts 64] [--rollouts 16] [--seconds 3] [--repeats 5]
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
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reward_server import body_of
from guerdon.batch import Batch
from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.reward import Reward
from guerdon.sample import Sample

RESULTS = Path(__file__).parent / "results" / "rendezvous.json"
DEADLINE, MARGIN = 1.5, 0.25
STRAGGLERS, LOST, TWICE = 0.05, 0.01, 0.05
PLACES = ("local", "server", "ray", "buffers")


@dataclass(frozen=True, repr=False)
class Gap(Reward):
    """The length less the mean length of the siblings."""

    ties = "group"

    def _score(self, batch: Batch) -> np.ndarray:
        values = np.array([float(len(str(text))) for text in batch.completions])
        for rows in batch.by_group():
            values[rows] -= values[rows].mean()
        return values


# -- places -----------------------------------------------------------------------------------------------------------

Ask = Callable[[Sample], Awaitable[float]]


@dataclass
class Place:
    """Where samples meet: how to ask, what it counted, and which process it is."""

    ask: Ask
    counted: Callable[[], Awaitable[dict[str, float]]]
    process: int


class Buffers:
    """What group judges do in servers of today: a list per prompt, resolved when n have come."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.waiting: defaultdict[Any, list[tuple[Sample, asyncio.Future[float]]]] = defaultdict(list)
        self.scored = 0

    async def ask(self, sample: Sample) -> float:
        done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        members = self.waiting[sample.group]
        members.append((sample, done))
        if len(members) == self.size:
            del self.waiting[sample.group]
            values = Gap().score(Batch([each.completion for each, _ in members], [""] * self.size)).values
            self.scored += self.size
            for (_, future), value in zip(members, values.tolist(), strict=True):
                if not future.done():
                    future.set_result(value)
        return await asyncio.wait_for(done, 2 * DEADLINE)

    async def counted(self) -> dict[str, float]:
        return {"samples": float(self.scored), "held": float(sum(map(len, self.waiting.values())))}


class Posting:
    """Asks a server over raw sockets, kept alive, as many as there are requests at a time: the server is measured, no client."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, sample: Sample) -> float:
        said = {"completion": sample.completion, "prompt": sample.prompt, "group": sample.group, "id": sample.id}
        body = json.dumps({"samples": [{**said, "siblings": sample.siblings}], "detail": "values"}).encode()
        head = f"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        connection = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        connection[1].write(head.encode() + body)
        answered = (await connection[0].readuntil(b"\r\n\r\n")).lower()
        (value,) = json.loads(await body_of(connection[0], answered))["values"]
        self.idle.append(connection)
        return float("nan") if value is None else float(value)


@contextmanager
def opened(name: str, rollouts: int) -> Iterator[Place]:
    """A place, made anew."""
    if name == "buffers":
        buffers = Buffers(rollouts)
        yield Place(buffers.ask, buffers.counted, os.getpid())
    elif name == "local":
        scorer = SampleScorer(Gap(), group_size=rollouts, group_deadline=DEADLINE)
        yield Place(asking(scorer), _local_counts(scorer), os.getpid())
    elif name == "server":
        yield from _on_server(rollouts)
    else:
        yield from _on_ray(rollouts)


def asking(scorer: SampleScorer) -> Ask:
    """The scorer as a function to a number, NaN where not scored."""

    async def ask(sample: Sample) -> float:
        return (await scorer.score(sample)).value

    return ask


def _local_counts(scorer: SampleScorer) -> Callable[[], Awaitable[dict[str, float]]]:
    async def counted() -> dict[str, float]:
        return {name: float(number) for name, number in scorer._place.counts.items()}

    return counted


def _on_server(rollouts: int) -> Iterator[Place]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "benchmarks.rendezvous", "--serve", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(url + "/ready").read()
                break
            except OSError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.1)

        async def counted() -> dict[str, float]:
            said = urllib.request.urlopen(url + "/metrics").read().decode()
            return {
                event: float(n) for event, n in re.findall(r'guerdon_intake_total\{event="(\w+)",[^}]*\} (\S+)', said)
            }

        yield Place(Posting(port).ask, counted, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _on_ray(rollouts: int) -> Iterator[Place]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    from guerdon.integrations.ray_rendezvous import ActorIntake

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=40)
    try:
        scorer = SampleScorer(Gap(), at="ray", group_size=rollouts, group_deadline=DEADLINE)
        actor = ActorIntake(Gap(), scorer.options)

        async def counted() -> dict[str, float]:
            return {name: float(number) for name, number in (await actor.counts()).items()}

        asyncio.run(counted())
        handle = actor._handle()
        pid = ray.get(handle.__ray_call__.remote(lambda self: os.getpid()))
        yield Place(asking(scorer), counted, int(pid))
    finally:
        ray.shutdown()


def peak_mib(process: int) -> float:
    """The most memory a process has had, in MiB; NaN where the system does not tell."""
    try:
        said = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return float("nan")
    found = re.search(r"VmHWM:\s+(\d+) kB", said)
    return int(found[1]) / 1024 if found else float("nan")


# -- the race ---------------------------------------------------------------------------------------------------------


@dataclass
class Coming:
    """One rollout: when it comes, how often, and what came of it."""

    sample: Sample
    at: float
    twice: float | None = None
    came: float = 0.0
    answered: list[tuple[float, float]] = field(default_factory=list)


def schedule(prompts: int, rollouts: int, seconds: float, seed: int) -> list[list[Coming]]:
    """Per prompt the rollouts that are not lost."""
    rng = np.random.default_rng(seed)
    groups = []
    for prompt in range(prompts):
        begins = rng.uniform(0.0, seconds)
        lengths = rng.choice(400, rollouts, replace=False) + 1
        members = []
        for k in range(rollouts):
            at = begins + rng.uniform(0.0, 0.6) + (rng.uniform(0.2, 1.4) if rng.random() < STRAGGLERS else 0.0)
            twice = at + rng.uniform(0.0, 0.3) if rng.random() < TWICE else None
            sample = Sample(
                "x" * int(lengths[k]), f"prompt {prompt}", group=f"{seed}-{prompt}", siblings=rollouts, id=str(k)
            )
            if rng.random() >= LOST:
                members.append(Coming(sample, at, twice))
        groups.append(members)
    return groups


async def run_through(place: Place, groups: list[list[Coming]]) -> None:
    """Submit everything at its time, and note when each answer came."""
    began = time.perf_counter()

    async def submit(coming: Coming, at: float, first: bool) -> None:
        await asyncio.sleep(max(0.0, at - (time.perf_counter() - began)))
        if first:
            coming.came = time.perf_counter()
        try:
            value = await place.ask(coming.sample)
        except TimeoutError:
            value = float("nan")
        coming.answered.append((time.perf_counter(), value))

    await asyncio.gather(
        *(submit(c, c.at, True) for group in groups for c in group),
        *(submit(c, c.twice, False) for group in groups for c in group if c.twice is not None),
    )


def judged(groups: list[list[Coming]], rollouts: int, counted: dict[str, float]) -> dict[str, Any]:
    """What went right, and how much later than it could have."""
    added: list[float] = []
    wrong = whole = incomplete = late = 0
    for group in groups:
        first, last = min(c.came for c in group), max(c.came for c in group)
        closes = first + DEADLINE
        is_whole = len(group) == rollouts and last < closes
        whole, incomplete = whole + is_whole, incomplete + (not is_whole)
        scored = [c for c in group if not np.isnan(c.answered[0][1])]
        mean = np.mean([len(c.sample.completion) for c in scored]) if scored else 0.0
        for c in group:
            values = {value for _, value in c.answered}
            told = not np.isnan(c.answered[0][1])
            due = last if is_whole else closes
            if abs(c.came - closes) > MARGIN:  # otherwise either is right
                late += c.came > closes
                wrong += told != (c.came < closes)
            if told:
                right = np.isclose(c.answered[0][1], len(c.sample.completion) - mean)
                wrong += not right or len(values) > 1
                added.append(max(0.0, min(at for at, _ in c.answered) - max(due, c.came)) * 1000)
    samples = sum(map(len, groups))
    sent = samples + sum(c.twice is not None for group in groups for c in group)
    p50, p99 = (float(np.quantile(added, q)) if added else float("nan") for q in (0.5, 0.99))
    return {
        "samples": samples,
        "submissions": sent,
        "whole_groups": whole,
        "incomplete_groups": incomplete,
        "late": late,
        "wrong": wrong,
        "scored_once": counted.get("samples") == samples,
        "added_p50_ms": p50,
        "added_p99_ms": p99,
        "counts": counted,
    }


async def measured(place: Place, prompts: int, rollouts: int, seconds: float, seed: int) -> dict[str, Any]:
    """One run, after a small one that warms up."""
    await run_through(place, schedule(2, rollouts, 0.1, 10_000 + seed))
    before = await place.counted()
    groups = schedule(prompts, rollouts, seconds, seed)
    await run_through(place, groups)
    after = await place.counted()
    counted = {name: number - before.get(name, 0.0) for name, number in after.items()}
    return judged(groups, rollouts, counted)


def main(arguments: Sequence[str] | None = None) -> None:
    """Race, print, and keep the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--rollouts", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--places", nargs="+", choices=PLACES, default=[p for p in PLACES if p != "ray" or find_spec("ray")]
    )
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.serve:
        from guerdon.intake import IntakeOptions
        from guerdon.server import ServerSettings, create_app
        from guerdon.server.serving import serve

        serve(create_app(Gap(), ServerSettings(intake=IntakeOptions(group_deadline=DEADLINE))), port=asked.serve)
        return
    kept: list[dict[str, Any]] = []
    for repeat in range(1, asked.repeats + 1):
        for name in asked.places:
            print(f"repeat {repeat}/{asked.repeats}: {name}", file=sys.stderr, flush=True)
            with opened(name, asked.rollouts) as place:
                row = asyncio.run(measured(place, asked.prompts, asked.rollouts, asked.seconds, repeat))
                kept.append({"repeat": repeat, "place": name, **row, "peak_mib": peak_mib(place.process)})
    print(
        f"{asked.prompts} prompts x {asked.rollouts} rollouts within {asked.seconds} s; medians of {asked.repeats}, wrong summed"
    )
    print(
        f"{'place':<10}{'wrong':>7}{'once':>6}{'whole':>7}{'incomplete':>12}{'added p50 ms':>14}{'p99 ms':>9}{'peak MiB':>10}"
    )
    for name in asked.places:
        rows = [row for row in kept if row["place"] == name]
        whole, cut, p50, p99, peak = (
            statistics.median(row[key] for row in rows)
            for key in ("whole_groups", "incomplete_groups", "added_p50_ms", "added_p99_ms", "peak_mib")
        )
        once = "yes" if all(row["scored_once"] for row in rows) else "no"
        wrong = sum(row["wrong"] for row in rows)
        print(f"{name:<10}{wrong:>7}{once:>6}{whole:>7.0f}{cut:>12.0f}{p50:>14.2f}{p99:>9.1f}{peak:>10.0f}")
    machine = {"python": platform.python_version(), "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    RESULTS.parent.mkdir(exist_ok=True)
    said = {"arguments": vars(asked), "deadline": DEADLINE, "machine": machine, "rows": kept}
    RESULTS.write_text(json.dumps(said, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
