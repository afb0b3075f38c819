"""Reading and writing JSON Lines: what is a record, what is not, and where in the file it stands."""

from __future__ import annotations

import gzip
import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.errors import UserError
from guerdon.scoring import jsonl
from guerdon.scoring.jsonl import JsonLines, Malformed, line_of, parse_record
from guerdon.scoring.rows import Place

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_what_is_written_is_read_back(record: dict[str, object]) -> None:
    line = line_of(record)
    assert line.count(b"\n") == 1
    assert parse_record(line) == record


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON: Expecting property name enclosed in double quotes at character 2"),
        (b'{"prompt": "Cap', "not JSON: Unterminated string starting at character 12"),
        (b'{"a": 1} {"b": 2}', "not JSON: Extra data at character 10"),
        (b'{"a": tru}', "not JSON: Expecting value at character 7"),
        (b'{"a": "\xff"}', "not UTF-8: byte 8 is 0xff"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8: byte 1 is 0xff"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8: byte 8 is 0xed"),
        (b'{"a": "x\\ud800"}', "text with half a surrogate pair, '\\ud800', which no Unicode text holds"),
        (b'{"a": 1, "a": 2}', "key 'a' is given twice"),
        (b'{"m": [{"role": "user", "role": "tool"}]}', "key 'role' is given twice"),
        (b"[1, 2]", "a JSON array, not an object"),
        (b'"text"', "a JSON string, not an object"),
        (b"3", "a JSON number, not an object"),
        (b"null", "a JSON null, not an object"),
        (b"true", "a JSON boolean, not an object"),
        (b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper than 64 levels"),
        (b'{"a": ' + b"[" * 100_000, "nested deeper than 64 levels"),
        (b'{"a": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_001, "nested deeper than 64 levels"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not readable: Exceeds the limit"),
        (b"\x00\x00\x00", "not JSON: Expecting value at character 1"),
    ],
)
def test_what_is_no_record_says_why(line: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as found:
        parse_record(line)
    assert str(found.value).startswith(reason)


def test_depth_below_the_limit_and_many_brackets_are_fine() -> None:
    assert parse_record(b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}")
    assert parse_record(json.dumps({"a": [[]] * 100}).encode())
    assert parse_record(json.dumps({"a": "[" * 1000}).encode())
    assert parse_record(b'{"a": "\\ud83d\\ude00 \\\\ud800"}') == {"a": "😀 \\ud800"}


def test_numbers_json_does_not_have_are_read_as_python_writes_them_and_written_as_null() -> None:
    record = parse_record(b'{"a": NaN, "b": [Infinity, 1], "c": 1e999}')
    assert math.isnan(record["a"])
    assert record["b"][0] == record["c"] == math.inf
    assert line_of(record) == b'{"a": null, "b": [null, 1], "c": null}\n'


def test_values_beyond_json_are_said_in_words() -> None:
    moment = datetime(2024, 1, 2, 3, tzinfo=UTC)
    assert line_of({"t": moment, "d": Decimal("1.10"), "s": (1, 2), "n": {1: moment.date()}}) == (
        b'{"t": "2024-01-02T03:00:00+00:00", "d": "1.10", "s": [1, 2], "n": {"1": "2024-01-02"}}\n'
    )
    assert line_of({"a": "\ud800"}) == b'{"a": "?"}\n'
    with pytest.raises(UserError, match=r"column 'image' holds bytes, which JSON cannot; write Parquet"):
        line_of({"image": {"bytes": b"x"}})


def test_rows_know_their_place(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"a": 1}\r\n\n   \n{"a": 2}\nnonsense\n{"a": 3}'
    for path in (tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"):
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
        source = JsonLines(path)
        rows = list(source.rows())
        assert [(row.after.number, dict(row.record), bool(row.fault)) for row in rows] == [
            (1, {"a": 1}, False),
            (4, {"a": 2}, False),
            (5, {}, True),
            (6, {"a": 3}, False),
        ]
        assert rows[2].text == "nonsense"
        assert [row.after for row in source.rows(rows[0].after)] == [row.after for row in rows[1:]]
        assert list(source.rows(rows[-1].after)) == []
        assert rows[-1].after == Place(6, len(data))
    assert JsonLines(tmp_path / "a.jsonl").share(rows[-1].after) == 1.0


def test_a_row_that_is_too_long_is_rejected_without_reading_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "LONGEST_ROW", 100)
    monkeypatch.setattr(jsonl, "KEPT", 10)
    path = tmp_path / "a.jsonl"
    short = b'{"a": 1}\n'
    long = b'{"a": "' + b"x" * 1000 + b'"}\n'
    exact = b'{"a": "' + b"y" * 90 + b'"}\n'
    assert len(exact) == 100
    path.write_bytes(short + long + exact + long.rstrip())
    rows = list(JsonLines(path).rows())
    assert [row.after.number for row in rows] == [1, 2, 3, 4]
    assert [bool(row.fault) for row in rows] == [False, True, False, True]
    assert rows[1].fault == "longer than 0 MiB (1010 bytes)"
    assert rows[1].text == '{"a": "xxx'
    assert rows[3].after.offset == path.stat().st_size


def test_a_json_array_a_damaged_archive_and_an_unreadable_file_are_errors(tmp_path: Path) -> None:
    array = tmp_path / "a.json"
    array.write_text('[\n{"a": 1}\n]')
    with pytest.raises(UserError, match=r"a\.json holds a JSON array; it must hold one JSON object per line"):
        list(JsonLines(array).rows())
    damaged = tmp_path / "a.jsonl.gz"
    damaged.write_bytes(gzip.compress(b'{"a": 1}\n' * 10_000)[:-20])
    with pytest.raises(UserError, match=r"a\.jsonl\.gz cannot be read after line \d+"):
        list(JsonLines(damaged).rows())
    with pytest.raises(UserError, match=r"cannot be read after line 0: .*No such file"):
        list(JsonLines(tmp_path / "none.jsonl").rows())
