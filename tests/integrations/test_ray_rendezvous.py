"""The rendezvous as a named Ray actor: workers of a cluster share one intake; a killed actor comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from benchmarks.reward_server import free_port
from guerdon.errors import MissingColumn
from guerdon.intake import IntakeOptions
from guerdon.integrations.ray_rendezvous import ActorIntake, _is_over
from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.rewards import TokenF1
from guerdon.sample import Sample

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


@pytest.fixture
def ranked() -> Any:
    return TokenF1().then("zscore")


def _ask(scorer: SampleScorer, ks: list[int]) -> list[float]:
    """What one worker of a trainer does: its share of every group, sample by sample."""

    async def all_of_them() -> list[float]:
        samples = [
            Sample("a " * k + "b " * (4 - k), f"q{q}", {"reference": "a a a a"}, id=k) for q in range(6) for k in ks
        ]
        return [scores.value for scores in await asyncio.gather(*map(scorer.score, samples))]

    return asyncio.run(all_of_them())


def test_workers_meet_in_the_actor(ranked: Any) -> None:
    scorer = SampleScorer(ranked, at="ray", group_size=4, group_deadline=60)
    work = ray.remote(_ask)
    shares = ray.get([work.remote(scorer, [0, 3]), work.remote(scorer, [1, 2])])
    here = asyncio.run(_whole_groups(ranked))
    for q in range(6):
        assert [shares[0][2 * q], *shares[1][2 * q : 2 * q + 2], shares[0][2 * q + 1]] == pytest.approx(here)
    counts = asyncio.run(ActorIntake(ranked, scorer.options).counts())
    assert counts["complete"] == 6 and counts["samples"] == 24


async def _whole_groups(reward: Any) -> list[float]:
    samples = [Sample("a " * k + "b " * (4 - k), "q", {"reference": "a a a a"}) for k in range(4)]
    scorer = SampleScorer(reward, group_size=4)
    return [scores.value for scores in await asyncio.gather(*map(scorer.score, samples))]


def test_killed_actor_is_replaced_and_loses_nothing(ranked: Any) -> None:
    intake = ActorIntake(ranked, IntakeOptions(group_size=2, group_deadline=50))
    samples = [Sample(text, "q", {"reference": "a b"}, id=text) for text in ("a b", "a c")]

    async def meet() -> list[float]:
        first = asyncio.ensure_future(intake.score(samples[0]))
        await asyncio.sleep(1.0)
        ray.kill(intake._handle(), no_restart=False)
        await asyncio.sleep(
            3.0
        )  # it takes a while; whoever comes before is scored with the first, by the actor that dies
        second = asyncio.ensure_future(intake.score(samples[1]))
        return [scores.value for scores in await asyncio.gather(first, second)]

    values = asyncio.run(meet())
    assert values[0] > 0 > values[1]
    intake.stop()


JOB = """
import asyncio, sys
import ray
from guerdon.integrations.ray_rendezvous import ActorIntake
from guerdon.sample import Sample
from tests.integrations.ray_rewards import Seen

ray.init(address=sys.argv[1], log_to_driver=False, configure_logging=False)
ActorIntake.check_seconds = 0.2
intake = ActorIntake(Seen().scorer())
print([asyncio.run(intake.score(Sample("x"))).value for _ in range(2)])
"""


@contextmanager
def lasting_cluster() -> Iterator[str]:
    """A cluster that outlives the jobs on it and that none finds who is not told; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--node-ip-address=127.0.0.1"]
    command += [f"--port={port}", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats"]
    with TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        environment = os.environ | {"RAY_TMPDIR": folder}
        head = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            head.terminate()
            head.wait(60)


def test_jobs_on_one_cluster_do_not_meet() -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with lasting_cluster() as address:
        for _ in range(2):
            job = [sys.executable, "-c", JOB, address]
            done = subprocess.run(job, capture_output=True, text=True, timeout=120, env=environment, check=False)
            assert done.stdout == "[0.0, 1.0]\n", done.stderr[-2000:]


def test_the_actor_ends_with_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _is_over(ray.get_runtime_context().get_job_id()) and not _is_over("ffffffff")
    monkeypatch.setattr("ray._private.state.jobs", lambda: [{"JobID": "07000000", "IsDead": True}])
    assert _is_over("07000000")
    monkeypatch.setattr("ray._private.state.jobs", lambda: [{"another": "form"}])
    assert not _is_over("07000000")


def test_errors_of_the_user_come_back_typed() -> None:
    intake = ActorIntake(TokenF1())
    with pytest.raises(MissingColumn, match="reference"):
        asyncio.run(intake.score(Sample("a")))
    intake.stop()
