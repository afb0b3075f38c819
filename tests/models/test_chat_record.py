"""The record of a chat model: nothing is asked twice, not after kill -9 and not by two processes; replay asks nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from guerdon import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.chats import OpenAIChat
from guerdon.models.judge import ScriptedProtocol
from guerdon.models.loaded import unload
from guerdon.rewards import Judged
from guerdon.scores import Outcome
from tests.models.chat_server import ROOT, ChatServer, error, spawned, stats

pytest.importorskip("openai")

CALLS, WINDOW = 5_000, 32
CHILD = f"""
import asyncio, sys
from guerdon.models.chat import ChatRequest
from guerdon.models.chats import OpenAIChat
url, path, calls = sys.argv[1:]
requests = [ChatRequest(({{"role": "user", "content": f"question {{i}}"}},)) for i in range(int(calls))]
chat = OpenAIChat("judge", url, cache=path, concurrency={WINDOW}, timeout=30.0)
replies = asyncio.run(chat.complete(requests))
assert all(reply.arrived for reply in replies)
print("finished", sum("cached" in reply.usage for reply in replies), flush=True)
"""


def asked(number: int = 0, **options: object) -> ChatRequest:
    return ChatRequest(({"role": "user", "content": f"question {number}"},), **options)  # type: ignore[arg-type]


def replies(described: OpenAIChat, *requests: ChatRequest) -> list[ChatReply]:
    return asyncio.run(described.complete(requests))


def recorded(path: Path) -> int:
    with sqlite3.connect(path) as database:
        return int(database.execute("SELECT count(*) FROM reply").fetchone()[0])


def test_answered_once_recorded_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "judge.sqlite"
    with ChatServer() as server:
        described = OpenAIChat("judge", server.url, cache=str(path), price_in=1.0)
        requests = [asked(i, top_logprobs=2) for i in range(600)] + [asked(600, temperature=0.7, sample=1)]
        first = replies(described, *requests)
        unload()
        again = replies(described, *requests)
        assert server.stats["requests"] == 601
    assert [(reply.text, reply.logprobs) for reply in again] == [(reply.text, reply.logprobs) for reply in first]
    assert all(reply.usage["cached"] == 1 for reply in again)


def test_whatever_decides_a_reply_is_in_its_key(tmp_path: Path) -> None:
    path = tmp_path / "judge.sqlite"
    with ChatServer() as server, ChatServer() as other:
        one = OpenAIChat("judge", server.url, cache=str(path))
        for described in (
            one,
            replace(one, model="another"),
            replace(one, extra={"a": 1}),
            replace(one, url=other.url),
        ):
            replies(described, asked())
        for options in ({"max_tokens": 3}, {"seed": 1}, {"sample": 2}, {"top_logprobs": 1}, {"choices": ("a", "b")}):
            replies(one, asked(0, **options))
        assert server.stats["requests"] + other.stats["requests"] == 9
        replies(replace(one, timeout=9.0, concurrency=2, retries=0, requests_per_minute=50.0, price_in=3.0), asked())
        assert server.stats["requests"] + other.stats["requests"] == 9
        named = replace(one, identity="judge of May")
        replies(named, asked())
        replies(replace(named, url=other.url), asked())
        assert server.stats["requests"] + other.stats["requests"] == 10


def test_failures_and_free_samples_are_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "judge.sqlite"
    with ChatServer() as server:
        described = OpenAIChat("judge", server.url, cache=str(path), retries=0)
        server.answer = lambda body, number: error(500, "down")
        assert not replies(described, asked())[0].arrived
        server.answer = lambda body, number: None
        replies(described, asked(1, temperature=1.0))
        assert recorded(path) == 0
        assert replies(described, asked())[0].arrived
        assert recorded(path) == 1


def test_replay_asks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "judge.sqlite"
    with ChatServer() as server:
        described = OpenAIChat("judge", server.url, cache=str(path))
        reward = Judged(described, ScriptedProtocol())
        batch = Batch([f"answer {i}" for i in range(5)], ["question"] * 5)
        values = reward.score(batch).values
    replayed = Judged(replace(described, mode="replay"), ScriptedProtocol())
    scores = replayed.score(batch)
    assert scores.values.tolist() == values.tolist()
    assert scores.report.counters["judged"] == {
        "judge_calls": 5,
        "cached": 5,
        **_tokens(scores.report.counters["judged"]),
    }
    absent = replayed.score(Batch(["something else"], ["question"]))
    assert absent.unscored.all() and absent.outcomes()["judged"] == {"missing_data": 1}
    (sampled,) = replies(replace(described, mode="replay"), asked(0, temperature=1.0))
    assert sampled.outcome is Outcome.MISSING_DATA
    with pytest.raises(UserError, match="nothing to replay"):
        replies(replace(described, mode="replay", cache=str(tmp_path / "none.sqlite")), asked())


def _tokens(counters: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counters.items() if name.startswith("tokens")}


def test_a_file_that_is_no_record_is_reported_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "judge.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with ChatServer() as server:
        described = OpenAIChat("judge", server.url, cache=str(path))
        with pytest.warns(RuntimeWarning, match="not used any more"):
            assert replies(described, asked())[0].arrived
        assert replies(described, asked(1))[0].arrived
    assert path.read_bytes() == b"this is no database" * 100
    (reply,) = replies(replace(described, mode="replay"), asked())
    assert reply.outcome is Outcome.INSTRUMENT_ERROR and "cannot be read" in reply.message


def _child(url: str, path: Path, calls: int = CALLS) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CHILD, url, str(path), str(calls)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def test_kill_9_in_the_middle_of_5000_calls(tmp_path: Path) -> None:
    path = tmp_path / "judge.sqlite"
    with spawned(latency=0.01, spread=1.0) as url:
        known = 0
        for share in (0.3, 0.6):
            process = _child(url, path)
            while stats(url).get("status 200", 0) < share * CALLS:
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert known < recorded(path) < CALLS
            known = recorded(path)
        process = _child(url, path)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        counted = stats(url)
    assert said.split() == ["finished", str(known)]
    assert recorded(path) == CALLS == counted["contents"]
    # Only what was under way at a kill, its answer not yet read, is asked again.
    assert counted["requests"] - CALLS <= 2 * WINDOW


def test_two_processes_share_a_record(tmp_path: Path) -> None:
    path = tmp_path / "judge.sqlite"
    with spawned() as url:
        both = [_child(url, path, 800) for _ in range(2)]
        said = [process.communicate(timeout=120)[0] for process in both]
    assert all(text.startswith("finished") for text in said)
    assert recorded(path) == 800
