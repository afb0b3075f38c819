"""G2: one reward of many kinds of terms: guerdon's runtime beside TRL's semantics.

TRL runs plain functions one after the other, after or before a gather of the async ones.

The work: a batch of grouped completions scored by a form check, mathematical answers (verifier pool), SQL on a real database
(verifier pool), MiniLM similarity, and a judge that answers each call after a fixed delay. The bound is the larger of the slowest
waiting term and the processor time of all terms divided by the cores; guerdon's goal is at most 1.15 times that.

    python -m benchmarks.mixed_pipeline [--groups 16] [--size 8] [--delay 0.8] [--repeats 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from guerdon import Batch, Reward, Sum
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.models.judge import ScriptedProtocol
from guerdon.rewards import Cosine, Judged, MathAnswer, SQLExecution, Tags
from guerdon.verifier_pool import verifier_pool

RESULTS = Path(__file__).parent / "results" / "mixed_pipeline.json"


@dataclass(frozen=True)
class SlowJudge(ChatModel):
    """Answers every call after a delay; calls wait side by side."""

    delay: float

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        await asyncio.sleep(self.delay)
        return [ChatReply("score: 1") for _ in requests]


def database(folder: str) -> str:
    """A database of 20,000 rows, on which the queries below take some milliseconds."""
    path = str(Path(folder) / "shop.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE sale (id INTEGER PRIMARY KEY, town TEXT, price REAL)")
        rows = ((f"town {i % 97}", (i * 37 % 1000) / 10) for i in range(20_000))
        connection.executemany("INSERT INTO sale (town, price) VALUES (?, ?)", rows)
    return path


def work(groups: int, size: int, path: str, salt: int) -> Batch:
    """Completions that no cache has seen: every repeat has texts of its own."""
    completions, prompts, answers, queries, references = [], [], [], [], []
    for g in range(groups):
        n = salt * groups + g
        for k in range(size):
            explained = (
                f"Prices of town {n % 97} are added over all its {n + k} sales, and the sum is divided by their number."
            )
            query = f"SELECT town, SUM(price) / {n + 1 + k % 2} FROM sale WHERE id > {n} GROUP BY town"
            answered = f"<answer>\\boxed{{\\sqrt{{{n}}}+{k % 3}}}</answer>"
            completions.append(f"<think>{explained} Step {k} of {n}.</think>{answered}\n```sql\n{query}\n```")
            prompts.append(f"question {n}")
            answers.append(f"\\sqrt{{{n}}}+1")
            queries.append(f"SELECT town, SUM(price) / {n + 1} FROM sale WHERE id > {n} GROUP BY town")
            references.append(f"The mean of town {n % 97} is its sum of prices over its number of sales.")
    columns = {"answer": answers, "query": queries, "reference": references, "database": [path] * len(completions)}
    return Batch(completions, prompts, columns=columns)


def terms(delay: float) -> list[Reward]:
    """The terms, the light ones first."""
    return [
        Tags("think", "answer", strict=False),
        MathAnswer(reference="answer"),
        SQLExecution(gold="query", database="database"),
        Cosine(of="thinking"),
        Judged(SlowJudge(delay), ScriptedProtocol()),
    ]


def in_turn(parts: Sequence[Reward], batch: Batch) -> float:
    """TRL's way: every plain function one after the other, then the async ones together. Seconds."""
    started = time.perf_counter()
    for part in parts[:-1]:
        part.score(batch)
    asyncio.run(parts[-1].ascore(batch))
    return time.perf_counter() - started


def together(parts: Sequence[Reward], batch: Batch) -> tuple[float, dict[str, float]]:
    """guerdon's way: one composed reward. Seconds, and seconds by part."""
    reward = Sum(*parts)
    started = time.perf_counter()
    scores = reward.score(batch)
    assert not scores.unscored.all()
    return time.perf_counter() - started, dict(scores.report.seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Race, print, and keep the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("groups", 16), ("size", 8), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--delay", type=float, default=0.8)
    asked = parser.parse_args(arguments)
    parts, cores = terms(asked.delay), len(os.sched_getaffinity(0))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = database(folder)
        together(parts, work(asked.groups, asked.size, path, 0))
        for repeat in range(1, asked.repeats + 1):
            apart = {}
            for part in parts[:-1]:
                batch = work(asked.groups, asked.size, path, 10 * repeat + 1)
                started = time.perf_counter()
                part.score(batch)
                apart[part.name] = time.perf_counter() - started
            serial = in_turn(parts, work(asked.groups, asked.size, path, 10 * repeat + 2))
            composed, seconds = together(parts, work(asked.groups, asked.size, path, 10 * repeat + 3))
            rows.append({"in turn": serial, "together": composed, "alone": apart, "by part": seconds})
    figures = {name: statistics.median(row[name] for row in rows) for name in ("in turn", "together")}
    alone = {name: statistics.median(row["alone"][name] for row in rows) for name in rows[0]["alone"]}
    bound = max(asked.delay, sum(alone.values()) / cores)
    spread = np.quantile([row["together"] for row in rows], (0.25, 0.75)).tolist()
    print(
        f"{asked.groups} x {asked.size} completions, judge {asked.delay} s, {cores} cores, medians of {asked.repeats}"
    )
    for name, value in alone.items():
        print(f"  {name} alone: {value:.3f} s")
    print(f"in turn, then gather (TRL's semantics): {figures['in turn']:.3f} s")
    print(f"together (guerdon): {figures['together']:.3f} s [{spread[0]:.3f}, {spread[1]:.3f}]")
    ratio = figures["together"] / bound
    print(f"bound max(judge, sum of the others / cores): {bound:.3f} s; together / bound = {ratio:.2f} (goal 1.15)")
    print(f"in turn / together = {figures['in turn'] / figures['together']:.2f}")
    verifier_pool().close()
    RESULTS.parent.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "cores": cores, "load": os.getloadavg()[0]}
    kept = {
        "arguments": vars(asked),
        "machine": machine,
        "bound": bound,
        "medians": figures,
        "alone": alone,
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
