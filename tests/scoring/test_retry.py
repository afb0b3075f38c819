"""Retrying after an outage: failed rows are scored again, all others keep their bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from guerdon import Batch, Note, Outcome, Reward, Scores
from guerdon.cli import app
from guerdon.errors import UserError
from guerdon.rewards import TokenF1
from guerdon.runtime import count
from guerdon.scoring.data import open_data
from guerdon.scoring.job import Job
from guerdon.scoring.output import Columns
from guerdon.scoring.retry import RetryRun, is_failed, noted_outcomes
from guerdon.scoring.run import Finished
from tests.models.chat_server import ChatServer, error
from tests.scoring.files import read_lines, record, run, write_lines


@dataclass(frozen=True, repr=False)
class Weak(Reward):
    """The length of the completion, which it cannot tell while the file ``outage`` exists; never of those that say nothing."""

    outage: str = ""
    every: int = 7
    outcome: str = "transport_error"

    def _score(self, batch: Batch) -> Scores:
        count("calls", len(batch))
        out = Path(self.outage).exists()
        lost = [out and int(i) % self.every == 0 for i in batch["id"]]
        notes = tuple(Note(Outcome(self.outcome), "no | reply") if gone else None for gone in lost)
        values = [np.nan if gone else float(len(str(text))) for gone, text in zip(lost, batch.completions, strict=True)]
        return Scores(np.array(values), notes={"": notes})


def retry(data: Path, out: Path, reward: Reward, **options: object) -> Finished:
    with RetryRun(Job(open_data(str(data)), reward, out, **options), checkpoint_seconds=0.0) as open_run:  # type: ignore[arg-type]
        return open_run.finish()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = write_lines(tmp_path / "data.jsonl", map(record, range(60)))
    with path.open("a") as file:
        file.write("nonsense\n")
    return path


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
@pytest.mark.parametrize("terms", [False, True])
def test_failed_rows_are_scored_again_and_others_are_kept(data: Path, tmp_path: Path, name: str, terms: bool) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    outage = tmp_path / "outage"
    weak: Reward = Weak(outage=str(outage))
    reward = 0.5 * weak + TokenF1() if terms else weak
    whole, out = tmp_path / f"whole-{name}", tmp_path / name
    run(data, whole, reward, batch_size=8)
    outage.touch()
    run(data, out, reward, batch_size=8)
    broken = out.read_bytes()
    assert broken != whole.read_bytes()
    still = retry(data, out, reward, batch_size=8)
    assert out.read_bytes() == broken and "9 rows were scored again, and 9 of them failed again" in still.warnings
    outage.unlink()
    finished = retry(data, out, reward, batch_size=8)
    assert out.read_bytes() == whole.read_bytes()
    assert finished.warnings[-1] == "9 rows were scored again"
    assert finished.summary.reward.unscored == 0 and finished.summary.rejected == 1
    part = next(path for path in finished.summary.report.counters if "weak" in path)
    assert finished.summary.report.counters[part]["calls"] == 60 + 9 + 9
    assert not finished.summary.report.outcomes.get(part)
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]
    again = retry(data, out, reward)
    assert again.warnings[-1] == "0 rows were scored again" and out.read_bytes() == whole.read_bytes()


def test_only_faults_of_instruments_are_retried(data: Path, tmp_path: Path) -> None:
    outage = tmp_path / "outage"
    outage.touch()
    for outcome, retried in (
        ("unparseable", 0),
        ("refused", 0),
        ("missing_data", 0),
        ("timed_out", 9),
        ("instrument_error", 9),
    ):
        out = tmp_path / f"{outcome}.jsonl"
        reward = Weak(outage=str(outage), outcome=outcome)
        run(data, out, reward)
        assert retry(data, out, reward).warnings[-1].startswith(f"{retried} rows")


def test_siblings_of_failed_rows_are_scored_with_them(data: Path, tmp_path: Path) -> None:
    outage = tmp_path / "outage"
    reward = Weak(outage=str(outage), every=40).then("zscore", name="normal")
    run(data, tmp_path / "whole.jsonl", reward)
    outage.touch()
    run(data, tmp_path / "out.jsonl", reward)
    before = (tmp_path / "out.jsonl").read_bytes().splitlines()
    outage.unlink()
    finished = retry(data, tmp_path / "out.jsonl", reward, batch_size=4)
    after = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert finished.warnings[-1] == "8 rows were scored again"
    assert after == (tmp_path / "whole.jsonl").read_bytes().splitlines()
    changed = [i for i in range(60) if before[i] != after[i]]
    assert set(changed) <= {0, 1, 2, 3, 40, 41, 42, 43}


def test_a_retry_that_was_stopped_goes_on(data: Path, tmp_path: Path) -> None:
    outage = tmp_path / "outage"
    reward = Weak(outage=str(outage))
    run(data, tmp_path / "whole.jsonl", reward)
    outage.touch()
    out = tmp_path / "out.jsonl"
    run(data, out, reward)
    broken = out.read_bytes()
    outage.unlink()

    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    job = Job(open_data(str(data)), reward, out, batch_size=30)
    with pytest.raises(KeyboardInterrupt), RetryRun(job, checkpoint_seconds=0.0) as stopped:
        stopped.finish(stop)
    assert out.read_bytes() == broken
    finished = retry(data, out, reward, batch_size=30)
    assert finished.warnings[-1] == "4 rows were scored again"
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_what_cannot_be_retried(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(UserError, match="no finished run"):
        retry(data, out, TokenF1())
    run(data, out, TokenF1())
    with pytest.raises(UserError, match="group was None"):
        retry(data, out, TokenF1(), group="id")
    other = retry(data, out, 1.0 * TokenF1())
    assert other.warnings
    write_lines(data, map(record, range(61)))
    with pytest.raises(UserError, match="data was"):
        retry(data, out, TokenF1())


def test_notes_are_read_by_their_parts() -> None:
    paths = ["judge", "judge/tone", "a"]
    said = noted_outcomes("judge: refused: b | a: timed_out | judge/tone: scored: judge: timed_out", paths)
    assert said == {"judge": Outcome.REFUSED, "a": Outcome.TIMED_OUT, "judge/tone": Outcome.SCORED}
    assert noted_outcomes(None, paths) == noted_outcomes("judge: timed", paths) == {}
    columns = Columns("reward", ("judge",))
    forged = {"reward": 1.0, "reward/judge": 1.0, "reward_note": "judge: scored: x | judge: timed_out"}
    assert not is_failed(forged, columns)


def test_a_judge_that_was_down(tmp_path: Path) -> None:
    pytest.importorskip("openai")
    data = write_lines(tmp_path / "data.jsonl", map(record, range(30)))
    out, spec = tmp_path / "out.jsonl", tmp_path / "reward.yaml"
    with ChatServer() as server:
        judge = {
            "chat": "openai",
            "model": "judge",
            "url": server.url,
            "retries": 0,
            "cache": str(tmp_path / "judge.sqlite"),
        }
        spec.write_text(json.dumps({"reward": "judged", "chat": judge, "protocol": {"protocol": "scripted"}}))
        arguments = ["score", str(data), "--reward", str(spec), "--out", str(out)]
        server.answer = lambda body, number: error(503, "down") if "w0" in str(body) else None
        assert CliRunner().invoke(app, arguments).exit_code == 0
        before = read_lines(out)
        lost = [row["id"] for row in before if row["reward"] is None]
        assert 0 < len(lost) < 30
        server.answer = lambda body, number: None
        asked = server.stats["requests"]
        said = CliRunner().invoke(app, [*arguments, "--retry-failed"])
        assert said.exit_code == 0, said.output
        assert f"{len(lost)} rows were scored again" in said.output
        assert server.stats["requests"] - asked <= len(lost)
    after = read_lines(out)
    assert all(row["reward"] is not None for row in after)
    assert [row for row in after if row["id"] not in lost] == [row for row in before if row["id"] not in lost]
