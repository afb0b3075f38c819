"""Sample: one completion that comes alone, and what is said of it; for trainers and clients that ask sample by sample."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from guerdon.batch import Batch, message_key
from guerdon.errors import MissingColumn, UserError
from guerdon.reward import Reward
from guerdon.scores import Floats, Note, Outcome, Scores, Steps
from guerdon.text.json_text import parse_json
from guerdon.text.trajectory import messages_of

CHARACTERS_PER_TOKEN = 4  # for budgets; an estimate


@dataclass(frozen=True, eq=False)
class Sample:
    """One completion with its prompt and columns.

    Attributes:
        group: what its siblings share; None: its prompt. A trainer that meets a prompt again should give a key of its own.
        siblings: how many samples its group has; None: what the intake was told.
        id: names the sample within its group, so that a repeated submission is recognised; None: each submission counts.
        scope: samples of different scopes are never siblings; a request that brings all its siblings has one of its own.
    """

    completion: Any
    prompt: Any = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    group: Hashable = None
    siblings: int | None = None
    id: Hashable = None
    scope: Hashable = None
    completion_ids: Sequence[int] | None = None
    step: int | None = None

    def tie(self, column: str) -> Hashable:
        """What it shares with those it must be scored with: its group, the value of a column, or nothing where ``"batch"``."""
        if column == "batch":
            return self.scope
        if column != "group":
            return self.scope, message_key(self.columns.get(column))
        return self.scope, message_key(self.prompt if self.group is None else self.group)

    @property
    def tokens(self) -> int:
        """About how many tokens it has."""
        return 1 + (_characters(self.completion) + _characters(self.prompt)) // CHARACTERS_PER_TOKEN

    @property
    def name(self) -> Hashable:
        """What it shares with another submission of it; None without an ``id``."""
        return None if self.id is None else (digest_of(self.tie("group")), self.id)

    @cached_property
    def digest(self) -> bytes:
        """16 bytes that another sample has only if it says the same."""
        return digest_of(message_key([self.prompt, self.completion]))

    def check(self, reward: Reward) -> None:
        """Raise where it cannot be scored whatever the reward's instruments do.

        Raises:
            MissingColumn: a column is not there that the reward reads.
            UserError: the completion or the prompt is neither text nor chat messages.
        """
        for name, said in (("completion", self.completion), ("prompt", self.prompt)):
            if not isinstance(said, str):
                _check_messages(name, said)
        for name in sorted(reward.columns - self.columns.keys()):
            reader = next((each for each in reward.walk() if name in each.own_columns), reward)
            raise MissingColumn(reader.name, name, reader.own_columns.get(name, "a value"), self.columns)


def batch_of(samples: Sequence[Sample], groups: Sequence[Hashable], reward: Reward) -> Batch:
    """The batch of these samples, with the columns that the reward reads."""
    prompts = None if all(sample.prompt is None for sample in samples) else [sample.prompt for sample in samples]
    ids = [sample.completion_ids for sample in samples]
    return Batch(
        [sample.completion for sample in samples],
        prompts,
        groups=groups,
        completion_ids=None if any(row is None for row in ids) else [row or () for row in ids],
        step=samples[0].step,
        columns={name: [sample.columns[name] for sample in samples] for name in sorted(reward.columns)},
    )


@dataclass(frozen=True, eq=False)
class SampleScores:
    """What a reward says of one sample: the row of :class:`~guerdon.scores.Scores` that is about it. NaN: not scored."""

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, Note | None] = field(default_factory=dict)
    steps: Steps | None = None
    tokens: Floats | None = None
    uncertainty: float | None = None

    @property
    def scored(self) -> bool:
        """Whether there is a value."""
        return not np.isnan(self.value)

    @property
    def note(self) -> str:
        """Everything noted, one clause per part."""
        return " | ".join(f"{path}: {note}" for path, note in self.notes.items() if note)

    def or_else(self, fallback: float) -> float:
        """The value, or the fallback for trainers that must have a number."""
        return self.value if self.scored else fallback

    @classmethod
    def unscored(cls, reward: Reward, outcome: Outcome, message: str) -> SampleScores:
        """No value in any part, for this reason.

        Raises:
            UserError: an outcome that stands for a value.
        """
        if not outcome.unscored:
            raise UserError(f"outcome={outcome!r} is one of a scored sample")
        nan = float("nan")
        return cls(nan, dict.fromkeys(reward.part_owners, nan), {reward.name: Note(outcome, message)})


def rows(scores: Scores) -> Iterator[SampleScores]:
    """What scores say of each sample, in order."""
    parts = {path: part.tolist() for path, part in scores.parts.items()}
    spread = None if scores.uncertainty is None else scores.uncertainty.tolist()
    for i, value in enumerate(scores.values.tolist()):
        yield SampleScores(
            value,
            {path: part[i] for path, part in parts.items()},
            {path: notes[i] for path, notes in scores.notes.items()},
            None if scores.steps is None else scores.steps[i],
            None if scores.tokens is None else scores.tokens[i],
            None if spread is None else spread[i],
        )


def in_unit_range(value: float, span: tuple[float, float]) -> float:
    """A value mapped from the range of a reward to [0, 1]; as it is where the range is not finite.

    >>> in_unit_range(0.5, (-1.0, 1.0)), in_unit_range(7.0, (0.0, float("inf")))
    (0.75, 7.0)
    """
    low, high = span
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return value
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _check_messages(name: str, said: Any) -> None:
    try:
        messages_of(said)
    except TypeError:
        raise UserError(f"{name}={said!r:.80} must be text or a list of chat messages") from None


def digest_of(key: Any) -> bytes:
    """16 bytes that another key has only if it is written alike."""
    return blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_characters(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return sum(_characters(item) for item in value)
    return 0


def columns_from_label(reward: Reward, label: Any, others: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The columns a reward reads, from the one label that some trainers carry, and other fields beside it.

    A label that is a mapping, or the text of a JSON object, gives the columns it has; ``others`` give those it has not; one
    column that is still missing is the label itself.

    Raises:
        UserError: several columns are still missing.

    >>> from guerdon.rewards import ExactMatch
    >>> columns_from_label(ExactMatch(), "4"), columns_from_label(ExactMatch(), '{"reference": "4"}')
    ({'reference': '4'}, {'reference': '4'})
    """
    named = label if isinstance(label, Mapping) else _json_object(label)
    given = {**(others or {}), **(named or {})}
    columns = {name: given[name] for name in reward.columns if name in given}
    missing = sorted(reward.columns - columns.keys())
    if len(missing) > 1:
        raise UserError(
            f"reward {reward.name!r} reads the columns {missing} too; give the label as a JSON object with these keys"
        )
    return columns | dict.fromkeys(missing, label)


def _json_object(label: Any) -> Mapping[str, Any] | None:
    if not isinstance(label, str) or not label.lstrip().startswith("{"):
        return None
    found = parse_json(label)
    return found if isinstance(found, dict) else None
