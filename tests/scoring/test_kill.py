"""kill -9 at any moment: the run that goes on ends with the very bytes of one that was never stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scoring.files import record, run, write_lines
from tests.scoring.test_run import RICH

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from pathlib import Path
from guerdon.scoring.data import open_data
from guerdon.scoring.job import Job
from guerdon.scoring.run import Run, Start
from tests.scoring.test_run import RICH
data, out = sys.argv[1:]
print("ready", flush=True)
with Run(Job(open_data(data), RICH, Path(out), batch_size=64), Start.RESUME, checkpoint_seconds=0.0) as run:
    run.finish(lambda progress: print(progress.rows, flush=True))
print("finished", flush=True)
"""


def child(data: Path, out: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CHILD, str(data), str(out)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_killed_run_goes_on(tmp_path: Path, name: str) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    data = write_lines(tmp_path / "data.jsonl", map(record, range(5_000)))
    with data.open("a") as file:
        file.write("nonsense\n" * 3)
    whole, out = tmp_path / f"whole-{name}", tmp_path / name
    run(data, whole, RICH, batch_size=64)
    kills, reached = 0, 0
    for patience in (0, 5, 20, 30, 10_000):
        process = child(data, out)
        assert process.stdout is not None
        lines = iter(process.stdout)
        said = [line.strip() for _, line in zip(range(1 + patience), lines, strict=False)]
        if "finished" in said or patience == 10_000:
            assert process.wait(timeout=120) == 0
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        counts = [int(line) for line in said if line.isdigit()]
        assert all(count > reached for count in counts)
        reached = max([reached, *counts])
        assert not out.exists()
    assert kills == 4
    assert out.read_bytes() == whole.read_bytes()
    assert (tmp_path / f"{name}.rejected.jsonl").read_bytes() == (
        tmp_path / f"whole-{name}.rejected.jsonl"
    ).read_bytes()
    assert not (tmp_path / f"{name}.partial").exists()
