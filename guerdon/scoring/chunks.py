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

    One pass over the data; about 40 bytes of memory per row.

    Raises:
        UserError: rows that must be scored together lie more than ``LARGEST_CHUNK`` rows apart.
    """
    if reward.siblings is None:
        return None
    ties = [name for name in ("group", reward.siblings) if name == reward.siblings or layout.group or layout.prompt]
    columns = {name for name in (layout.prompt, layout.group, *ties) if name}
    keys: dict[str, array[int]] = {tie: array("Q") for tie in ties}
    numbers = array("q")
    for row in islice(source.rows(columns=sorted(columns)), limit):
        numbers.append(row.after.number)
        for tie, column in keys.items():
            column.append(tie_key(tie, layout, row))
    at = np.frombuffer(numbers, dtype=np.int64) if numbers else np.empty(0, dtype=np.int64)
    clean = np.ones(len(at), dtype=bool)
    for tie, column in keys.items():
        clean &= _clean(np.frombuffer(column, dtype=np.uint64) if column else np.empty(0, dtype=np.uint64))
    _check_span(source, layout, reward, at, clean)
    cuts = np.zeros(int(at[-1]) + 1 if len(at) else 1, dtype=bool)
    cuts[at] = clean
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


def _clean(keys: NDArray[np.uint64]) -> Cuts:
    """(N,) whether no key at or before a position occurs after it."""
    if not len(keys):
        return np.ones(0, dtype=bool)
    _, last, inverse = np.unique(keys[::-1], return_index=True, return_inverse=True)
    final = (len(keys) - 1 - last)[inverse[::-1]]
    return np.asarray(np.maximum.accumulate(final) == np.arange(len(keys)))


def _check_span(source: Source, layout: Layout, reward: Reward, at: NDArray[np.int64], clean: Cuts) -> None:
    ends = np.concatenate([[-1], np.flatnonzero(clean)])
    spans = np.diff(ends)
    if not len(spans) or spans.max() <= LARGEST_CHUNK:
        return
    start = int(ends[spans.argmax()]) + 1
    first, last = at[start], at[start + int(spans.max()) - 1]
    where = f"{source.unit}s {first} to {last} of {source.name}"
    if reward.siblings == "batch":
        raise UserError(
            f"reward {reward.name!r} compares all rows with each other, and there are more than {LARGEST_CHUNK}; "
            "take a rule that compares within groups (such as 'zscore'), or score fewer rows with --limit"
        )
    column = layout.group or layout.prompt if reward.siblings == "group" else reward.siblings
    raise UserError(
        f"reward {reward.name!r} compares rows of equal {column!r}, and in {where} they lie too far apart to be scored "
        f"together (more than {LARGEST_CHUNK} rows). Sort the data by {column!r}, so that they follow each other"
    )
