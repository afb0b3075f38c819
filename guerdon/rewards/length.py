"""Rewards on how long a completion is, how it repeats itself, and whether it overran its budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.markers import Schedule, resolve
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.rewards.textual import Referenced, Unreferenced
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.length import length_floor, length_match, soft_overlong
from guerdon.text.repetition import repeated_ngrams

UNITS = ("characters", "words", "tokens")
PLAIN = Batch(["Mitochondria make the ATP of the cell.", "Blood carries oxygen to the body."], ["Why?", "How?"])


@register("reward")
@dataclass(frozen=True, repr=False)
class Length(Reward):
    """How long the completion is: a count of ``unit``, not a reward by itself but what rules on length are given.

    ``unit`` is tokens (from ``completion_ids``), words or characters. Range [0, inf). Reads no column. With ``unit="tokens"`` a
    batch without ``completion_ids`` is not scored (``missing_data``).

    >>> Length(unit="words").score(Batch(["a b", ""])).values.tolist()
    [2.0, 0.0]
    """

    unit: str = "tokens"
    of: str = field(default="whole", kw_only=True)

    bounds = (0.0, math.inf)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_unit(self.unit)

    def _score(self, batch: Batch) -> Scores:
        return counted(batch, self.unit, self.of)

    @classmethod
    def example_reward(cls) -> Length:
        return cls(unit="words")

    @classmethod
    def example(cls) -> Example:
        return Example(PLAIN)


def check_unit(unit: str) -> None:
    """Raise where ``unit`` is none of :data:`UNITS`."""
    if unit not in UNITS:
        raise UserError(f"unit={unit!r} is unknown; {closest(unit, UNITS)}")


def counted(batch: Batch, unit: str, of: str) -> Scores:
    """Each completion's length; NaN where tokens are wanted and the batch has no ``completion_ids``."""
    if unit == "tokens" and batch.completion_ids is None:
        note = Note(Outcome.MISSING_DATA, "the batch has no completion_ids to count tokens of; use unit='words'")
        return Scores(np.full(len(batch), np.nan), notes={"": (note,) * len(batch)})
    if unit == "tokens":
        return Scores(np.array([len(ids) for ids in batch.completion_ids or ()], dtype=np.float64))
    texts = [text or "" for text in batch.texts(of)]
    return Scores(np.array([len(t) if unit == "characters" else len(t.split()) for t in texts], dtype=np.float64))


@register("reward")
@dataclass(frozen=True, repr=False)
class LengthFloor(Unreferenced):
    """1 for a completion of at least ``minimum`` characters, n / minimum below; n counted after stripping.

    Range [0, 1]. Reads no column; never NaN. It cannot tell good text from long text: combine it with a reward that does.

    Source: co-author's code of Pappone et al. 2025.

    >>> LengthFloor(minimum=10).score(Batch(["12345", "1234567890123"])).values.tolist()
    [0.5, 1.0]
    """

    minimum: int = 10

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minimum < 1:
            raise UserError(f"minimum={self.minimum} must be at least 1 character")

    def _values(self, texts: Sequence[str]) -> Floats:
        return length_floor(np.array([len(text.strip()) for text in texts]), minimum=self.minimum)

    @classmethod
    def example(cls) -> Example:
        return Example(PLAIN, {"empty": ["", ""], "blank": [" " * 100, "\n" * 100]})


