"""The client against a real server: ``transformers serve`` with a tiny model on loopback, its errors and its end."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from guerdon import Batch
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.chats import OpenAIChat, TransformersChat, as_chat
from guerdon.models.judge import ScriptedProtocol
from guerdon.rewards import Judged
from guerdon.scores import Outcome
from tests.models.tiny_lm import save_tiny

for package in ("openai", "torch", "fastapi", "uvicorn"):
    pytest.importorskip(package)


@dataclass
class Served:
    """A server's process, its address and the folder of its model."""

    process: subprocess.Popen[bytes]
    url: str
    model: str

    def chat(self, **options: Any) -> OpenAIChat:
        return OpenAIChat(self.model, self.url, **{"pause": 0.05, "timeout": 30.0, **options})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    model = save_tiny(folder / "tiny")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("transformers")
    if not program.exists():
        pytest.skip("the command transformers is not installed")
    command = [str(program), "serve", model, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _healthy(f"http://127.0.0.1:{port}/health"):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.skip("transformers serve does not start here")
            time.sleep(0.1)
        yield Served(process, f"http://127.0.0.1:{port}/v1", model)
    finally:
        process.kill()
        process.wait()


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def asked(text: str, **options: Any) -> ChatRequest:
    return ChatRequest(({"role": "user", "content": text},), **{"max_tokens": 8, **options})


def replies(described: OpenAIChat | TransformersChat, *requests: ChatRequest) -> list[ChatReply]:
    return asyncio.run(described.complete(requests))


def test_a_server_says_what_the_same_model_says_here(served: Served) -> None:
    texts = ["What is two plus three?", "Paris is the capital of France;", "Yes", "Explain your reasoning step by step"]
    there = replies(served.chat(concurrency=2), *map(asked, texts))
    here = replies(TransformersChat(served.model), *map(asked, texts))
    assert [reply.text for reply in there] == [reply.text for reply in here]
    assert [reply.outcome for reply in there] == [reply.outcome for reply in here] == [Outcome.TRUNCATED] * 4
    assert [reply.usage["tokens_in"] for reply in there] == [reply.usage["tokens_in"] for reply in here]


def test_forms_that_the_server_does_not_know(served: Served) -> None:
    found = replies(served.chat(), asked("yes?", choices=("yes", "no")), asked("no?", schema={"type": "object"}))
    assert all(reply.outcome in (Outcome.SCORED, Outcome.TRUNCATED) for reply in found)


def test_sampling_and_log_probabilities_are_taken(served: Served) -> None:
    found = replies(served.chat(), *(asked("say", temperature=2.0, sample=k, top_logprobs=2) for k in range(4)))
    assert all(reply.text for reply in found)


def test_another_model_and_another_path_are_refused(served: Served) -> None:
    (reply,) = replies(OpenAIChat("nothing", served.url), asked("hello"))
    assert reply.outcome is Outcome.INSTRUMENT_ERROR and "400: Server is pinned to" in reply.message
    (reply,) = replies(OpenAIChat(served.model, f"{served.url}/elsewhere"), asked("hello"))
    assert reply.outcome is Outcome.INSTRUMENT_ERROR and "404" in reply.message


def test_a_judge_that_talks_nonsense_gives_no_value(served: Served) -> None:
    chat = as_chat(f"{served.url}#{served.model}", extra={"max_tokens": 6})
    scores = Judged(chat, ScriptedProtocol()).score(Batch(["4", "5", "6"], ["2+2?"] * 3))
    assert scores.unscored.all()
    assert set(scores.outcomes()["judged"]) <= {"unparseable", "truncated"}


def test_a_call_too_slow_is_cut(served: Served) -> None:
    slow, quick = asked("count " * 20, max_tokens=150), asked("hi", max_tokens=1)
    found = replies(served.chat(timeout=0.01, retries=0), slow)
    assert found[0].outcome is Outcome.TIMED_OUT
    assert replies(served.chat(), quick)[0].arrived


def test_the_server_is_killed_under_way(served: Served) -> None:
    chat = served.chat(retries=1)

    async def killed() -> list[ChatReply]:
        waiting = asyncio.ensure_future(chat.complete([asked(f"count to {i}", max_tokens=100) for i in range(6)]))
        await asyncio.sleep(0.05)
        served.process.kill()
        return await waiting

    found = asyncio.run(killed())
    assert len(found) == 6
    lost = [reply for reply in found if reply.outcome is not Outcome.TRUNCATED]
    assert lost and all(reply.outcome is Outcome.TRANSPORT_ERROR for reply in lost)
    assert "no connection" in lost[-1].message
