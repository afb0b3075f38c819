"""Parquet output: types survive, JSON data gets types, and what has no common type is written as JSON text."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from guerdon.errors import UserError
from tests.scoring.files import record, run, write_lines

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def test_the_types_of_arrow_data_survive(tmp_path: Path) -> None:
    n = 30
    moment = datetime.datetime(2020, 1, 1, 12, 30, 0, 123456)
    table = pa.table(
        {
            "prompt": [f"q{i // 3}" for i in range(n)],
            "completion": pa.array([None if i == 7 else f"a b {i}" for i in range(n)], pa.large_string()),
            "reference": [["a", str(i)] for i in range(n)],
            "when": pa.array([moment] * n, pa.timestamp("us")),
            "price": pa.array([Decimal("1.10")] * n),
            "kind": pa.array(["x", "y", None] * (n // 3)).dictionary_encode(),
            "image": pa.array([{"bytes": b"\x00\xff", "path": None}] * n),
            "vector": pa.array([[1.5, 2.5]] * n, pa.list_(pa.float32(), 2)),
            "small": pa.array([1] * n, pa.int8()),
            "nothing": pa.nulls(n),
        },
    ).replace_schema_metadata({"huggingface": "{}"})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=4)
    finished = run(tmp_path / "a.parquet", tmp_path / "out.parquet", batch_size=5)
    found = pq.read_table(tmp_path / "out.parquet")
    kept = table.replace_schema_metadata(None).take([i for i in range(n) if i != 7])
    assert found.select(table.column_names).equals(kept)
    assert found.schema.metadata is None
    assert found.column_names[-3:] == ["reward", "reward/token_f1", "reward_note"]
    assert finished.warnings == ()
    rejected = json.loads((tmp_path / "out.parquet.rejected.jsonl").read_text())
    assert (rejected["row"], rejected["reason"]) == (8, "no completion: 'completion' is null")
    with pytest.raises(
        UserError, match=r"column 'image' holds bytes, which JSON cannot; write Parquet: --out .*b\.parquet"
    ):
        run(tmp_path / "a.parquet", tmp_path / "b.jsonl")
    plain = tmp_path / "plain.parquet"
    pq.write_table(table.drop_columns(["image"]), plain)
    run(plain, tmp_path / "b.jsonl")
    row = json.loads((tmp_path / "b.jsonl").read_text().splitlines()[0])
    assert (row["when"], row["price"], row["vector"]) == ("2020-01-01T12:30:00.123456", "1.10", [1.5, 2.5])


def test_the_types_of_json_data_are_found_over_all_chunks(tmp_path: Path) -> None:
    extra: list[dict[str, Any]] = [
        {"number": 1, "late": None, "mixed": 1, "nested": {"a": 1}, "hollow": {}, "huge": 2**70},
        {"number": 2.5, "late": "x", "mixed": "s", "nested": {"b": [1]}, "hollow": {}},
        {"number": None, "late": "y", "mixed": [1], "nested": None, "more": True},
    ]
    records = [{**record(i), **added} for i, added in enumerate(extra * 2)]
    data = write_lines(tmp_path / "a.jsonl", records)
    for batch_size in (1, 2, 100):
        out = tmp_path / f"out-{batch_size}.parquet"
        finished = run(data, out, batch_size=batch_size)
        found = pq.read_table(out)
        assert {name: str(found.schema.field(name).type) for name in ("number", "late", "mixed", "hollow", "more")} == {
            "number": "double",
            "late": "string",
            "mixed": "string",
            "hollow": "string",
            "more": "bool",
        }
        rows = found.to_pylist()
        assert [row["number"] for row in rows[:3]] == [1.0, 2.5, None]
        assert [row["mixed"] for row in rows[:3]] == ["1", '"s"', "[1]"]
        assert [row["hollow"] for row in rows[:3]] == ["{}", "{}", None]
        assert [row["nested"] for row in rows[:3]] == [{"a": 1, "b": None}, {"a": None, "b": [1]}, None]
        assert rows[0]["huge"] == str(2**70)
        assert [row["reward"] for row in rows] == pytest.approx([row["reward/token_f1"] for row in rows])
        assert finished.warnings == tuple(
            f"column {name!r} holds values that share no type and is written as JSON text"
            for name in ("hollow", "huge", "mixed")
        )


def test_messages_survive(tmp_path: Path) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    completion = [{"role": "assistant", "content": "a", "tool_calls": [call]}, {"role": "tool", "content": "wet"}]
    record = {"prompt": [{"role": "user", "content": "hi"}], "completion": completion, "reference": "a"}
    data = write_lines(tmp_path / "a.jsonl", [record] * 3)
    run(data, tmp_path / "b.parquet", batch_size=2)
    run(tmp_path / "b.parquet", tmp_path / "c.jsonl", value="again")
    rows = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    assert [row["reward"] for row in rows] == [row["again"] for row in rows] == [1.0] * 3
    assert rows[0]["completion"][0]["tool_calls"] == [call]
    assert rows[0]["completion"][1] == {"role": "tool", "content": "wet", "tool_calls": None}


def test_a_damaged_parquet_file_is_one_clean_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(UserError, match=r"a\.parquet cannot be read as Parquet: "):
        run(path, tmp_path / "b.jsonl")
    pq.write_table(
        pa.Table.from_pylist([record(i) for i in range(5000)]), path, compression="none", use_dictionary=False
    )
    data = bytearray(path.read_bytes())
    data[4:2000] = b"\xff" * 1996
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.parquet cannot be read to its end: "):
        run(path, tmp_path / "b.jsonl")
