"""Rows as verl reads them, from a JSONL file with ``question`` and ``answer``: ``python prepare.py IN.jsonl OUT.parquet``.

``ground_truth`` is the label the reward's one column gets; further columns of a reward would be further keys of ``extra_info``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas


def rows(lines: list[str], name: str) -> list[dict[str, object]]:
    """One row per line."""
    said = [json.loads(line) for line in lines if line.strip()]
    return [
        {
            "data_source": name,
            "prompt": [{"role": "user", "content": row["question"]}],
            "reward_model": {"style": "rule", "ground_truth": str(row["answer"])},
            "extra_info": {"split": name, "index": index, "question": row["question"]},
        }
        for index, row in enumerate(said)
    ]


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    table = pandas.DataFrame(rows(source.read_text(encoding="utf-8").splitlines(), source.stem))
    table.to_parquet(target)
