"""Memory stays flat: ten times the rows take no more of it than a few numbers per row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scoring.files import record, write_lines

ROOT = Path(__file__).parents[2]
CHILD = """
import json, sys
from pathlib import Path
from guerdon.rewards import LengthFloor
from guerdon.scoring.data import open_data
from guerdon.scoring.job import Job
from guerdon.scoring.run import Run
data, out, grouped = sys.argv[1:]
reward = LengthFloor().then("zscore") if grouped == "grouped" else LengthFloor()
with Run(Job(open_data(data), reward, Path(out))) as run:
    finished = run.finish()
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(json.dumps({"rows": finished.summary.rows, "groups": finished.summary.groups, "kilobytes": peak}))
"""


def peak(data: Path, out: Path, kind: str) -> dict[str, float]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CHILD, str(data), str(out), kind]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    padding = "word " * 60

    def records(number: int) -> Iterator[dict[str, Any]]:
        return ({**record(i), "padding": padding} for i in range(number))

    small = write_lines(tmp_path / "small.jsonl", records(20_000))
    large = write_lines(tmp_path / "large.jsonl", records(200_000))
    assert large.stat().st_size > 70 * 2**20
    few = peak(small, tmp_path / "few.jsonl", "grouped")
    for kind in ("plain", "grouped"):
        many = peak(large, tmp_path / f"{kind}.jsonl", kind)
        assert (many["rows"], many["groups"]) == (200_000, 50_000)
        print(kind, few["kilobytes"], many["kilobytes"])
        assert many["kilobytes"] - few["kilobytes"] < 24 * 1024
