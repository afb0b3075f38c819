"""Scores: what a reward says of a batch, part by part, with the reason for every gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.errors import UserError

Floats = NDArray[np.float64]


class Outcome(StrEnum):
    """What happened to one sample in one part, beyond its number.

    The first block blames the instrument or the data (the value is NaN), the second is a decision of the composition,
    the third describes what the policy wrote or what was done to read it (the value stands).
    """

    UNPARSEABLE = "unparseable"
    UNDECIDED = "undecided"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    TIMED_OUT = "timed_out"
    TRANSPORT_ERROR = "transport_error"
    INSTRUMENT_ERROR = "instrument_error"
    MISSING_DATA = "missing_data"

    SKIPPED = "skipped"
    FILTERED = "filtered"

    EMPTY = "empty"
    MALFORMED = "malformed"
    WINDOWED = "windowed"
    SCORED = "scored"

    @property
    def unscored(self) -> bool:
        """Whether a sample with this outcome has no value."""
        return self in _UNSCORED


_UNSCORED = frozenset(list(Outcome)[:10])


@dataclass(frozen=True, slots=True)
class Note:
    """Why a part gave a sample its value: a typed outcome, the extracted answer, a critique or message."""

    outcome: Outcome = Outcome.SCORED
    message: str = ""
    answer: str | None = None

    def __str__(self) -> str:
        said = "; ".join(text for text in (self.message, self.answer and f"answer {self.answer!r}") if text)
        return f"{self.outcome}: {said}" if said else str(self.outcome)


Notes = tuple[Note | None, ...]


@dataclass(frozen=True, eq=False)
class Steps:
    """Rewards of one sample's steps: ``values`` (S,), and where each step stands in the completion, ``spans`` (S, 2) or None."""

    values: Floats
    spans: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.asarray(self.values, dtype=np.float64).reshape(-1))
        if self.spans is not None:
            spans = np.asarray(self.spans, dtype=np.int64).reshape(-1, 2)
            if len(spans) != len(self.values):
                raise UserError(f"spans has {len(spans)} rows for {len(self.values)} step values")
            object.__setattr__(self, "spans", spans)

    def __len__(self) -> int:
        return len(self.values)


REDUCTIONS: Mapping[str, Callable[[Floats], float]] = MappingProxyType(
    {
        "sum": lambda v: float(v.sum()),
        "last": lambda v: float(v[-1]) if len(v) else float("nan"),
        "mean": lambda v: float(v.mean()) if len(v) else float("nan"),
        "min": lambda v: float(v.min()) if len(v) else float("nan"),
        "product": lambda v: float(v.prod()),
    }
)


