"""Batch: the completions to be scored, column by column."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.errors import MissingColumn, UserError, closest
from guerdon.text.reading import read
from guerdon.text.trajectory import Trajectory, completion_text, parse_trajectory, prompt_text

T = TypeVar("T")
Column = tuple[Any, ...]

RESERVED = frozenset({"prompts", "completions", "groups", "completion_ids", "logprobs", "step"})


class Batch:
    """N completions with their prompts and any further named columns; immutable.

    ``prompts`` and ``completions`` hold strings or chat messages (images and tool calls included). ``groups`` (N,) says
    which samples answer the same prompt: samples sharing a number are siblings. Where it is not given it is derived from
    equal prompts, never from position. ``completion_ids`` and ``logprobs`` are per-sample token sequences, ``step`` is the
    training step. Every further keyword is a column of N values.

    Raises:
        UserError: a column whose length is not N, or a column under a reserved name.

    >>> batch = Batch(prompts=["2+2?", "2+2?", "3+3?"], completions=["4", "5", "6"], answer=["4", "4", "6"])
    >>> batch
    Batch(3 completions, 2 groups, columns: answer)
    >>> batch.groups.tolist()
    [0, 0, 1]
    >>> batch.select([2])["answer"]
    ('6',)
    """

    def __init__(
        self,
        completions: Sequence[Any],
        prompts: Sequence[Any] | None = None,
        *,
        groups: ArrayLike | Sequence[Hashable] | None = None,
        completion_ids: Sequence[Sequence[int]] | None = None,
        logprobs: Sequence[Sequence[float]] | None = None,
        step: int | None = None,
        columns: Mapping[str, Sequence[Any]] | None = None,
        **named: Sequence[Any],
    ) -> None:
        size = len(completions)
        self.completions: Column = tuple(completions)
        self.prompts: Column | None = None if prompts is None else self._sized("prompts", prompts, size)
        self.columns: dict[str, Column] = {}
        for name, values in {**(columns or {}), **named}.items():
            if name in RESERVED:
                raise UserError(f"column name {name!r} is reserved; rename the column")
            self.columns[name] = self._sized(name, values, size)
        self.completion_ids = None if completion_ids is None else self._sized("completion_ids", completion_ids, size)
        self.logprobs = None if logprobs is None else self._sized("logprobs", logprobs, size)
        self.step = step
        self._given_groups = groups is not None
        self.groups: NDArray[np.int64] = self._number_groups(groups, size)
        self.groups.flags.writeable = False
        self._memory: dict[Hashable, Any] = {}

    @staticmethod
    def _sized(name: str, values: Sequence[Any], size: int) -> Column:
        if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
            raise UserError(f"{name}={values!r:.80} must be a sequence with one value per completion ({size})")
        if len(values) != size:
            raise UserError(f"{name} has {len(values)} values for {size} completions; give one value per completion")
        return tuple(values)

    def _number_groups(self, groups: ArrayLike | Sequence[Hashable] | None, size: int) -> NDArray[np.int64]:
        if groups is not None:
            keys = groups.tolist() if isinstance(groups, np.ndarray) else list(groups)  # type: ignore[arg-type]
            return _number(self._sized("groups", keys, size))
        if self.prompts is None:
            return np.arange(size, dtype=np.int64)
        return _number([message_key(prompt) for prompt in self.prompts])

    # -- making one ---------------------------------------------------------------------------------------------------

    @classmethod
    def from_records(
        cls,
        records: Iterable[Mapping[str, Any]],
        *,
        prompt: str = "prompt",
        completion: str = "completion",
        group: str | None = None,
        step: int | None = None,
    ) -> Batch:
        """A batch from one mapping per sample; a key missing in some records is None there.

        >>> Batch.from_records([{"prompt": "a", "completion": "b", "answer": 1}])["answer"]
        (1,)
        """
        rows = list(records)
        names = dict.fromkeys(name for row in rows for name in row)
        if rows and completion not in names:
            raise UserError(f"completion={completion!r} is not a key of the records; {closest(completion, names)}")
        columns = {name: [row.get(name) for row in rows] for name in names}
        completions = columns.pop(completion, [])
        prompts = columns.pop(prompt, None)
        groups = None
        if group is not None:
            if rows and group not in columns:
                raise UserError(f"group={group!r} is not a key of the records; {closest(group, names)}")
            groups = [message_key(value) for value in columns.get(group, [])]
        ids: Any = columns.pop("completion_ids", None)
        logprobs: Any = columns.pop("logprobs", None)
        return cls(
            completions, prompts, groups=groups, completion_ids=ids, logprobs=logprobs, step=step, columns=columns
        )

    @classmethod
    def from_dataset(cls, dataset: Any, **names: Any) -> Batch:
        """A batch from a Hugging Face dataset (or any iterable of mappings); see :meth:`from_records`."""
        return cls.from_records(dataset, **names)

    @classmethod
    def concat(cls, batches: Sequence[Batch]) -> Batch:
        """One batch of all rows. Groups that were given explicitly stay apart between batches; derived ones are derived anew.

        >>> len(Batch.concat([Batch(["a"], ["q"]), Batch(["b"], ["q"])]))
        2
        """
        if not batches:
            raise UserError("batches is empty; give at least one batch")
        names = set(batches[0].columns)
        for batch in batches:
            if set(batch.columns) != names:
                raise UserError(f"batches have different columns: {sorted(names)} and {sorted(batch.columns)}")
        if len({batch.step for batch in batches}) > 1:
            raise UserError(f"batches have different steps: {sorted(str(batch.step) for batch in batches)}")

        def joined(pick: Callable[[Batch], Column | None]) -> list[Any] | None:
            parts = [pick(batch) for batch in batches]
            return None if any(part is None for part in parts) else [v for part in parts for v in part or ()]

        given = any(batch._given_groups for batch in batches)
        keys = [(i, int(g)) for i, batch in enumerate(batches) for g in batch.groups] if given else None
        return cls(
            [completion for batch in batches for completion in batch.completions],
            joined(lambda batch: batch.prompts),
            groups=None if keys is None else _number(keys),
            completion_ids=joined(lambda batch: batch.completion_ids),
            logprobs=joined(lambda batch: batch.logprobs),
            step=batches[0].step,
            columns={name: [v for batch in batches for v in batch.columns[name]] for name in batches[0].columns},
        )

    def select(self, rows: ArrayLike) -> Batch:
        """The batch of these rows (indices or a boolean mask), siblings keeping their common number."""
        index = np.asarray(rows)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        picked = index.astype(np.int64).tolist()

        def take(values: Column | None) -> Column | None:
            return None if values is None else tuple(values[i] for i in picked)

        return Batch(
            tuple(self.completions[i] for i in picked),
            take(self.prompts),
            groups=self.groups[picked],
            completion_ids=take(self.completion_ids),
            logprobs=take(self.logprobs),
            step=self.step,
            columns={name: take(values) or () for name, values in self.columns.items()},
        )

    def replace(self, *, completions: Sequence[Any] | None = None, **columns: Sequence[Any]) -> Batch:
        """This batch with other completions or with these columns set."""
        own = completions is None
        return Batch(
            self.completions if completions is None else completions,
            self.prompts,
            groups=self.groups,
            completion_ids=self.completion_ids if own else None,
            logprobs=self.logprobs if own else None,
            step=self.step,
            columns={**self.columns, **columns},
        )

    # -- reading it ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.completions)

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def __getitem__(self, column: str) -> Column:
        return self.column(column)

    def column(self, name: str, *, reward: str = "batch", expected: str = "one value per completion") -> Column:
        """The values of a column.

        Raises:
            MissingColumn: naming the reward, the column, what it should hold and the columns present.
        """
        try:
            return self.columns[name]
        except KeyError:
            raise MissingColumn(reward, name, expected, self.columns) from None

    def texts(self, of: str = "visible") -> tuple[str | None, ...]:
        """What each completion says in ``of`` (see :func:`guerdon.text.reading.read`); None where it has no such part."""
        return self.cached(("texts", of), lambda: tuple(read(completion_text(c), of) for c in self.completions))

    @cached_property
    def prompt_texts(self) -> tuple[str, ...]:
        """Every prompt as text; empty where there are no prompts."""
        return tuple("" if p is None else prompt_text(p) for p in self.prompts or (None,) * len(self))

    @cached_property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """Every completion parsed into typed turns."""
        return tuple(parse_trajectory(completion) for completion in self.completions)

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of ``make()``, kept for this batch so that rewards share one parse."""
        if key not in self._memory:
            self._memory[key] = make()
        return self._memory[key]  # type: ignore[no-any-return]

    def tie(self, column: str) -> NDArray[np.int64]:
        """(N,) numbers that are equal where the column's values are; ``"group"`` means the groups, ``"batch"`` ties all."""
        if column == "group":
            return self.groups
        if column == "batch":
            return np.zeros(len(self), dtype=np.int64)
        return _number([message_key(value) for value in self.column(column)])

    def by_group(self) -> Iterator[NDArray[np.int64]]:
        """The rows of each group, groups in order of first appearance.

        >>> [rows.tolist() for rows in Batch(["a", "b", "c"], ["x", "y", "x"]).by_group()]
        [[0, 2], [1]]
        """
        return iter(group_rows(self.groups))

    def records(self) -> Iterator[dict[str, Any]]:
        """One mapping per sample, the inverse of :meth:`from_records`."""
        for i, completion in enumerate(self.completions):
            row: dict[str, Any] = {} if self.prompts is None else {"prompt": self.prompts[i]}
            row["completion"] = completion
            yield row | {name: values[i] for name, values in self.columns.items()}

    def __repr__(self) -> str:
        columns = ", ".join(self.columns) or "none"
        step = "" if self.step is None else f", step {self.step}"
        return f"Batch({len(self)} completions, {len(set(self.groups.tolist()))} groups, columns: {columns}{step})"


def group_rows(groups: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows of every group, groups in order of first appearance."""
    if not len(groups):
        return []
    order = np.argsort(groups, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return sorted(rows, key=lambda row: int(row[0]))


def message_key(value: Any) -> Hashable:
    """A hashable stand-in for a prompt or a column value: equal values give equal keys."""
    if isinstance(value, (str, int, float, bool, bytes)) or value is None:
        return value
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _number(keys: Sequence[Hashable]) -> NDArray[np.int64]:
    """Equal keys get equal numbers, counted from 0 in order of first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
