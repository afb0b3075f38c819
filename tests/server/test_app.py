"""The server under clients that err, leave, flood, stall or lie; and its own end."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.intake import IntakeOptions
from guerdon.rewards import ExactMatch
from guerdon.server import ServerSettings
from guerdon.server.client import RewardClient, ServerFault
from tests.server.served import Gap, Slow, served


def test_token_is_asked_for() -> None:
    with served(ExactMatch(), token="s3cret") as running:
        assert running.get("/health").status_code == running.get("/ready").status_code == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret"}):
            assert running.post("/v1/score", {"samples": []}, **headers).status_code == 401
            assert httpx.get(running.url + "/metrics", headers=headers).status_code == 401
        assert running.post("/v1/score", {"samples": []}, Authorization="Bearer s3cret").status_code == 200


def test_without_a_token_only_loopback() -> None:
    with pytest.raises(UserError, match="token"):
        ServerSettings().check_host("0.0.0.0")
    ServerSettings(token="x").check_host("0.0.0.0")
    assert "s3cret" not in repr(ServerSettings(token="s3cret"))


def test_limits() -> None:
    with served(Slow(0.0), max_body=2000, max_samples=3, max_depth=8) as running:
        big = running.post("/v1/score", {"samples": [{"completion": "x" * 3000}]})
        assert big.status_code == 413
        chunked = httpx.post(running.url + "/v1/score", content=(b" " * 500 for _ in range(10)))
        assert chunked.status_code == 413
        assert running.post("/v1/score", {"samples": [{"completion": "x"}] * 4}).status_code == 413
        deep = httpx.post(running.url + "/v1/score", content=b'{"samples":' + b"[" * 50 + b"]" * 50 + b"}")
        assert deep.status_code == 422 and "deep" in deep.text
        for body in (b"", b"{", b"[1]", b'{"samples": NaN}', b"\xff\xfe", b"[" * 1900, b"null"):
            answer = httpx.post(running.url + "/v1/score", content=body)
            assert answer.status_code in (400, 422), body
        assert (
            httpx.post(running.url + "/v1/score", content=b"x", headers={"content-encoding": "gzip"}).status_code == 415
        )
        assert httpx.put(running.url + "/v1/score", content=b"{}").status_code == 405
        assert running.get("/nowhere").status_code == 404
        assert running.post("/v1/score", {"samples": [{"completion": "abc"}]}).json()["values"] == [3.0]


def test_numbers_beyond_finite_are_no_json() -> None:
    with served(ExactMatch()) as running:
        huge = httpx.post(
            running.url + "/v1/score",
            content=b'{"samples": [{"completion": "a", "columns": {"reference": "a"}, "group": 1e999}]}',
        )
        assert huge.status_code in (200, 400, 422) and "Infinity" not in huge.text


def test_backpressure_and_deadline() -> None:
    with served(Slow(0.5), intake=IntakeOptions(capacity=2, max_batch=1)) as running:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(running.post, "/v1/score", {"samples": [{"completion": "x"}]}) for _ in range(6)]
            statuses = sorted(answer.result().status_code for answer in asked)
        assert statuses == [200, 200, 429, 429, 429, 429]
    with served(Gap(), deadline=0.3) as running:
        late = running.post("/v1/score", {"samples": [{"completion": "x", "prompt": "q", "siblings": 2}]})
        assert late.status_code == 504
        assert running.app.desks["gap"].intake.held == 0


def test_client_that_leaves_is_forgotten() -> None:
    with served(Gap()) as running:
        with pytest.raises(httpx.ReadTimeout):
            body = {"samples": [{"completion": "x", "prompt": "q", "siblings": 2}]}
            httpx.post(running.url + "/v1/score", json=body, timeout=0.3)
        until = time.monotonic() + 5
        while running.app.desks["gap"].intake.held and time.monotonic() < until:
            time.sleep(0.01)
        assert running.app.desks["gap"].intake.held == 0
        assert running.app.desks["gap"].intake.counts["withdrawn"] == 1


def test_slow_clients_are_cut_off_and_hold_up_nobody() -> None:
    with served(ExactMatch(), body_deadline=0.3, header_seconds=0.4) as running:
        stalled = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(20)]
        for i, connection in enumerate(stalled):
            head = b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
            connection.sendall(head[:30] if i % 2 else head + b"\r\n{")
        assert running.post("/v1/score", {"samples": []}).status_code == 200
        for i, connection in enumerate(stalled):
            connection.settimeout(5)
            answer = connection.recv(1000)
            assert answer == b"" if i % 2 else b"408" in answer
            connection.close()


def test_a_slow_head_on_a_used_connection_is_cut_off() -> None:
    with (
        served(ExactMatch(), header_seconds=0.4) as running,
        socket.create_connection(("127.0.0.1", running.port)) as kept,
    ):
        kept.settimeout(5)
        kept.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while b"ok" not in answer:
            answer += kept.recv(1000)
        kept.sendall(b"GET /hea")
        assert kept.recv(1000) == b""


def test_a_batch_whose_answer_got_lost_is_not_scored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RewardClient, "_pause", lambda *arguments: 0.0)
    post, lost = httpx.AsyncClient.post, []

    async def losing(self: httpx.AsyncClient, *arguments: Any, **options: Any) -> httpx.Response:
        response = await post(self, *arguments, **options)
        lost.append(response)
        if len(lost) % 2:
            raise httpx.ReadError("lost on the way")
        return response

    monkeypatch.setattr(httpx.AsyncClient, "post", losing)
    with served({"gap": Gap(), "exact": ExactMatch()}) as running:

        async def ask(name: str) -> list[float]:
            batch = Batch(["a", "bcd"], ["q", "q"], reference=["a", "a"])
            async with RewardClient(running.url, name) as client:
                return (await client.score(batch))["values"]

        assert asyncio.run(ask("gap")) == asyncio.run(ask("gap")) == [-1.0, 1.0]
        assert asyncio.run(ask("exact")) == [1.0, 0.0]
        for name, samples in (("gap", 4), ("exact", 2)):
            counts = running.app.desks[name].intake.counts
            assert (counts["samples"], counts["duplicates"]) == (samples, samples)


def test_own_client() -> None:
    with served({"gap": Gap(), "exact": ExactMatch()}) as running:

        async def ask() -> None:
            async with RewardClient(running.url, "exact") as client:
                batch = Batch(["a", "b"], ["q", "q"], reference=["a", "a"])
                answer = await client.score(batch, name="step 1")
                assert answer["values"] == [1.0, 0.0]
                assert (await client.score(batch, name="step 1"))["values"] == [1.0, 0.0]
                with pytest.raises(UserError, match="reference"):
                    await client.score_one("a")
            assert running.app.desks["exact"].intake.counts["duplicates"] == 2
            async with RewardClient(running.url, "gap") as client:
                values = await asyncio.gather(*(client.score_one("x" * n, "q", siblings=2) for n in (1, 3)))
                assert [answer["values"][0] for answer in values] == [-1.0, 1.0]
            async with RewardClient("http://127.0.0.1:9", tries=2) as client:
                with pytest.raises(ServerFault, match="2 tries"):
                    await client.score_one("a")

        asyncio.run(ask())


def test_sigterm_answers_what_is_under_way() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        "from tests.server.served import Slow\nfrom guerdon.server import create_app\n"
        f"from guerdon.server.serving import serve, log_as_json\nlog_as_json()\nserve(create_app(Slow(1.5)), port={port})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env={**os.environ})
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            httpx.get(url + "/ready")
            break
        except httpx.TransportError:
            time.sleep(0.1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(httpx.post, url + "/v1/score", json={"samples": [{"completion": "secret"}]}, timeout=20)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert asked.result().json()["values"] == [6.0]
    assert process.wait(20) in (0, -signal.SIGTERM)
    logged = process.stderr.read() if process.stderr else ""
    assert '"status": 200' in logged and "secret" not in logged


def test_metrics_and_description() -> None:
    with served({"slow": Slow(0.0)}) as running:
        running.post("/slow/v1/score", {"samples": [{"completion": "x"}] * 5})
        running.post("/%2e%2e/slow", {})
        text = running.get("/metrics").text
        assert 'guerdon_intake_total{event="samples",reward="slow"} 5.0' in text
        assert 'guerdon_batch_size_bucket{le="8.0",reward="slow"} 1.0' in text
        assert "%2e" not in text and ".." not in text
        described = running.get("/v1/rewards").json()["rewards"]["slow"]
        assert described["parts"] == ["slow"] and described["range"] == [None, None]
