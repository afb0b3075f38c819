"""Chunks: rows cut into batches where no group reaches across, so that siblings are always scored together."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import UserError
from guerdon.reward import Reward
from guerdon.scoring.layout import Layout, hash64
from guerdon.scoring.rows import Place, Row, Source

#: Rows and bytes after which a chunk is closed as soon as it may be.
BATCH_SIZE = 1024
BATCH_BYTES = 32 * 2**20
#: Siblings that lie further apart are not gathered.
LARGEST_CHUNK = 100_000

Cuts = NDArray[np.bool_]


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows that are scored together, and where the next chunk starts."""

    rows: tuple[Row, ...]
    after: Place


def chunks(
    rows: Iterable[Row], *, size: int = BATCH_SIZE, bytes_: int = BATCH_BYTES, cuts: Cuts | None = None
) -> Iterator[Chunk]:
    """Rows in chunks of ``size`` rows or ``bytes_`` bytes, whichever is first; where ``cuts`` are given, only cut there.

    ``cuts[n]`` says whether a chunk may end with the row of number ``n``.
    """
    held: list[Row] = []
    weight = 0
    for row in rows:
        held.append(row)
        weight += row.size
        if (len(held) >= size or weight >= bytes_) and (cuts is None or cuts[row.after.number]):
            yield Chunk(tuple(held), row.after)
            held, weight = [], 0
    if held:
        yield Chunk(tuple(held), held[-1].after)


def find_cuts(source: Source, layout: Layout, reward: Reward, limit: int | None = None) -> Cuts | None:
    """Where the data may be cut: after rows that no group reaches across. None: anywhere, since no reward compares rows.

    One pass over the data, which keeps some numbers for every run of equal keys.

    Raises:
        UserError: rows that must be scored together lie more than ``LARGEST_CHUNK`` rows apart.
    """
    if reward.siblings is None:
        return None
    grouped = layout.group is not None or layout.prompt is not None
    ties = ["group", reward.siblings] if grouped and reward.siblings != "group" else [reward.siblings]
    keys = [array("Q") for _ in ties]
    ends, sizes = array("q"), array("q")
    for row in map(layout.checked, islice(source.rows(), limit)):
        if row.fault:
            continue
        key = [tie_key(tie, layout, row) for tie in ties]
        if ends and all(column[-1] == value for column, value in zip(keys, key, strict=True)):
            ends[-1], sizes[-1] = row.after.number, sizes[-1] + 1
            continue
        ends.append(row.after.number)
        sizes.append(1)
        for column, value in zip(keys, key, strict=True):
            column.append(value)
    clean = np.ones(len(ends), dtype=bool)
    for column in keys:
        clean &= closed(np.array(column, dtype=np.uint64))
    last = np.array(ends, dtype=np.int64)
    _check_spans(source, layout, reward, last, np.array(sizes, dtype=np.int64), clean)
    cuts = np.zeros(int(last[-1]) + 1 if len(last) else 1, dtype=bool)
    cuts[last[clean]] = True
    return cuts


def tie_key(tie: str, layout: Layout, row: Row) -> int:
    """A number that rows share which a reward tied by ``"group"``, ``"batch"`` or a column must see together."""
    if tie == "group":
        return layout.group_key(row)
    return 0 if tie == "batch" else hash64(row.record.get(tie))


def tie_keys(reward: Reward, layout: Layout, rows: Sequence[Row], groups: Sequence[int]) -> Sequence[int]:
    """The tie keys of rows whose group keys are known."""
    tie = reward.siblings or "group"
    return groups if tie == "group" else [tie_key(tie, layout, row) for row in rows]


def closed(keys: NDArray[np.uint64]) -> Cuts:
    """(N,) whether no key at or before a position occurs after it.

    >>> closed(np.array([1, 2, 1, 3], dtype=np.uint64)).tolist()
    [False, False, True, True]
    """
    _, first, inverse = np.unique(keys[::-1], return_index=True, return_inverse=True)
    last = (len(keys) - 1 - first)[inverse[::-1]]
    return np.asarray(np.maximum.accumulate(last) == np.arange(len(keys)), dtype=bool)


def _check_spans(
    source: Source, layout: Layout, reward: Reward, ends: NDArray[np.int64], sizes: NDArray[np.int64], clean: Cuts
) -> None:
    rows = np.concatenate([[0], np.cumsum(sizes)[clean]])
    spans = np.diff(rows)
    if not len(spans) or spans.max() <= LARGEST_CHUNK:
        return
    if reward.siblings == "batch":
        raise UserError(
            f"reward {reward.name!r} compares all rows with each other, and there are more than {LARGEST_CHUNK}; "
            "take a rule that compares within groups (such as 'zscore'), or score fewer rows with --limit"
        )
    widest = int(spans.argmax())
    before = ends[clean][widest - 1] if widest else 0
    where = f"{source.unit}s {before + 1} to {ends[clean][widest]} of {source.name}"
    column = layout.group or layout.prompt if reward.siblings == "group" else reward.siblings
    raise UserError(
        f"reward {reward.name!r} compares rows of equal {column!r}, and in {where} they lie too far apart to be scored "
        f"together (more than {LARGEST_CHUNK} rows). Sort the data by {column!r}, so that they follow each other"
    )
