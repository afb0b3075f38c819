"""Values inside a composition that are only known when a batch is there: a column's values, a schedule's value at a step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import guerdon.shaping.schedules as schedules
from guerdon.batch import Batch
from guerdon.errors import CompositionError, UserError, closest
from guerdon.frozen import FrozenDict, freeze
from guerdon.registry import register

SCHEDULES: Mapping[str, Callable[..., float]] = MappingProxyType(
    {
        "linear": schedules.linear,
        "cosine": schedules.cosine,
        "exponential": schedules.exponential,
        "piecewise": schedules.piecewise,
        "warmup": schedules.warmup,
        "residual": schedules.residual_weight,
    }
)


@register("value")
@dataclass(frozen=True)
class Column:
    """The values of a batch column, one per sample, as an option of a rule.

    >>> Column("domain")
    Column(name='domain')
    """

    name: str


@register("value")
@dataclass(frozen=True)
class Schedule:
    """A number that depends on the training step; a batch without a step is an error.

    >>> Schedule("linear", {"start": 0.0, "end": 1.0, "steps": 10}).at(5)
    0.5
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=FrozenDict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", freeze(dict(self.options)))
        if self.kind not in SCHEDULES:
            raise CompositionError(f"kind={self.kind!r} is no schedule; {closest(self.kind, SCHEDULES)}")
        try:
            inspect.signature(SCHEDULES[self.kind]).bind(0, **self.options)
        except TypeError as error:
            raise CompositionError(f"schedule {self.kind!r} with options {dict(self.options)}: {error}") from None

    def at(self, step: int | None) -> float:
        """The value at a training step."""
        if step is None:
            raise UserError(
                f"schedule {self.kind!r} needs the training step and the batch has none; "
                "give Batch(..., step=...) or train with a trainer that passes its state"
            )
        return float(SCHEDULES[self.kind](step, **self.options))


def resolve(value: Any, batch: Batch, reward: str) -> Any:
    """``value`` with every marker replaced by what it stands for in this batch."""
    if isinstance(value, Column):
        return batch.column(value.name, reward=reward)
    if isinstance(value, Schedule):
        return value.at(batch.step)
    if isinstance(value, tuple):
        return tuple(resolve(item, batch, reward) for item in value)
    return value


def marked_columns(value: Any) -> frozenset[str]:
    """The columns named by markers in a value."""
    if isinstance(value, Column):
        return frozenset({value.name})
    if isinstance(value, tuple):
        return frozenset().union(*(marked_columns(item) for item in value))
    return frozenset()


def follows_step(value: Any) -> bool:
    """Whether a value holds a schedule."""
    if isinstance(value, tuple):
        return any(follows_step(item) for item in value)
    return isinstance(value, Schedule)
