"""Ray Data: the columns of the local engine, siblings together however the blocks are cut, workers killed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guerdon import Batch, Reward
from guerdon.errors import MissingColumn, UserError
from guerdon.integrations.ray_data import score_dataset
from guerdon.rewards import TokenF1
from tests.integrations.ray_rewards import Deadly, Gap, Whose
from tests.scoring.files import read_lines, record, run, write_lines
from tests.scoring.test_run import RICH

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def scored(rows: list[dict[str, Any]], reward: Reward, blocks: int = 5, **options: Any) -> list[dict[str, Any]]:
    dataset = ray.data.from_items(rows, override_num_blocks=blocks)
    options = {"workers": 1, "cpus": 0.25, "partitions": 3, "batch_size": 16} | options
    return sorted(score_dataset(dataset, reward, **options).take_all(), key=lambda row: row["id"])


@pytest.mark.parametrize("reward", [RICH, Gap()], ids=lambda reward: reward.name)
def test_the_columns_of_the_local_engine(tmp_path: Path, reward: Reward) -> None:
    rows = [record(i) for i in range(150)]
    run(write_lines(tmp_path / "data.jsonl", rows), tmp_path / "out.jsonl", reward)
    here = sorted(read_lines(tmp_path / "out.jsonl"), key=lambda row: row["id"])
    there = scored(rows, reward)
    for ours, theirs in zip(here, there, strict=True):
        assert theirs == {name: ours.get(name) for name in theirs} and set(ours) <= set(theirs)


def test_siblings_meet_from_all_blocks() -> None:
    rows = [{"id": i, "who": f"q{i % 7}", "completion": "x" * (i * i % 31)} for i in range(140)]
    there = scored(rows, Gap(), blocks=20, group="who", workers=2)
    here = Gap().score(Batch([r["completion"] for r in rows], groups=[r["who"] for r in rows])).values
    assert [row["reward"] for row in there] == pytest.approx(here.tolist())


def test_rows_that_cannot_be_scored_say_why() -> None:
    rows = [{"id": 0, "completion": "x y", "reference": "x y"}, {"id": 1, "completion": None, "reference": "x"}]
    good, bad = scored(rows, TokenF1(), value="f1")
    assert (good["f1"], good["f1_note"]) == (1.0, None)
    assert (bad["f1"], bad["f1_note"]) == (None, "no completion: 'completion' is null")


def test_tokens_reach_the_reward() -> None:
    from guerdon.rewards import Length

    rows = [{"id": i, "completion": "x", "completion_ids": list(range(i))} for i in range(4)]
    assert [row["reward"] for row in scored(rows, Length())] == [0, 1, 2, 3]


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    rows = [record(i) for i in range(100)]
    there = scored(rows, Deadly("w3", str(tmp_path)), workers=2)
    assert not list(tmp_path.iterdir())
    assert [row["reward"] for row in there] == [len(row["completion"]) for row in rows]


def test_workers_share_the_work_and_load_once() -> None:
    pids = {
        row["reward"]
        for row in scored([record(i) for i in range(200)], Whose(0.02), blocks=20, batch_size=4, workers=2)
    }
    assert len(pids) == 2


def test_no_rows() -> None:
    dataset = ray.data.from_items([{"completion": "x", "reference": "x"}]).filter(lambda row: False)
    assert score_dataset(dataset, TokenF1(), workers=1).take_all() == []


def test_what_cannot_work_is_told_before_anything_runs() -> None:
    dataset = ray.data.from_items([{"prompt": [{"role": "user", "content": "q"}], "completion": "x", "reward": 1.0}])
    with pytest.raises(UserError, match="workers=0 must be at least 1"):
        score_dataset(dataset, TokenF1(), workers=0)
    with pytest.raises(MissingColumn, match="reference"):
        score_dataset(dataset, TokenF1(), value="f1")
    with pytest.raises(UserError, match="already has the column 'reward'"):
        score_dataset(dataset, Gap())
    with pytest.raises(UserError, match="cannot group by that"):
        score_dataset(dataset, Gap(), value="gap")
