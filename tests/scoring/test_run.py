"""Runs: what is written, and that a run which was stopped ends as one that was not."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Gate, Reward, Schedule
from guerdon.errors import UserError
from guerdon.rewards import ExactMatch, LengthMatch, Overlong, TokenF1
from guerdon.scoring.data import open_data
from guerdon.scoring.job import Job
from guerdon.scoring.run import FailedReward, Progress, Run, Start
from tests.scoring.files import read_lines, record, run, write_lines
from tests.scoring.rewards import Fused, Length

RICH = TokenF1() + 0.5 * Gate(TokenF1(), LengthMatch()) + 0.25 * Length().then("zscore", name="varied")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "data.jsonl", map(record, range(50)))


def scored_at_once(reward: Reward, records: list[dict[str, Any]]) -> tuple[list[float | None], list[dict[str, Any]]]:
    scores = reward.score(Batch.from_records(records))
    return [None if math.isnan(v) else v for v in scores.values.tolist()], records


def test_the_output_is_the_input_with_what_the_reward_says(data: Path, tmp_path: Path) -> None:
    finished = run(data, tmp_path / "out.jsonl", RICH, batch_size=7)
    rows, records = read_lines(tmp_path / "out.jsonl"), read_lines(data)
    scores = RICH.score(Batch.from_records(records))
    assert [{name: row[name] for name in records[0]} for row in rows] == records
    assert [row["reward"] for row in rows] == scores.values.tolist()
    for path, part in scores.parts.items():
        assert [row[f"reward/{path}"] for row in rows] == [None if math.isnan(v) else v for v in part.tolist()]
    assert [row["reward_note"] for row in rows] == [scores.note(i) or None for i in range(50)]
    assert list(rows[0]) == ["prompt", "completion", "reference", "id", *finished.job.columns.names]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "out.jsonl", "out.jsonl.run.json"]


@pytest.mark.parametrize("batch_size", [1, 3, 50, 1000])
def test_the_batch_size_does_not_change_the_output(data: Path, tmp_path: Path, batch_size: int) -> None:
    run(data, tmp_path / "a.jsonl", RICH, batch_size=batch_size)
    run(data, tmp_path / "b.jsonl", RICH, batch_size=16)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_siblings_that_are_not_neighbours_are_scored_together_and_keep_their_order(tmp_path: Path) -> None:
    records = [record(i) for i in range(40)]
    np.random.default_rng(0).shuffle(records)  # type: ignore[arg-type]
    data = write_lines(tmp_path / "data.jsonl", records)
    Length.seen.clear()
    run(data, tmp_path / "out.jsonl", RICH, batch_size=4)
    rows = read_lines(tmp_path / "out.jsonl")
    assert [row["reward"] for row in rows] == scored_at_once(RICH, records)[0]
    assert len(Length.seen) < 10


def test_rows_tied_by_a_column(tmp_path: Path) -> None:
    records = [{**record(i, siblings=1), "pair": i // 2} for i in range(20)]
    data = write_lines(tmp_path / "data.jsonl", records)
    reward = Length().then("zscore")
    run(data, tmp_path / "out.jsonl", reward, batch_size=3, group="pair")
    values = [row["reward"] for row in read_lines(tmp_path / "out.jsonl")]
    expected = reward.score(Batch.from_records(records, group="pair")).values.tolist()
    assert values == expected


def test_every_kind_of_data_gives_the_same(data: Path, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    datasets = pytest.importorskip("datasets")
    records = read_lines(data)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(data.read_bytes()))
    pa.parquet.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet", row_group_size=9)
    dataset = datasets.Dataset.from_list(records)
    dataset.save_to_disk(str(tmp_path / "saved"))
    datasets.DatasetDict(train=dataset, test=dataset.select([0])).save_to_disk(str(tmp_path / "splits"))
    run(data, tmp_path / "first.jsonl", RICH)
    expected = read_lines(tmp_path / "first.jsonl")
    for i, source in enumerate(["a.jsonl.gz", "a.parquet", "saved", "splits:train"]):
        for batch_size in (7, 1024):
            out = tmp_path / f"out-{i}-{batch_size}.jsonl"
            run(str(tmp_path / source), out, RICH, batch_size=batch_size)
            assert read_lines(out) == expected
            run(str(tmp_path / source), out.with_suffix(".parquet"), RICH, batch_size=batch_size)
            assert pa.parquet.read_table(out.with_suffix(".parquet")).to_pylist() == expected


def test_malformed_rows_are_kept_aside_with_their_lines(tmp_path: Path) -> None:
    good = [record(i) for i in range(6)]
    lines = [json.dumps(row).encode() for row in good]
    lines[1:1] = [b'{"prompt": "x", "completion": null, "reference": "a"}', b"", b"nonsense \xff", b'{"a": 1, "a": 2}']
    lines[6:6] = [b'{"prompt": "x", "completion": {"n": [' + b"[" * 100 + b"]" * 100 + b"]}}", b'{"completion": "y"}']
    data = tmp_path / "data.jsonl"
    data.write_bytes(b"\n".join(lines) + b'\n{"prompt": "torn')
    finished = run(data, tmp_path / "out.jsonl", batch_size=2)
    assert [row["id"] for row in read_lines(tmp_path / "out.jsonl")] == list(range(6))
    assert (finished.summary.rows, finished.summary.rejected) == (6, 6)
    assert read_lines(tmp_path / "out.jsonl.rejected.jsonl") == [
        {
            "line": 2,
            "reason": "no completion: 'completion' is null",
            "row": {"prompt": "x", "completion": None, "reference": "a"},
        },
        {"line": 4, "reason": "not UTF-8: byte 10 is 0xff", "text": "nonsense \\xff"},
        {"line": 5, "reason": "key 'a' is given twice", "text": '{"a": 1, "a": 2}'},
        {"line": 7, "reason": "nested deeper than 64 levels", "text": lines[6].decode()},
        {"line": 8, "reason": "no prompt: the row has no 'prompt'", "row": {"completion": "y"}},
        {"line": 13, "reason": "not JSON: Unterminated string starting at character 12", "text": '{"prompt": "torn'},
    ]


def test_a_column_that_appears_late_or_clashes_late_is_no_crash(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [record(i) for i in range(6)]
    del records[4]["reference"]
    records[5]["reward"] = 1.0
    data = write_lines(tmp_path / "data.jsonl", records)
    job_rows = run(write_lines(tmp_path / "few.jsonl", records[:5]), tmp_path / "few-out.jsonl", batch_size=1)
    assert job_rows.summary.reward.unscored == pytest.approx(0.2)
    assert read_lines(tmp_path / "few-out.jsonl")[4]["reward_note"] == "token_f1: missing_data: no reference"
    with pytest.raises(UserError, match="already has the column 'reward'"):
        run(data, tmp_path / "out.jsonl")
    run(data, tmp_path / "out.jsonl", value="score")
    assert read_lines(tmp_path / "out.jsonl")[5]["reward"] == 1.0


def test_empty_data_gives_empty_output(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    data = tmp_path / "data.jsonl"
    data.write_bytes(b"")
    summary = run(data, tmp_path / "out.jsonl").summary
    assert (summary.rows, summary.groups) == (0, 0)
    assert math.isnan(summary.reward.mean)
    assert (tmp_path / "out.jsonl").read_bytes() == b""
    run(data, tmp_path / "out.parquet")
    assert pa.parquet.read_table(tmp_path / "out.parquet").column_names == ["reward", "reward/token_f1", "reward_note"]


def test_data_without_one_good_row_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "data.jsonl", [{"completion": None, "reference": "a"}] * 3)
    with pytest.raises(
        UserError, match="none of the 3 rows can be scored; the first, line 1: no completion: 'completion' is null"
    ):
        run(data, tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


def test_limit_and_step(data: Path, tmp_path: Path) -> None:
    reward = TokenF1() * Schedule("linear", {"start": 0.0, "end": 1.0, "steps": 10})
    assert run(data, tmp_path / "a.jsonl", reward, limit=5, step=5, batch_size=2).summary.rows == 5
    once = [row["reward"] for row in read_lines(tmp_path / "a.jsonl")]
    assert once == [row["reward/token_f1"] / 2 for row in read_lines(tmp_path / "a.jsonl")]
    with pytest.raises(UserError, match="needs the training step"):
        run(data, tmp_path / "b.jsonl", reward)


def test_token_ids_reach_the_reward(tmp_path: Path) -> None:
    records = [{"prompt": "q", "completion": "a", "completion_ids": [1] * n} for n in (2, 3, 4)]
    data = write_lines(tmp_path / "data.jsonl", [*records, {"prompt": "q", "completion": "a", "completion_ids": None}])
    finished = run(data, tmp_path / "out.jsonl", Overlong(limit=4, buffer=2))
    assert [row["reward"] for row in read_lines(tmp_path / "out.jsonl")] == [0.0, -0.5, -1.0]
    assert finished.summary.rejected == 1


# -- the summary ------------------------------------------------------------------------------------------------------


def test_the_summary_counts_what_happened(tmp_path: Path) -> None:
    completions = ["ab", "abcd", "ab", "ab", "skip me", "x y", "z"]
    prompts = ["a", "a", "b", "b", "b", "c", "d"]
    rows = [{"prompt": p, "completion": c} for p, c in zip(prompts, completions, strict=True)]
    summary = run(write_lines(tmp_path / "d.jsonl", rows), tmp_path / "o.jsonl", Length(), batch_size=5).summary
    lengths = np.array([2, 4, 2, 2, 3, 1])
    assert summary.rows == 7
    assert summary.reward.mean == pytest.approx(lengths.mean())
    assert summary.reward.std == pytest.approx(lengths.std())
    assert (summary.reward.low, summary.reward.high) == (1.0, 4.0)
    assert summary.reward.unscored == pytest.approx(1 / 7)
    assert summary.parts["length/words"].mean == pytest.approx((1 + 1 + 1 + 1 + 2 + 2 + 1) / 7)
    assert (summary.groups, summary.within_group_std, summary.zero_variance) == (2, 0.5, 1)
    assert summary.report.outcomes == {"length": {"timed_out": 1}}
    assert summary.report.counters == {"length": {"cache_hits": 2}}
    assert summary.report.seconds["length"] > 0
    kept = json.loads((tmp_path / "o.jsonl.run.json").read_text())
    assert kept["summary"]["groups"] == 2
    assert kept["run"]["reward"] == Length().fingerprint


def test_progress_is_told(data: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    with Run(Job(open_data(str(data)), TokenF1(), tmp_path / "out.jsonl", batch_size=20)) as open_run:
        open_run.finish(told.append)
    assert [progress.rows for progress in told] == [20, 40, 50]
    assert told[-1].share == 1.0


# -- going on ---------------------------------------------------------------------------------------------------------


def stopped(job: Job, after: int) -> None:
    """A run that is interrupted after so many chunks."""
    chunks = iter(range(after))

    def watch(progress: Progress) -> None:
        if next(chunks, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Run(job, checkpoint_seconds=0.0) as open_run:
        open_run.finish(watch)


@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
@pytest.mark.parametrize("after", [0, 1, 5, 11])
def test_a_stopped_run_goes_on_and_ends_as_if_it_had_not_been(data: Path, tmp_path: Path, after: int, out: str) -> None:
    with data.open("a") as file:
        file.write("nonsense\n" + json.dumps(record(50)) + "\nmore nonsense\n")
    whole = run(data, tmp_path / f"whole-{out}", RICH, batch_size=4)
    job = Job(open_data(str(data)), RICH, tmp_path / out, batch_size=4)
    stopped(job, after)
    assert not job.out.exists()
    with pytest.raises(UserError, match=r"an unfinished run is in .*out.*partial; go on with --resume"):
        run(data, job.out, RICH)
    Length.seen.clear()
    resumed = run(data, job.out, RICH, Start.RESUME, batch_size=4)
    assert sum(Length.seen) == 51 - 4 * (after + 1)
    assert job.out.read_bytes() == (tmp_path / f"whole-{out}").read_bytes()
    assert job.rejected.read_bytes() == (tmp_path / f"whole-{out}.rejected.jsonl").read_bytes()
    for name in ("rows", "rejected", "reward", "parts", "groups", "within_group_std", "zero_variance"):
        assert getattr(resumed.summary, name) == getattr(whole.summary, name)
    assert resumed.summary.report.outcomes == whole.summary.report.outcomes
    assert not job.folder.exists()


@pytest.mark.parametrize("source", ["a.jsonl.gz", "a.parquet", "saved"])
def test_going_on_with_every_kind_of_data(data: Path, tmp_path: Path, source: str) -> None:
    pa = pytest.importorskip("pyarrow")
    datasets = pytest.importorskip("datasets")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(data.read_bytes()))
    pa.parquet.write_table(pa.Table.from_pylist(read_lines(data)), tmp_path / "a.parquet", row_group_size=9)
    datasets.Dataset.from_list(read_lines(data)).save_to_disk(str(tmp_path / "saved"))
    run(data, tmp_path / "whole.jsonl", RICH)
    for after in (0, 2, 6):
        job = Job(open_data(str(tmp_path / source)), RICH, tmp_path / f"out-{after}.jsonl", batch_size=5)
        stopped(job, after)
        run(str(tmp_path / source), job.out, RICH, Start.RESUME)
        assert read_lines(job.out) == read_lines(tmp_path / "whole.jsonl")


def test_a_stop_between_the_last_row_and_the_finished_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    for name in ("out.jsonl", "out.parquet"):
        whole = tmp_path / f"whole-{name}"
        run(data, whole, RICH)
        for moment in ("_publish_rejected", "_publish_record"):
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):

                def stop(*_: object) -> Iterator[None]:
                    raise KeyboardInterrupt

                patch.setattr(Run, moment, stop)
                run(data, tmp_path / name, RICH, Start.OVERWRITE)
            finished = run(data, tmp_path / name, RICH, Start.RESUME)
            assert (tmp_path / name).read_bytes() == whole.read_bytes()
            assert finished.summary.rows == 50
            assert not finished.job.folder.exists()


def test_a_reward_that_fails_keeps_what_was_scored(data: Path, tmp_path: Path) -> None:
    records = [record(i) for i in range(20)]
    records[13]["completion"] = "a bomb"
    data = write_lines(tmp_path / "d.jsonl", records)
    fuse = tmp_path / "fuse"
    reward = Fused(fuse=str(fuse))
    fuse.touch()
    with pytest.raises(FailedReward, match="reward 'fused' failed on lines 13 to 16: RuntimeError: the bomb went off"):
        run(data, tmp_path / "o.jsonl", reward, batch_size=4, seconds=100.0)
    summary = run(data, tmp_path / "o.jsonl", reward, Start.RESUME, batch_size=4).summary
    assert summary.rows == 20
    assert [row["id"] for row in read_lines(tmp_path / "o.jsonl")] == list(range(20))


def test_failing_before_anything_is_scored_leaves_nothing(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "d.jsonl", [{"completion": "bomb"}])
    (tmp_path / "fuse").touch()
    reward = Fused(fuse=str(tmp_path / "fuse"))
    with pytest.raises(FailedReward):
        run(data, tmp_path / "o.jsonl", reward)
    assert [path.name for path in tmp_path.iterdir()] == ["d.jsonl"]
    assert run(data, tmp_path / "o.jsonl", reward).summary.rows == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reward": ExactMatch()}, "reward was '.*' and is now '.*'"),
        ({"group": "id"}, "group was None and is now 'id'"),
        ({"limit": 30}, "limit was None and is now 30"),
        ({"value": "score"}, "as was 'reward' and is now 'score'"),
        ({"step": 1}, "step was None and is now 1"),
    ],
)
def test_going_on_with_something_else_is_an_error(
    data: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    stopped(Job(open_data(str(data)), TokenF1(), tmp_path / "out.jsonl", batch_size=4), 2)
    with pytest.raises(UserError, match=f"partial belongs to another run: {said}.*begin anew with --restart"):
        run(data, tmp_path / "out.jsonl", start=Start.RESUME, **change)
    run(data, tmp_path / "out.jsonl", start=Start.RESUME)
    with pytest.raises(UserError, match=f"run.json belongs to another run: {said}.*begin anew with --overwrite"):
        run(data, tmp_path / "out.jsonl", start=Start.RESUME, **change)


@pytest.mark.parametrize("where", [0, -1])
def test_going_on_with_other_data_is_an_error(data: Path, tmp_path: Path, where: int) -> None:
    stopped(Job(open_data(str(data)), TokenF1(), tmp_path / "out.jsonl", batch_size=4), 2)
    records = read_lines(data)
    records[where]["reference"] = "w9"
    write_lines(data, records)
    with pytest.raises(UserError, match=r"belongs to another run: data was '.*' and is now '.*'"):
        run(data, tmp_path / "out.jsonl", start=Start.RESUME)
    assert run(data, tmp_path / "out.jsonl", start=Start.RESTART).summary.rows == 50


def test_what_becomes_of_a_finished_output(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    first = run(data, out, RICH, start=Start.RESUME)
    for start in (Start.NEW, Start.RESTART):
        with pytest.raises(UserError, match=r"out\.jsonl exists; replace it with --overwrite"):
            run(data, out, RICH, start)
    Length.seen.clear()
    again = run(data, out, RICH, Start.RESUME)
    assert again.ledger is None
    assert not Length.seen
    assert again.summary == first.summary
    (tmp_path / "out.jsonl.rejected.jsonl").write_text("stale")
    run(data, out, RICH, Start.OVERWRITE)
    assert sum(Length.seen) == 50
    assert not (tmp_path / "out.jsonl.rejected.jsonl").exists()
    (tmp_path / "out.jsonl.run.json").unlink()
    with pytest.raises(UserError, match=r"no record .*run\.json says what run it is of"):
        run(data, out, RICH, Start.RESUME)


def test_overwriting_keeps_the_old_output_until_the_new_one_is_whole(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    run(data, out, limit=3)
    old = out.read_bytes()
    with (
        pytest.raises(KeyboardInterrupt),
        Run(Job(open_data(str(data)), TokenF1(), out, batch_size=4), Start.OVERWRITE) as again,
    ):
        again.finish(lambda progress: (_ for _ in ()).throw(KeyboardInterrupt))
    assert out.read_bytes() == old
    assert run(data, out, start=Start.RESUME).summary.rows == 50


@pytest.mark.parametrize("name", ["data.jsonl", "x/../data.jsonl"])
def test_the_data_is_never_overwritten(data: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(UserError, match="would overwrite the data"):
        run(data, tmp_path / name, start=Start.OVERWRITE)
    rejected = write_lines(tmp_path / "o.jsonl.rejected.jsonl", [record(0)])
    with pytest.raises(UserError, match="would overwrite the data"):
        run(rejected, tmp_path / "o.jsonl")


def test_an_output_that_cannot_be_is_an_error(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has the suffix '\.csv'; write \.jsonl or \.parquet"):
        run(data, tmp_path / "out.csv")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(UserError, match="is a folder; name a file"):
        run(data, tmp_path / "folder.jsonl")
    with pytest.raises(UserError, match="--batch-size 0 must be at least 1"):
        run(data, tmp_path / "out.jsonl", batch_size=0)
    assert run(data, tmp_path / "new" / "folder" / "out.jsonl").summary.rows == 50
