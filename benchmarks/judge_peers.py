"""How the peers of :mod:`benchmarks.judge_throughput` judge; run as a script by an interpreter that has the peer installed.

    PYTHON benchmarks/judge_peers.py openjudge URL CALLS WINDOW DEADLINE

Each is used as its documentation shows, with the same prompts, window and deadline per call; what it leaves open is its default.
The last line printed is JSON: the seconds it took, and per sample a number or the text of an error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sys
import time
from importlib import import_module
from typing import Any

Results = list[Any]


def question(number: int) -> str:
    """What is judged."""
    return f"sample-{number:05d}: the answer says {number * number}. " + "Judge its content, not its form. " * 8


async def plain(url: str, calls: int, window: int, deadline: float) -> Results:
    """AsyncOpenAI and a semaphore, as reward functions of users have it: two retries of the client, 0.0 where anything fails."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="none", base_url=url, timeout=deadline)
    semaphore = asyncio.Semaphore(window)

    async def judge(number: int) -> float:
        async with semaphore:
            try:
                answer = await client.chat.completions.create(
                    model="judge", messages=[{"role": "user", "content": question(number)}], temperature=0.0
                )
                found = re.search(r"score: ([\d.]+)", answer.choices[0].message.content or "")
                return float(found[1]) if found else 0.0
            except Exception:
                return 0.0

    return list(await asyncio.gather(*map(judge, range(calls))))


async def openjudge(url: str, calls: int, window: int, deadline: float) -> Results:
    """OpenJudge's GradingRunner over an LLMGrader."""
    import_module("loguru").logger.remove()
    grader_of = import_module("openjudge.graders.llm_grader").LLMGrader
    runner_of = import_module("openjudge.runner.grading_runner").GradingRunner
    model_of = import_module("openjudge.models.openai_chat_model").OpenAIChatModel
    model = model_of(model="judge", api_key="none", base_url=url, timeout=deadline, temperature=0.0)
    grader = grader_of(
        model=model, name="judge", template="{query}\nReply as JSON with reason and score.", language="en"
    )
    runner = runner_of({"judge": grader}, max_concurrency=window, show_progress=False)
    found = await runner.arun([{"query": question(number)} for number in range(calls)])
    return [
        float(one.score) if hasattr(one, "score") else str(getattr(one, "error", "") or "error")
        for one in found["judge"]
    ]


async def verifiers(url: str, calls: int, window: int, deadline: float) -> Results:
    """verifiers' Judge, whose failures raise; as many at a time as the window, as its evaluation runs rollouts."""
    package = import_module("verifiers.v1")
    limits = import_module("verifiers.v1.configs.client").ClientTimeoutConfig(read=deadline, connect=deadline)
    os.environ.setdefault("JUDGE_KEY", "none")

    def parse(self: Any, response: Any) -> float:
        found = re.search(r"score: ([\d.]+)", response.text)
        if found is None:
            raise ValueError(f"no score in {response.text!r}")
        return float(found[1])

    judge_of: Any = type("ScoreJudge", (package.Judge,), {"prompt": "{question}", "parse": parse})
    config = package.JudgeConfig(model="judge", base_url=url, api_key_var="JUDGE_KEY", timeout=limits)
    semaphore = asyncio.Semaphore(window)

    async def judge(number: int) -> Any:
        async with semaphore:
            try:
                return (await judge_of(config).evaluate(question=question(number))).parsed
            except Exception as error:
                return f"{type(error).__name__}: {error}"

    return list(await asyncio.gather(*map(judge, range(calls))))


PEERS = {"plain": plain, "openjudge": openjudge, "verifiers": verifiers}


def run_peer(name: str, url: str, calls: int, window: int, deadline: float) -> None:
    """Judge and print what came of it."""
    logging.disable(logging.WARNING)
    asyncio.run(PEERS[name](url.replace("/v1", "/warm/v1"), 0, 1, deadline))  # imports are not timed
    started = time.perf_counter()
    results = asyncio.run(PEERS[name](url, calls, window, deadline))
    print(json.dumps({"seconds": time.perf_counter() - started, "results": results}), flush=True)


if __name__ == "__main__":
    run_peer(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
