"""Desk: one reward as the server knows it, with the intake that scores what clients send."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

from guerdon.errors import UserError
from guerdon.intake import Intake, IntakeOptions
from guerdon.reward import Reward, reward_of
from guerdon.sample import Sample, SampleScores, in_unit_range
from guerdon.scorer import Scorer, with_state

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class Unscored(Exception):
    """A sample has no value, and the dialect has no way to say so."""


class Taking(Protocol):
    """What a desk asks of an intake; :class:`guerdon.intake.Intake` says what each is."""

    counts: Counter[str]
    batch_sizes: Counter[int]
    held: int

    async def submit(self, sample: Sample) -> SampleScores:
        """The scores of a sample."""

    async def submit_all(self, samples: Sequence[Sample]) -> list[SampleScores]:
        """The scores of several samples, in order."""

    async def drain(self) -> None:
        """Take nothing more, and wait until all that is held has been scored."""


OpenIntake = Callable[[Reward | Scorer, IntakeOptions], Taking]


class Desk:
    """A named reward and its intake, which is made on the event loop of the first sample.

    ``open_intake`` makes it, where samples do not meet in this process.

    >>> from guerdon.rewards import ExactMatch
    >>> desk = Desk("exact", ExactMatch())
    >>> desk.unit(0.5)
    0.5
    """

    def __init__(
        self,
        name: str,
        scoring: Reward | Scorer,
        options: IntakeOptions | None = None,
        *,
        fallback: float | None = None,
        open_intake: OpenIntake = Intake,
    ) -> None:
        if not _NAME.fullmatch(name) or ".." in name:
            raise UserError(f"name={name!r} cannot stand in a path; use letters, digits, '_', '-' and '.'")
        self.name, self.fallback = name, fallback
        self.reward = reward_of(scoring)
        self._scoring = with_state(scoring)
        self._options = options or IntakeOptions()
        self._open = open_intake
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.fallbacks = 0

    @cached_property
    def intake(self) -> Taking:
        """The intake; it belongs to the loop on which it is first asked for."""
        return self._open(self._scoring, self._options)

    async def score(self, samples: Sequence[Sample]) -> list[SampleScores]:
        """The scores of samples, in order; see :meth:`guerdon.intake.Intake.submit` for what it raises."""
        if len(samples) == 1:
            results = [await self.intake.submit(samples[0])]
        else:
            results = await self.intake.submit_all(samples)
        for result in results:
            for path, note in result.notes.items():
                if note is not None and note.outcome != "scored":
                    self.outcomes[path, note.outcome.value] += 1
        return results

    def number(self, result: SampleScores) -> float:
        """The value, or the fallback, counted.

        Raises:
            Unscored: there is neither.
        """
        if result.scored:
            return result.value
        if self.fallback is None:
            raise Unscored(result.note or "not scored")
        self.fallbacks += 1
        return self.fallback

    def unit(self, value: float) -> float:
        """A value mapped from the reward's range to [0, 1]; as it is where the range is not finite."""
        return in_unit_range(value, self.reward.range)