@register("reward")
@dataclass(frozen=True, repr=False)
class LengthMatch(Referenced):
    """How close the completion's length is to the reference's: exp(-|ln(n / n*)|), characters after stripping, at least 1.

    1 when equal, 0.5 when doubled or halved. Range [0, 1]. Column ``reference`` (a list: the closest counts). An empty completion
    counts as one character. NaN without a reference.

    Source: co-author's code of Pappone et al. 2025.

    >>> LengthMatch().score(Batch(["abcd", "ab"], reference=["wxyz", "wxyz"])).values.round(6).tolist()
    [1.0, 0.5]
    """

    bounds = (0.0, 1.0)

    def legible(self, batch: Batch) -> tuple[list[str], list[Note | None]]:
        return [text or "" for text in batch.texts(self.of)], [None] * len(batch)

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        lengths = np.array([[len(side.strip()) for side in pair] for pair in pairs])
        return length_match(lengths[:, 0], lengths[:, 1]), {}

    @classmethod
    def example(cls) -> Example:
        references = [str(text) for text in PLAIN.completions]
        return Example(
            PLAIN.replace(reference=references), {"empty": ["", ""], "ten times": [text * 10 for text in references]}
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class Repetition(Unreferenced):
    """A penalty for saying the same again: -(share of n-grams that repeat an earlier one), times ``strength``.

    Range [-strength, 0]. Reads no column; never NaN. A text shorter than ``n`` words has nothing to repeat and scores 0.

    >>> Repetition(n=2).score(Batch(["a b a b", "a b c d"])).values.round(4).tolist()
    [-0.3333, 0.0]
    """

    n: int = 3
    strength: float = 1.0

    @property
    def range(self) -> tuple[float, float]:
        return (-self.strength, 0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n < 1 or self.strength < 0:
            raise UserError(f"n={self.n} must be at least 1 and strength={self.strength} not negative")

    def _values(self, texts: Sequence[str]) -> Floats:
        return np.array(
            [0.0 - self.strength * repeated_ngrams(text.split(), self.n) for text in texts], dtype=np.float64
        )

    @classmethod
    def example(cls) -> Example:
        return Example(PLAIN, {"loop": ["the cell the cell the cell the cell", "a b c " * 50], "empty": ["", ""]})


@register("reward")
@dataclass(frozen=True, repr=False)
class Overlong(Reward):
    """A penalty for running over the budget: 0 up to ``limit - buffer``, then linear down to -1 at ``limit`` and beyond.

    ``unit`` is tokens (from ``completion_ids``), words or characters. Range [-1, 0]. Reads no column. With ``unit="tokens"`` a
    batch without ``completion_ids`` is not scored (``missing_data``).

    Source: Yu et al. 2025, DAPO (arXiv 2503.14476), soft overlong punishment.

    >>> Overlong(limit=4, buffer=2, unit="words").score(Batch(["a b", "a b c", "a b c d e"])).values.tolist()
    [0.0, -0.5, -1.0]
    """

    limit: int = 1024
    buffer: int = 256
    unit: str = "tokens"
    of: str = field(default="whole", kw_only=True)

    bounds = (-1.0, 0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_unit(self.unit)
        if not 0 <= self.buffer <= self.limit:
            raise UserError(f"buffer={self.buffer} must lie between 0 and limit={self.limit}")

    def _score(self, batch: Batch) -> Scores:
        lengths = counted(batch, self.unit, self.of)
        penalty = soft_overlong(lengths.values, limit=self.limit, buffer=self.buffer)
        return Scores(penalty, notes=lengths.notes)

    @classmethod
    def example_reward(cls) -> Overlong:
        return cls(limit=20, buffer=10, unit="words")

    @classmethod
    def example(cls) -> Example:
        return Example(PLAIN, {"endless": ["on and " * 5000, "word " * 40]})


@register("reward")
@dataclass(frozen=True, repr=False)
class ThoughtLength(Reward):
    """How long the thought is beside ``target`` words: min(1, round(words / target, 2)).

    The thought stands between the last ``<think>`` and the next ``</think>``; without it the value is 0. ``target`` may be a
    :class:`~guerdon.markers.Schedule`. Range [0, 1]. Reads no column; never NaN. It pays for padding: use it only beside a reward
    that does not.

    Source: Qian et al. 2025, ToolRL (arXiv 2504.13958), released code.

    >>> ThoughtLength(target=4).score(Batch(["<think>so it is</think> 4", "4"])).values.tolist()
    [0.75, 0.0]
    """

    target: float | Schedule = 512.0

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.target, Schedule) and not 0 < self.target < math.inf:
            raise UserError(f"target={self.target!r} must be a positive number of words")

    def _score(self, batch: Batch) -> Scores:
        target = float(resolve(self.target, batch, self.name))
        if not target > 0:
            raise UserError(
                f"target={self.target!r} is {target} at step {batch.step}; it must be a positive number of words"
            )
        thoughts = [last_thought(text or "") for text in batch.texts("whole")]
        return Scores(
            np.array([min(1.0, round(len(thought.split()) / target, 2)) for thought in thoughts], dtype=np.float64)
        )

    @classmethod
    def example_reward(cls) -> ThoughtLength:
        return cls(target=4)

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["<think>two and two make four</think> 4", "<think>one more than two</think> 3"], ["2+2?", "1+2?"]
        )
        return Example(honest, {"empty": ["", ""], "no thought": ["two and two make four", "3"]})


def last_thought(text: str) -> str:
    """What stands between the last ``<think>`` and the next ``</think>``, "" where a tag is missing.

    >>> last_thought("<think>a</think> <think>b</think>")
    'b'
    """
    if "<think>" not in text or "</think>" not in text:
        return ""
    return text.rpartition("<think>")[2].partition("</think>")[0].strip()
