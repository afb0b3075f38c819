"""The server on Ray Serve: the answers of the local one, from one replica or two, which share groups and state."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from benchmarks.reward_server import free_port
from guerdon import Reward
from guerdon.errors import UserError
from guerdon.intake import IntakeOptions
from guerdon.integrations.ray_serve import MeetingIntake, ray_application
from guerdon.rewards import ExactMatch, TokenF1
from guerdon.server import ServerSettings
from tests.integrations.ray_rewards import Gap, Seen, Whose
from tests.server.served import served

ray = pytest.importorskip("ray")
serve = pytest.importorskip("ray.serve")

REWARDS: dict[str, Reward] = {
    "f1": TokenF1() + 0.5 * ExactMatch(),
    "gap": Gap(),
    "seen": Seen(),
    "whose": Whose(0.02),
}
OPTIONS = IntakeOptions(group_deadline=20.0)
ANSWERS = [
    (
        "/f1/v1/score",
        {"samples": [{"completion": text, "columns": {"reference": "a b"}} for text in ("a b", "a", "")]},
    ),
    ("/gap/v1/score", {"samples": [{"completion": "x" * k, "prompt": "q"} for k in (1, 2, 6)], "detail": "full"}),
    ("/f1/get_reward", {"query": ["a b"], "prompts": ["q"], "labels": ["a b"]}),
    ("/f1/v1/score", {"samples": [{"completion": "a b"}]}),
    ("/f1/v1/score", {"samples": "none"}),
    ("/f1/v1/score", [1]),
    ("/nobody/v1/score", {"samples": []}),
]

PORT = free_port()
URL = f"http://127.0.0.1:{PORT}"


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT}, logging_config={"log_level": "ERROR"})
    yield
    serve.shutdown()
    ray.shutdown()


@contextmanager
def running(replicas: int, **more: Any) -> Iterator[None]:
    """The rewards on that many replicas."""
    application = ray_application(
        REWARDS,
        ServerSettings(intake=OPTIONS, max_body=4000, drain=5.0),
        replicas=(replicas, replicas),
        needs={"num_cpus": 0.1},
        **more,
    )
    serve.run(application, name="guerdon", route_prefix="/")
    yield
    serve.delete("guerdon")


def post(path: str, body: Any, timeout: float = 30.0) -> httpx.Response:
    return httpx.post(URL + path, json=body, timeout=timeout)


def group(prompt: str, sizes: list[int]) -> list[float]:
    """The values of siblings that come in requests of their own."""

    def one(k: int) -> float:
        sample = {"completion": "x" * k, "prompt": prompt, "siblings": len(sizes), "id": str(k)}
        return float(post("/gap/v1/score", {"samples": [sample]}).json()["values"][0])

    with concurrent.futures.ThreadPoolExecutor(len(sizes)) as pool:
        return list(pool.map(one, sizes))


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_answers_of_the_local_server(replicas: int) -> None:
    with served(REWARDS, intake=OPTIONS, max_body=4000) as local, running(replicas):
        for path, body in ANSWERS:
            here, there = local.post(path, body), post(path, body)
            assert (there.status_code, there.json()) == (here.status_code, here.json()), path
        for raw in (b"", b"{", b"\xff", b"[" * 3000, b"x" * 5000):
            statuses = [httpx.post(url + "/f1/v1/score", content=raw).status_code for url in (local.url, URL)]
            assert statuses[0] == statuses[1] and 400 <= statuses[0] < 500
        for path in ("/health", "/ready", "/v1/rewards"):
            assert httpx.get(URL + path).json() == local.get(path).json()
        assert "guerdon_requests_total" in httpx.get(URL + "/metrics").text
        for q in range(6):
            assert group(f"{replicas} q{q}", [1, 2, 6]) == [-2.0, -1.0, 3.0]


def test_replicas_share_work_groups_and_state() -> None:
    with running(2, meeting_actors=2):
        sample = {"samples": [{"completion": "x"}]}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            pids = {
                answer.json()["values"][0] for answer in pool.map(lambda _: post("/whose/v1/score", sample), range(40))
            }
            assert len(pids) == 2
            seen = sorted(
                answer.json()["values"][0] for answer in pool.map(lambda _: post("/seen/v1/score", sample), range(30))
            )
        assert seen == [seen[0] + k for k in range(30)]
        for q in range(8):
            assert group(f"shared q{q}", [1, 2, 6]) == [-2.0, -1.0, 3.0]

        dead = int(min(pids))
        os.kill(dead, signal.SIGKILL)
        answers, until = [], time.monotonic() + 30
        while time.monotonic() < until:
            answers.append(post("/whose/v1/score", sample))
            assert answers[-1].status_code in (200, 500, 503)
            alive = {answer.json()["values"][0] for answer in answers[-20:] if answer.status_code == 200} - {dead}
            if len(alive) == 2:
                break
        assert len(alive) == 2, "no replica took the place of the killed one"


def test_a_client_that_leaves_withdraws_from_its_group() -> None:
    with running(1):
        with pytest.raises(httpx.ReadTimeout):
            gone = {"completion": "x", "prompt": "left", "siblings": 3, "id": "gone"}
            post("/gap/v1/score", {"samples": [gone]}, timeout=1.0)
        time.sleep(0.5)
        assert group("left", [1, 2, 6]) == [-2.0, -1.0, 3.0]


def test_the_command_serves_and_stops() -> None:
    """On the cluster of this test, whose proxy and port are taken as they are."""
    command = [sys.executable, "-m", "guerdon", "serve", "m={reward: exact_match}", "--engine", "ray"]
    environment = {**os.environ, "RAY_ADDRESS": ray.get_runtime_context().gcs_address}
    process = subprocess.Popen(
        [*command, "--replicas", "1:1", "--port", str(PORT)], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert any("serving" in line for line in process.stderr)
        answer = post("/m/v1/score", {"samples": [{"completion": "4", "columns": {"reference": "4"}}]})
        assert answer.json()["values"] == [1.0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
    assert "guerdon" not in serve.status().applications


def test_what_cannot_work_is_told() -> None:
    for wrong in ({"replicas": (0, 1)}, {"replicas": (3, 2)}, {"target": 0.0}, {"meeting_actors": 0}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            ray_application(REWARDS, **wrong)
    assert len(MeetingIntake(Seen().scorer(), OPTIONS, actors=3).actors) == 1
    assert len(MeetingIntake(Gap(), OPTIONS, actors=3).actors) == 3
