"""J1: judging under a quota: guerdon's OpenAIChat beside AsyncOpenAI with a semaphore, OpenJudge and verifiers.

A loopback server (:mod:`tests.models.chat_server`, a process of its own) answers each call after a latency, lets a quota of
requests per minute through and answers 429 with Retry-After beyond, hangs on some calls until the client goes away, breaks off some
answers, and gives some replies without a verdict. What it does is drawn from a hash of the sample and of how often that was asked,
so every method meets the same fate.

* ``guerdon``: ``Judged(OpenAIChat(..., requests_per_minute=quota), ...)``. ``guerdon, quota unknown``: without the quota.
* ``plain``: AsyncOpenAI with its two retries behind a semaphore, 0.0 on any failure, as users' reward functions have it.
* ``openjudge``: GradingRunner over an LLMGrader. ``verifiers``: Judge, as many at once as the window; its failures raise.

The last two run in interpreters of their own, given by ``--openjudge PYTHON`` and ``--verifiers PYTHON``, else they are left out.

* ``of ideal``: samples judged right per second, beside a client that knows everything: it sends whenever the window and the
  server's bucket allow, asks hung and broken calls again first, and wastes no time of its own.
* ``right``: samples with the judge's number, or without one where the judge said none. ``lost``: the judge would have said a
  number, and there is none. ``zeros``: there is a 0 that the judge did not say.

    python -m benchmarks.judge_throughput [--calls 600] [--rpm 3000] [--window 64] [--deadline 1.0] [--repeats 1]
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.judge_peers import question
from guerdon import Batch
from guerdon.models.chats import OpenAIChat
from guerdon.models.judge import ScriptedProtocol
from guerdon.models.loaded import unload
from guerdon.rewards import Judged
from tests.models.chat_server import Manners, content_key, share, spawned, stats

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "judge_throughput.json"


def key_of(number: int) -> str:
    """The server's name for a sample."""
    return content_key({"messages": [question(number)]})


def is_decidable(number: int, manners: Manners) -> bool:
    """Whether the server's reply to a sample holds a verdict."""
    return share(key_of(number), 1, "text") >= manners.malformed


def ideal_seconds(calls: int, manners: Manners, window: int, deadline: float) -> float:
    """What a client that knows everything would take, by simulation."""
    rate = (manners.rpm or 60e6) / 60
    most = max(1.0, rate * manners.burst)
    now, level, sent = 0.0, most, 0
    again: list[tuple[float, int, int]] = []
    busy: list[tuple[float, int, int, bool]] = []
    while sent < calls or again or busy:
        while busy and busy[0][0] <= now:
            end, number, time_, good = heapq.heappop(busy)
            if not good:
                heapq.heappush(again, (end, number, time_ + 1))
        if (sent < calls or again) and len(busy) < window and level >= 1:
            number, time_ = heapq.heappop(again)[1:] if again else (sent, 1)
            sent += time_ == 1
            level -= 1
            key = key_of(number)
            fate = share(key, time_, "fate")
            latency = manners.latency * (1 + manners.spread * (2 * share(key, time_, "latency") - 1))
            good = fate >= manners.hang + manners.errors + manners.broken
            heapq.heappush(busy, (now + (deadline if fate < manners.hang else latency), number, time_, good))
            continue
        waits = [busy[0][0] - now] if busy else []
        if (sent < calls or again) and len(busy) < window:
            waits.append((1 - level) / rate)
        step = max(1e-9, min(waits, default=0.0))
        now, level = now + step, min(most, level + step * rate)
    return now


def guerdon(url: str, calls: int, window: int, deadline: float, rpm: float | None) -> dict[str, Any]:
    """Judged over the server: seconds, values and outcomes."""
    unload()
    chat = OpenAIChat("judge", url, concurrency=window, timeout=deadline, requests_per_minute=rpm)
    reward = Judged(chat, ScriptedProtocol())
    batch = Batch(["It is right."] * calls, [question(number) for number in range(calls)])
    started = time.perf_counter()
    scores = reward.score(batch)
    seconds = time.perf_counter() - started
    values = [None if value != value else value for value in scores.values.tolist()]
    return {"seconds": seconds, "results": values, "outcomes": scores.outcomes()["judged"]}


def peer(python: str, name: str, url: str, calls: int, window: int, deadline: float, patience: float) -> dict[str, Any]:
    """What a peer's process prints, or that it was stopped."""
    script = str(Path(__file__).with_name("judge_peers.py"))
    command = [python, script, name, url, str(calls), str(window), str(deadline)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        return {"seconds": None, "results": [], "said": f"stopped after {patience:.0f} s"}
    try:
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"seconds": None, "results": [], "said": done.stderr[-400:]}
    return found


