"""Small data files for the tests of scoring."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from guerdon.reward import Reward
from guerdon.rewards import TokenF1
from guerdon.scoring.data import open_data
from guerdon.scoring.job import Job
from guerdon.scoring.run import Finished, Run, Start


def record(i: int, *, siblings: int = 4) -> dict[str, Any]:
    """The i-th of a family of records: ``siblings`` in a row answer the same question."""
    words = [f"w{(i * k) % 7}" for k in range(1, 6)]
    return {
        "prompt": f"question {i // siblings}",
        "completion": " ".join(words[: 1 + i % 5]),
        "reference": f"w{i % 7} w{(2 * i) % 7}",
        "id": i,
    }


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """A JSONL file of records."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in records)
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run(
    data: Path | str,
    out: Path,
    reward: Reward | None = None,
    start: Start = Start.NEW,
    seconds: float = 0.0,
    **options: Any,
) -> Finished:
    """A finished run."""
    with Run(
        Job(open_data(str(data)), reward or TokenF1(), out, **options), start, checkpoint_seconds=seconds
    ) as open_run:
        return open_run.finish()
