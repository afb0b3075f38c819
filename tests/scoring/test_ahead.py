"""Chunks ahead of a slow judge: side by side, in order, no more than allowed, and a failure where it belongs."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from guerdon import Batch, Reward
from guerdon.rewards import TokenF1
from guerdon.scoring.ahead import AheadEngine, waits
from guerdon.scoring.data import open_data
from guerdon.scoring.job import Job
from guerdon.scoring.run import FailedReward, Run, Start
from tests.scoring.files import read_lines, record, run, write_lines


@dataclass(frozen=True, repr=False)
class Slow(Reward):
    """The row's number, told only once ``together`` chunks are under way, or ten times that did not happen."""

    together: int = 1
    bomb: int = -1
    state: ClassVar[dict[str, int]] = {"now": 0, "most": 0}
    bounds = (0.0, float("inf"))

    async def _score(self, batch: Batch) -> list[float]:
        self.state["now"] += 1
        self.state["most"] = max(self.state["most"], self.state["now"])
        for _ in range(10):
            if self.state["most"] >= self.together:
                break
            await asyncio.sleep(0.01)
        self.state["now"] -= 1
        if self.bomb in batch["id"]:
            raise RuntimeError("the bomb went off")
        return [float(i) for i in batch["id"]]


def test_chunks_are_under_way_together_and_written_in_order(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "data.jsonl", map(record, range(100)))
    with data.open("a") as file:
        file.write("nonsense\n")
    Slow.state.update(now=0, most=0)
    reward = Slow(together=3)
    with Run(
        Job(open_data(str(data)), reward, tmp_path / "out.jsonl", batch_size=8), engine=AheadEngine(3)
    ) as open_run:
        assert open_run.finish().summary.rejected == 1
    assert [row["reward"] for row in read_lines(tmp_path / "out.jsonl")] == list(range(100))
    assert Slow.state["most"] == 3
    run(data, tmp_path / "one.jsonl", reward, batch_size=8)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_what_comes_before_a_failure_is_kept(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "data.jsonl", map(record, range(80)))
    out = tmp_path / "out.jsonl"
    job = Job(open_data(str(data)), Slow(bomb=45), out, batch_size=8)
    with pytest.raises(FailedReward, match="lines 41 to 48"), Run(job, engine=AheadEngine(4)) as failing:
        failing.finish()
    assert failing._journal is not None and (failing._journal.entry or {})["rows"] == 40
    with pytest.raises(FailedReward), Run(job, Start.RESUME, engine=AheadEngine(4)) as again:
        again.finish()
    assert all(not thread.name.startswith("guerdon-chunk") or thread.daemon for thread in threading.enumerate())


def test_which_rewards_wait() -> None:
    assert waits(Slow() + TokenF1()) and not waits(TokenF1())