def figures(
    found: dict[str, Any], calls: int, manners: Manners, ideal: float, counts: dict[str, int]
) -> dict[str, Any]:
    """The figures of one run."""
    results = found["results"] + ["no result"] * (calls - len(found["results"]))
    numbers = [isinstance(result, (int, float)) for result in results]
    decidable = [is_decidable(number, manners) for number in range(calls)]
    # A zero is a verdict only where the server said a score, and that score was 0.
    said_zero = [good and round(share(key_of(i), 1, "score") * 10) == 0 for i, good in enumerate(decidable)]
    zeros = sum(result == 0 and not zero for result, zero in zip(results, said_zero, strict=True))
    right = sum(
        (good and number and not (result == 0 and not zero)) or (not good and not number and result != "no result")
        for good, number, result, zero in zip(decidable, numbers, results, said_zero, strict=True)
    )
    lost = sum(
        good and (not number or (result == 0 and not zero))
        for good, number, result, zero in zip(decidable, numbers, results, said_zero, strict=True)
    )
    seconds = found["seconds"]
    return {
        "seconds": seconds,
        "of_ideal": None if seconds is None else right / seconds / (calls / ideal),
        "right": right,
        "lost": lost,
        "zeros": zeros,
        "requests": counts.get("requests", 0),
        "refused": counts.get("status 429", 0),
        "said": found.get("said") or found.get("outcomes"),
    }


def measured(name: str, options: argparse.Namespace, manners: Manners, ideal: float) -> dict[str, Any]:
    """One method against a server of its own."""
    limits = (options.calls, options.window, options.deadline)
    with spawned(**vars(manners)) as url:
        if name.startswith("guerdon"):
            found = guerdon(url, *limits, None if "unknown" in name else options.rpm)
        else:
            python = sys.executable if name == "plain" else getattr(options, name)
            found = peer(python, name, url, *limits, patience=options.patience)
        counts = stats(url)
    return figures(found, options.calls, manners, ideal, counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=600)
    parser.add_argument("--rpm", type=float, default=3000.0)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--deadline", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--patience", type=float, default=25.0, help="seconds after which a peer is stopped")
    parser.add_argument("--openjudge", metavar="PYTHON", help="an interpreter with py-openjudge")
    parser.add_argument("--verifiers", metavar="PYTHON", help="an interpreter with verifiers")
    options = parser.parse_args()
    import_module("openai")  # what is loaded late is not timed
    manners = Manners(latency=0.2, spread=0.5, rpm=options.rpm, burst=1.0, malformed=0.05, hang=0.01, broken=0.01)
    ideal = ideal_seconds(options.calls, manners, options.window, options.deadline)
    methods = ["guerdon", "guerdon, quota unknown", "plain"]
    methods += [name for name in ("openjudge", "verifiers") if getattr(options, name)]
    print(
        f"{options.calls} calls, window {options.window}, deadline {options.deadline:g} s per call, "
        f"quota {options.rpm:g} per minute, latency 0.1-0.3 s, 5% without verdict, 1% hanging, 1% broken; ideal {ideal:.1f} s"
    )
    print(f"{'':24}{'seconds':>9}{'of ideal':>10}{'right':>8}{'lost':>7}{'zeros':>7}{'requests':>10}{'429':>6}")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in methods}
    for _ in range(options.repeats):
        for name in methods:
            found[name].append(measured(name, options, manners, ideal))
    for name, runs in found.items():
        _show(name, runs)
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }
    work = {"manners": vars(manners), "calls": options.calls, "window": options.window, "deadline": options.deadline}
    report = {"work": work, "ideal_seconds": ideal, "machine": machine, "openai": version("openai"), "methods": found}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


def _show(name: str, runs: list[dict[str, Any]]) -> None:
    seconds = [run["seconds"] for run in runs if run["seconds"] is not None]
    middle = {
        key: statistics.median(run[key] for run in runs) for key in ("right", "lost", "zeros", "requests", "refused")
    }
    counts = f"{middle['right']:8.0f}{middle['lost']:7.0f}{middle['zeros']:7.0f}{middle['requests']:10.0f}{middle['refused']:6.0f}"
    if seconds:
        share_of_ideal = statistics.median(run["of_ideal"] for run in runs if run["of_ideal"] is not None)
        print(f"{name:24}{statistics.median(seconds):9.2f}{share_of_ideal:10.1%}{counts}")
    else:
        print(f"{name:24}{'stopped':>9}{'':10}{counts}  {runs[0]['said']}")


if __name__ == "__main__":
    main()