@dataclass(frozen=True, eq=False)
class Scores:
    """Values of N samples and how they came about.

    Attributes:
        values: (N,) float64, NaN = not scored.
        parts: unique path -> (N,), the same keys for every sample, unweighted.
        steps: per sample its step rewards, or None; then ``values[i] = reduction(steps[i].values)``.
        tokens: per sample one reward per completion token, aligned with ``completion_ids``, or None.
        uncertainty: (N,) standard deviations, where the method has one.
        notes: path -> per sample a :class:`Note` or None.
        report: what the run cost, see :class:`guerdon.report.Report`; not part of the result.

    >>> scores = Scores([1.0, float("nan")], notes={"judge": (None, Note(Outcome.TIMED_OUT))})
    >>> scores.outcomes()
    {'judge': {'timed_out': 1}}
    >>> scores.unscored.tolist()
    [False, True]
    """

    values: Floats
    parts: Mapping[str, Floats] = field(default_factory=dict)
    steps: tuple[Steps | None, ...] | None = None
    reduction: str = "sum"
    tokens: tuple[Floats | None, ...] | None = None
    uncertainty: Floats | None = None
    notes: Mapping[str, Notes] = field(default_factory=dict)
    report: Any = None

    def __post_init__(self) -> None:
        values = _floats("values", self.values)
        size = len(values)
        object.__setattr__(self, "values", values)
        parts = {path: _floats(f"parts[{path!r}]", part, size) for path, part in self.parts.items()}
        object.__setattr__(self, "parts", MappingProxyType(parts))
        object.__setattr__(self, "notes", MappingProxyType({p: _per_sample(p, n, size) for p, n in self.notes.items()}))
        if self.uncertainty is not None:
            object.__setattr__(self, "uncertainty", _floats("uncertainty", self.uncertainty, size))
        if self.tokens is not None:
            tokens = tuple(None if row is None else np.asarray(row, dtype=np.float64) for row in self.tokens)
            object.__setattr__(self, "tokens", _per_sample("tokens", tokens, size))
        if self.steps is not None:
            self._check_steps(size)

    def _check_steps(self, size: int) -> None:
        if self.reduction not in REDUCTIONS:
            raise UserError(f"reduction={self.reduction!r} is unknown; choices: {', '.join(REDUCTIONS)}")
        steps = _per_sample("steps", tuple(self.steps or ()), size)
        object.__setattr__(self, "steps", steps)
        for i, row in enumerate(steps):
            if row is not None and not np.isclose(
                REDUCTIONS[self.reduction](row.values), self.values[i], rtol=1e-9, atol=1e-9, equal_nan=True
            ):
                raise UserError(
                    f"values[{i}]={self.values[i]} is not the {self.reduction} of its steps {row.values.tolist()}; "
                    "make the scores with Scores.from_steps"
                )

    @classmethod
    def from_steps(
        cls, steps: Sequence[Steps | None], *, reduction: str = "sum", notes: Mapping[str, Notes] | None = None
    ) -> Scores:
        """Scores whose values are the declared reduction of the steps; a sample without steps (None) is not scored."""
        if reduction not in REDUCTIONS:
            raise UserError(f"reduction={reduction!r} is unknown; choices: {', '.join(REDUCTIONS)}")
        reduce = REDUCTIONS[reduction]
        values = [float("nan") if row is None else reduce(row.values) for row in steps]
        return cls(np.array(values, dtype=np.float64), steps=tuple(steps), reduction=reduction, notes=notes or {})

    def __len__(self) -> int:
        return len(self.values)

    @property
    def unscored(self) -> NDArray[np.bool_]:
        """(N,) true where the sample has no value."""
        return np.isnan(self.values)

    def outcomes(self) -> dict[str, dict[str, int]]:
        """How often each typed outcome occurred, part by part."""
        counts = {path: Counter(note.outcome.value for note in notes if note) for path, notes in self.notes.items()}
        return {path: dict(count) for path, count in counts.items() if count}

    def note(self, i: int) -> str:
        """Everything noted about sample ``i``, one clause per part."""
        said = ((path, notes[i]) for path, notes in self.notes.items())
        return " | ".join(f"{path}: {note}" for path, note in said if note)

    def select(self, rows: ArrayLike) -> Scores:
        """The scores of these rows (indices or a boolean mask)."""
        index = np.asarray(rows)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        index = index.astype(np.int64)

        def take(values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
            return None if values is None else tuple(values[i] for i in index.tolist())

        return replace(
            self,
            values=self.values[index],
            parts={path: part[index] for path, part in self.parts.items()},
            steps=take(self.steps),
            tokens=take(self.tokens),
            uncertainty=None if self.uncertainty is None else self.uncertainty[index],
            notes={path: take(notes) or () for path, notes in self.notes.items()},
        )

    def scatter(self, rows: NDArray[np.int64], size: int, note: Note | None = None) -> Scores:
        """These scores spread to ``rows`` of a batch of ``size``; the other rows are NaN and carry ``note``."""
        missing = np.ones(size, dtype=bool)
        missing[rows] = False

        def spread(part: Floats) -> Floats:
            full = np.full(size, np.nan)
            full[rows] = part
            return full

        def spread_rows(values: Iterable[Any] | None, fill: Any) -> tuple[Any, ...] | None:
            if values is None:
                return None
            full = [fill if absent else None for absent in missing]
            for row, value in zip(rows.tolist(), values, strict=True):
                full[row] = value
            return tuple(full)

        paths = dict.fromkeys([*self.parts, *self.notes])
        empty: Notes = (None,) * len(self)
        return replace(
            self,
            values=spread(self.values),
            parts={path: spread(part) for path, part in self.parts.items()},
            steps=spread_rows(self.steps, None),
            tokens=spread_rows(self.tokens, None),
            uncertainty=None if self.uncertainty is None else spread(self.uncertainty),
            notes={path: spread_rows(self.notes.get(path, empty), note) or () for path in paths},
        )

    def __repr__(self) -> str:
        scored = self.values[~self.unscored]
        mean = f", mean {scored.mean():.4g}" if len(scored) else ""
        return f"Scores({len(self)} samples, {int(self.unscored.sum())} unscored{mean}, parts: {', '.join(self.parts)})"


def _floats(name: str, values: ArrayLike, size: int | None = None) -> Floats:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1 or (size is not None and len(array) != size):
        raise UserError(f"{name} has shape {array.shape}; it must be ({'N' if size is None else size},)")
    if np.isinf(array).any():
        raise UserError(f"{name} holds an infinite value; a reward is finite, or NaN where it could not be scored")
    array.flags.writeable = False
    return array


def _per_sample(name: str, values: Sequence[Any], size: int) -> tuple[Any, ...]:
    if len(values) != size:
        raise UserError(f"{name} has {len(values)} entries for {size} samples; give one per sample")
    return tuple(values)
