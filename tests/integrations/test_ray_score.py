"""Scoring a file on Ray: the bytes of the local engine, whatever happens to the workers."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import Reward
from guerdon.errors import UserError
from guerdon.integrations.ray_score import RayEngine
from guerdon.scoring.data import open_data
from guerdon.scoring.job import Job
from guerdon.scoring.run import FailedReward, Finished, Progress, Run, Start
from tests.integrations.ray_rewards import Deadly, Whose
from tests.scoring.files import read_lines, record, run, write_lines
from tests.scoring.rewards import Fused
from tests.scoring.test_run import RICH

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


def on_ray(
    data: Path, out: Path, reward: Reward, start: Start = Start.NEW, *, tries: int = 3, watch: Any = None, **job: Any
) -> Finished:
    """A finished run on two workers."""
    engine = RayEngine(2, cpus=0.5, tries=tries)
    with Run(Job(open_data(str(data)), reward, out, **job), start, checkpoint_seconds=0.0, engine=engine) as going:
        return going.finish(watch or (lambda progress: None))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [record(i) for i in range(400)]
    np.random.default_rng(0).shuffle(rows[100:200])
    path = write_lines(tmp_path / "data.jsonl", rows)
    with path.open("a") as file:
        file.write("nonsense\n" * 3)
    return path


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_the_bytes_of_the_local_engine(data: Path, tmp_path: Path, name: str) -> None:
    here = run(data, tmp_path / f"here-{name}", RICH, batch_size=16)
    there = on_ray(data, tmp_path / name, RICH, batch_size=16)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"here-{name}").read_bytes()
    kept = [tmp_path / f"{prefix}{name}.rejected.jsonl" for prefix in ("", "here-")]
    assert kept[0].read_bytes() == kept[1].read_bytes()
    assert there.summary.reward == here.summary.reward and there.summary.rows == here.summary.rows


def test_workers_share_the_work(data: Path, tmp_path: Path) -> None:
    on_ray(data, tmp_path / "out.jsonl", Whose(0.02), batch_size=8)
    pids = {row["reward"] for row in read_lines(tmp_path / "out.jsonl")}
    assert len(pids) == 2 and os.getpid() not in pids


def test_a_worker_that_is_killed_is_replaced(data: Path, tmp_path: Path) -> None:
    fuses = tmp_path / "fuses"
    fuses.mkdir()
    (fuses / "1").touch()
    (fuses / "2").touch()
    reward = Deadly("w3", str(fuses))
    on_ray(data, tmp_path / "out.jsonl", reward, batch_size=16)
    assert not list(fuses.iterdir())
    run(data, tmp_path / "here.jsonl", reward, batch_size=16)
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()


def test_kill_from_outside_loses_nothing(data: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(progress: Progress) -> None:
        if progress.rows > 60 and not killed:
            pid = int(_first_value(tmp_path / "out.jsonl.partial" / "rows"))
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    on_ray(data, tmp_path / "out.jsonl", Whose(0.02), batch_size=8, watch=kill)
    pids = {row["reward"] for row in read_lines(tmp_path / "out.jsonl")}
    assert killed and len(pids) == 3
    assert [row["id"] for row in read_lines(tmp_path / "out.jsonl")] == [row["id"] for row in _good(data)]


def _first_value(rows: Path) -> float:
    import json

    with rows.open() as file:
        return float(json.loads(file.readline())["reward"])


def _good(data: Path) -> list[dict[str, Any]]:
    import json

    return [json.loads(line) for line in data.read_text().splitlines() if line.startswith("{")]


def test_rows_that_kill_every_worker_end_the_run_which_can_go_on(data: Path, tmp_path: Path) -> None:
    fuses = tmp_path / "fuses"
    fuses.mkdir()
    for i in range(4):
        (fuses / str(i)).touch()
    with data.open("a") as file:
        file.write('{"prompt": "q", "completion": "bomb", "reference": "r", "id": 1}\n')
    reward, out = Deadly("bomb", str(fuses)), tmp_path / "out.jsonl"
    with pytest.raises(FailedReward, match=r"failed on lines \d+ to 404: 2 workers died .*--resume"):
        on_ray(data, out, reward, batch_size=16, tries=2)
    assert not out.exists() and (tmp_path / "out.jsonl.partial").is_dir()
    for fuse in fuses.iterdir():
        fuse.unlink()
    seen: list[int] = []
    on_ray(data, out, reward, Start.RESUME, batch_size=16, watch=lambda progress: seen.append(progress.session))
    assert seen[0] < 40
    run(data, tmp_path / "here.jsonl", reward, batch_size=16)
    assert out.read_bytes() == (tmp_path / "here.jsonl").read_bytes()


def test_either_engine_resumes_the_other(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "here.jsonl", RICH, batch_size=16)
    out = tmp_path / "out.jsonl"
    for engines in itertools.permutations(["ray", "local"]):
        out.unlink(missing_ok=True)
        with pytest.raises(InterruptedError):
            _stopped(data, out, engines[0])
        if engines[1] == "ray":
            on_ray(data, out, RICH, Start.RESUME, batch_size=16)
        else:
            run(data, out, RICH, Start.RESUME, batch_size=16)
        assert out.read_bytes() == (tmp_path / "here.jsonl").read_bytes()


def _stopped(data: Path, out: Path, engine: str) -> None:
    def stop(progress: Progress) -> None:
        if progress.rows > 100:
            raise InterruptedError

    if engine == "ray":
        on_ray(data, out, RICH, batch_size=16, watch=stop)
    else:
        with Run(Job(open_data(str(data)), RICH, out, batch_size=16), checkpoint_seconds=0.0) as going:
            going.finish(stop)


def test_a_reward_that_raises_is_told_as_here(data: Path, tmp_path: Path) -> None:
    fuse = tmp_path / "fuse"
    fuse.touch()
    with pytest.raises(FailedReward, match=r"reward 'fused' failed on lines .*: RuntimeError: the bomb went off"):
        on_ray(data, tmp_path / "out.jsonl", Fused("w1", str(fuse)), batch_size=16)


def test_what_cannot_work_is_told() -> None:
    with pytest.raises(UserError, match="workers=0"):
        RayEngine(0)
    with pytest.raises(UserError, match="needs 64 CPUs"):
        RayEngine(cpus=64).size(ray)
    assert RayEngine().size(ray) == 2 and RayEngine(cpus=0.5).size(ray) == 4
