"""Reward: a frozen description of what is measured, with one verb, ``score``.

A reward is data: it prints, compares, hashes, pickles and round-trips through YAML. What changes in training belongs to the
:class:`~guerdon.scorer.Scorer`, what it consults is named in it and loaded when first used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from guerdon.batch import Batch
from guerdon.errors import CompositionError
from guerdon.frozen import freeze
from guerdon.registry import snake_case
from guerdon.scores import Scores

if TYPE_CHECKING:
    from guerdon.scorer import Scorer

State = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """What conformance tests run a reward on: an honest batch, and by name the completions of known hacks for the same rows."""

    honest: Batch
    hacks: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def column(default: Any = MISSING, *, expects: str = "text") -> Any:
    """A dataclass field that holds the name of the batch column to read (None: not read)."""
    metadata = {"column": expects}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True, repr=False)
class Reward:
    """Base of all rewards. A subclass is a frozen dataclass with ``_score(batch)``, plain or ``async``.

    ``_score`` returns (N,) values, or :class:`Scores` whose ``parts`` and ``notes`` have paths relative to the reward, ``""``
    being the reward itself. NaN means not scored. It never changes the reward.

    Class attributes a subclass may declare:
        bounds: lowest and highest value.
        ties: which samples it must see together: None, ``"group"``, a column, or ``"batch"`` for all of them.
        reads_policy: whether it reads the model being trained.
        heavy: whether it runs a model or waits for one, so that it deserves a thread of its own.
        subparts: names of the parts it adds beside its own value.
        transparent: whether the parts of its children are its own, as in a combination.
    """

    name: str = field(default="", kw_only=True)

    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    ties: ClassVar[str | None] = None
    reads_policy: ClassVar[bool] = False
    heavy: ClassVar[bool] = False
    subparts: ClassVar[tuple[str, ...]] = ()
    transparent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, freeze(getattr(self, item.name)))
        if not self.name:
            object.__setattr__(self, "name", self._default_name())

    def _default_name(self) -> str:
        return snake_case(type(self).__qualname__.rpartition(".")[2])

    # -- what a subclass writes ---------------------------------------------------------------------------------------

    def _score(self, batch: Batch) -> Any:
        raise TypeError(f"{type(self).__name__} has no _score(batch); write one, plain or async")

    @classmethod
    def example(cls) -> Example:
        """An honest batch and known hacks, on which conformance tests run this reward."""
        raise TypeError(f"{cls.__name__} has no example(); registered rewards give one")

    @classmethod
    def example_reward(cls) -> Reward:
        """The instance that :meth:`example` is meant for."""
        return cls()

    def initial_state(self, rng: np.random.Generator) -> State | None:
        """The state a Scorer starts this reward with, or None. Stateful rewards write ``_score(batch, state)``."""
        return None

    def advanced_state(self, state: State, batch: Batch, scores: Scores) -> State:
        """The state after a training batch has been scored."""
        return state

    # -- what follows from the tree -----------------------------------------------------------------------------------

    @cached_property
    def children(self) -> tuple[Reward, ...]:
        """The rewards this one consults: those found in its fields, in order."""

        def rewards(value: Any) -> Iterator[Reward]:
            if isinstance(value, Reward):
                yield value
            elif isinstance(value, tuple):
                for item in value:
                    yield from rewards(item)
            elif isinstance(value, Mapping):
                for item in value.values():
                    yield from rewards(item)

        return tuple(reward for item in fields(self) for reward in rewards(getattr(self, item.name)))

    @cached_property
    def columns(self) -> frozenset[str]:
        """The batch columns that are read anywhere in the tree."""
        return frozenset(self.own_columns).union(*(child.columns for child in self.children))

    @property
    def own_columns(self) -> dict[str, str]:
        """Column name -> what it should hold, for the columns this reward itself reads."""
        named = ((getattr(self, f.name), f.metadata["column"]) for f in fields(self) if "column" in f.metadata)
        return {name: expects for name, expects in named if name}

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest value."""
        return self.bounds

    @property
    def own_tie(self) -> str | None:
        """Which samples this reward itself must see together; where a field decides, a subclass overrides this."""
        return self.ties

    @cached_property
    def siblings(self) -> str | None:
        """Which samples the tree must see together: None, ``"group"``, a column, or ``"batch"`` for all of them.

        Raises:
            CompositionError: two rewards of the tree are tied by different columns.
        """
        ties = {child.siblings for child in self.children} | {self.own_tie}
        if "batch" in ties:
            return "batch"
        wide = ties - {None, "group"}
        if len(wide) > 1:
            raise CompositionError(f"{self.name!r} ties samples by different columns: {sorted(map(str, wide))}")
        return wide.pop() if wide else ("group" if "group" in ties else None)

    @cached_property
    def needs_policy(self) -> bool:
        """Whether anything in the tree reads the model being trained."""
        return self.reads_policy or any(child.needs_policy for child in self.children)

    @cached_property
    def part_owners(self) -> dict[str, Reward]:
        """Path -> the reward of the tree that gives this part. What a reward merely consults gives no part.

        Raises:
            CompositionError: two different rewards give one path.
        """
        owners: dict[str, Reward] = dict.fromkeys(self.own_parts, self)
        for child in self.children if self.transparent else ():
            for path, owner in child.part_owners.items():
                if owners.setdefault(path, owner) != owner:
                    raise CompositionError(
                        f"two different rewards give the part {path!r}: {owners[path]!r} and {owner!r}; "
                        "give one of them name=..."
                    )
        return owners

    @property
    def own_parts(self) -> tuple[str, ...]:
        """The paths this reward itself adds to ``Scores.parts``."""
        return (self.name, *(f"{self.name}/{sub}" for sub in self.subparts))

    @cached_property
    def fingerprint(self) -> str:
        """A stable hash of the reward and everything named in it."""
        from guerdon.spec import fingerprint

        return fingerprint(self)

    def walk(self) -> Iterator[Reward]:
        """This reward and all below it, each once."""
        seen: set[Reward] = set()
        stack: list[Reward] = [self]
        while stack:
            reward = stack.pop()
            if reward not in seen:
                seen.add(reward)
                yield reward
                stack.extend(reversed(reward.children))

    def read(self, batch: Batch, column: str) -> tuple[Any, ...]:
        """One of this reward's own columns of a batch.

        Raises:
            MissingColumn: it is not there.
        """
        return batch.column(column, reward=self.name, expected=self.own_columns.get(column, "one value per completion"))

    # -- calling it ---------------------------------------------------------------------------------------------------

    def score(self, batch: Batch) -> Scores:
        """The scores of a batch, waiting for them. State is that of a fresh :class:`Scorer`.

        Raises:
            MissingColumn: the batch lacks a column.
            BlockedLoop: called on guerdon's own event loop, where ``await ascore`` is the way.
        """
        from guerdon.runtime import score

        return score(self, batch)

    async def ascore(self, batch: Batch) -> Scores:
        """The scores of a batch, without blocking the caller's event loop."""
        from guerdon.runtime import ascore

        return await ascore(self, batch)

    def __call__(self, *args: Any, **kwargs: Any) -> list[float | None]:
        """Score as trainers of the TRL convention ask: ``reward(prompts=, completions=, **columns) -> list``; NaN gives None."""
        from guerdon.trainer_call import call

        return call(self, *args, **kwargs)

    def scorer(self, *, seed: int = 0) -> Scorer:
        """A scorer that owns the state this reward keeps in training."""
        from guerdon.scorer import Scorer

        return Scorer(self, seed=seed)

    @property
    def stateful(self) -> bool:
        """Whether anything in the tree keeps state in training."""
        rng = np.random.default_rng(0)
        return any(reward.initial_state(rng) is not None for reward in self.walk())

    # -- the algebra --------------------------------------------------------------------------------------------------

    def then(self, rule: str | Callable[..., Any], *, name: str = "", placement: str = "", **options: Any) -> Reward:
        """This reward with a registered transform applied, e.g. ``.then("clip", low=0, high=1)``."""
        from guerdon.combine import Combine, rule_name

        return Combine((self,), rule_name(rule), options, placement, name=name)

    def part(self, path: str) -> Reward:
        """One named part of this reward as a reward of its own; the reward is still evaluated once."""
        from guerdon.combine import Part

        return Part(self, path)

    def __add__(self, other: Any) -> Any:
        from guerdon.combine import add

        return add(self, other)

    def __radd__(self, other: Any) -> Any:
        return self if other == 0 else self + other

    def __mul__(self, other: Any) -> Any:
        from guerdon.combine import multiply

        return multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> Any:
        return self * (1.0 / other)

    def __neg__(self) -> Any:
        return self * -1.0

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    # -- being data ---------------------------------------------------------------------------------------------------

    @property
    def __name__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        shown = [(f, getattr(self, f.name)) for f in fields(self) if f.repr and f.name != "name"]
        said = [f"{f.name}={value!r}" for f, value in shown if not _is_default(f, value)]
        if self.name != self._default_name():
            said.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(said)})"

    def __getstate__(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)


def reward_of(scoring: Reward | Scorer) -> Reward:
    """The reward itself, of what may be the scorer that keeps its state."""
    return scoring if isinstance(scoring, Reward) else scoring.reward


def _is_default(item: Field[Any], value: Any) -> bool:
    if item.default is not MISSING:
        return bool(value == freeze(item.default))
    return item.default_factory is not MISSING and bool(value == freeze(item.default_factory()))


Values = NDArray[np.float64]
