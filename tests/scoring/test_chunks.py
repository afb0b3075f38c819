"""Chunks are cut where no group reaches across."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Reward
from guerdon.errors import UserError
from guerdon.rewards import TokenF1
from guerdon.scoring import chunks as module
from guerdon.scoring.chunks import chunks, closed, find_cuts
from guerdon.scoring.data import open_data
from guerdon.scoring.layout import Layout
from guerdon.scoring.rows import Place, Row
from tests.scoring.files import write_lines

GROUPED = TokenF1().then("zscore")


def rows_of(sizes: list[int]) -> list[Row]:
    return [Row(Place(i, i), {}, size=size) for i, size in enumerate(sizes, 1)]


def numbers(sizes: list[int], **options: object) -> list[list[int]]:
    return [[row.after.number for row in chunk.rows] for chunk in chunks(rows_of(sizes), **options)]  # type: ignore[arg-type]


def test_chunks_close_after_so_many_rows_or_bytes() -> None:
    assert numbers([1] * 5, size=2) == [[1, 2], [3, 4], [5]]
    assert numbers([1, 9, 1, 1, 20, 1], size=3, bytes_=10) == [[1, 2], [3, 4, 5], [6]]
    assert numbers([]) == []
    cuts = np.array([False, False, False, True, False, True])
    assert numbers([1] * 5, size=1, cuts=cuts) == [[1, 2, 3], [4, 5]]


@given(st.lists(st.integers(0, 5), max_size=30))
def test_aclosed_cut_has_no_group_on_both_sides(keys: list[int]) -> None:
    clean = closed(np.array(keys, dtype=np.uint64))
    assert clean.tolist() == [not set(keys[: i + 1]) & set(keys[i + 1 :]) for i in range(len(keys))]


def cuts_of(path: Path, groups: list[str], reward: Reward = GROUPED, limit: int | None = None) -> list[int] | None:
    write_lines(path, [{"prompt": g, "completion": "a", "reference": "a", "pair": g.lower()} for g in groups])
    cuts = find_cuts(open_data(str(path)), Layout(reads=reward.columns), reward, limit)
    return None if cuts is None else np.flatnonzero(cuts).tolist()


def test_where_data_may_be_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert cuts_of(path, list("aabb"), TokenF1()) is None
    assert cuts_of(path, list("aabbbc")) == [2, 5, 6]
    assert cuts_of(path, list("aabbab")) == [6]
    assert cuts_of(path, list("abacdc")) == [3, 6]
    assert cuts_of(path, list("abacdc"), limit=4) == [3, 4]
    assert cuts_of(path, list("abcd"), TokenF1().then("batch_zscore")) == [4]
    assert cuts_of(path, []) == []


def test_malformed_rows_do_not_shift_the_cuts(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{"prompt": g, "completion": "a", "reference": "a"} for g in "aabb"])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "nonsense", "", lines[1], lines[2], lines[3]]))
    cuts = find_cuts(open_data(str(path)), Layout(), GROUPED)
    assert cuts is not None
    assert cuts[4]
    assert not cuts[5]
    assert cuts[6]
    assert not cuts[1]


def test_rejected_rows_tie_nothing(tmp_path: Path) -> None:
    good = [{"prompt": g, "completion": "a", "reference": "a"} for g in "aabb"]
    bad = [{"prompt": None, "completion": "a"}, {"prompt": "a", "completion": None}]
    path = write_lines(tmp_path / "a.jsonl", [*bad, *good, *bad])
    cuts = find_cuts(open_data(str(path)), Layout(), GROUPED)
    assert cuts is not None
    assert np.flatnonzero(cuts).tolist() == [4, 6]


def test_siblings_too_far_apart_are_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_CHUNK", 5)
    path = tmp_path / "a.jsonl"
    assert cuts_of(path, list("aabcdeff")) == [2, 3, 4, 5, 6, 8]
    with pytest.raises(
        UserError, match=r"lines 3 to 8 of .*a\.jsonl they lie too far apart .* Sort the data by 'prompt'"
    ):
        cuts_of(path, list("aabcdefb"))
    with pytest.raises(UserError, match="compares all rows with each other, and there are more than 5"):
        cuts_of(path, list("abcdefg"), TokenF1().then("batch_zscore"))
