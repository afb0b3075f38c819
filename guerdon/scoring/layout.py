"""Layout: which column of the data is what, which rows cannot be scored, and the batch that the others make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from guerdon.batch import RESERVED, Batch, message_key
from guerdon.errors import MissingColumn, UserError, closest
from guerdon.reward import Reward
from guerdon.scoring.rows import Row
from guerdon.text.trajectory import messages_of

SEQUENCES = ("completion_ids", "logprobs")
PROMPT, COMPLETION = "prompt", "completion"


@dataclass(frozen=True)
class Layout:
    """How the records of one file become a batch.

    Attributes:
        completion, prompt, group: the columns that hold them; None: there is no such column.
        sequences: which of ``completion_ids`` and ``logprobs`` every row has.
        reads: the columns that the reward reads.
        added: the columns that scoring adds; no row may have them.
    """

    completion: str = COMPLETION
    prompt: str | None = PROMPT
    group: str | None = None
    sequences: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()

    def fault(self, record: Mapping[str, Any]) -> str:
        """Why a record cannot be scored; empty for a good one.

        >>> Layout(prompt=None).fault({"completion": None})
        "no completion: 'completion' is null"
        """
        if not _is_said(record.get(self.completion)):
            return f"no completion: {_found(self.completion, record)}"
        if self.prompt is not None and not _is_said(record.get(self.prompt)):
            return f"no prompt: {_found(self.prompt, record)}"
        if self.group is not None and _is_missing(record.get(self.group)):
            return f"no group: {_found(self.group, record)}"
        for name in self.sequences:
            if not isinstance(record.get(name), (list, tuple)):
                return f"no {name}: {_found(name, record, 'a list')}"
        taken = self.added.intersection(record)
        return f"the row already has {min(taken)!r}, which scoring adds" if taken else ""

    def checked(self, row: Row) -> Row:
        """The row, rejected where it cannot be scored."""
        fault = row.fault or self.fault(row.record)
        return row if fault == row.fault else row.rejected(fault)

    def batch(self, records: Sequence[Mapping[str, Any]], step: int | None = None) -> Batch:
        """The batch of records without fault. A column that some lack is None there."""
        special = {self.completion, self.prompt, *self.sequences, *RESERVED}
        names = dict.fromkeys([*(name for record in records for name in record), *sorted(self.reads)])
        return Batch(
            [record[self.completion] for record in records],
            None if self.prompt is None else [record[self.prompt] for record in records],
            groups=None if self.group is None else [message_key(record[self.group]) for record in records],
            step=step,
            columns={name: [record.get(name) for record in records] for name in names if name not in special},
            **{name: [record[name] for record in records] for name in self.sequences},
        )

    def group_key(self, row: Row) -> int:
        """A 64-bit number that siblings share; a row of data without prompts and groups has its own."""
        column = self.group or self.prompt
        return row.after.number if column is None else hash64(row.record.get(column))


def find_layout(
    reward: Reward,
    rows: Iterable[Row],
    *,
    declared: Sequence[str] | None,
    prompt: str | None,
    completion: str,
    group: str | None,
    added: frozenset[str],
) -> Layout:
    """The layout of data from its first rows and the columns it declares.

    Raises:
        UserError: a column that was asked for, or that the reward needs, is not there, or one that scoring adds is.
        MissingColumn: the reward reads a column that is not there.
    """
    records = [row.record for row in rows if not row.fault]
    names = list(dict.fromkeys([*(declared or ()), *(name for record in records for name in record)]))
    if not names:
        return Layout(completion, prompt, group, (), reward.columns, added)
    for option, name in (("completion", completion), ("prompt", prompt), ("group", group)):
        if name is not None and name not in names:
            raise UserError(f"--{option} {name!r} is not a column of the data; {closest(name, names)}")
    found = prompt if prompt is not None else PROMPT if PROMPT in names and completion != PROMPT else None
    sequences = tuple(name for name in SEQUENCES if any(record.get(name) is not None for record in records))
    taken = added.intersection(names)
    if taken:
        raise UserError(
            f"the data already has the column {min(taken)!r}, which scoring adds; "
            "call what is added by another name, for example: --as score"
        )
    columns = set(names) - {completion, found, *sequences} - RESERVED
    for part in reward.walk():
        for name, expected in part.own_columns.items():
            if name not in columns:
                raise MissingColumn(part.name, name, expected, columns)
    if reward.siblings == "group" and found is None and group is None:
        raise UserError(
            f"reward {reward.name!r} compares the completions of one prompt, and the data has no column 'prompt'; "
            "say which column holds the prompt (--prompt) or tells groups apart (--group)"
        )
    return Layout(completion, found, group, sequences, reward.columns, added)


def hash64(value: Any) -> int:
    """A stable 64-bit hash of a column's value; values that make one group have one hash.

    >>> hash64(1) == hash64(1.0), hash64("1") == hash64(1)
    (True, False)
    """
    key = message_key(value)
    said = f"s{key}" if isinstance(key, str) else f"n{hash(key)}" if isinstance(key, (int, float)) else repr(key)
    return int.from_bytes(blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _is_said(value: Any) -> bool:
    """Whether a value is text or chat messages."""
    if isinstance(value, str):
        return True
    if not isinstance(value, (list, tuple, Mapping)):
        return False
    try:
        messages_of(value)
    except TypeError:
        return False
    return True


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _found(column: str, record: Mapping[str, Any], wanted: str = "text or chat messages") -> str:
    if column not in record:
        return f"the row has no {column!r}"
    value = record[column]
    names = {bool: "a boolean", int: "a number", float: "a number", bytes: "bytes", list: "a list", dict: "an object"}
    kind = "null" if value is None else "NaN" if value != value else names.get(type(value), type(value).__name__)
    return f"{column!r} is {kind}" + ("" if kind in ("null", "NaN") else f", not {wanted}")
