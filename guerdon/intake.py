"""Intake: takes samples one by one and scores them in batches, siblings together.

Trainers and clients that ask sample by sample lose what rewards gain from batches, and cannot compute what compares siblings.
An intake holds samples that need their siblings until these have come (:mod:`guerdon.rendezvous`), and scores whatever is ready
in batches under a budget. While a batch is scored the next one fills, so that nobody waits for a batch to become full.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import weakref
from collections import Counter, deque
from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Literal

from guerdon.errors import Overloaded, UserError
from guerdon.remembered import Remembered
from guerdon.rendezvous import Rendezvous
from guerdon.reward import Reward, reward_of
from guerdon.runtime import all_or_none, background
from guerdon.sample import Sample, SampleScores, batch_of, rows
from guerdon.scorer import Scorer
from guerdon.scores import Note, Outcome, Scores

Incomplete = Literal["score", "unscored"]

_WAITING_PARTS = 32  # batches in flight where parts of the reward wait for servers


@dataclass(frozen=True)
class IntakeOptions:
    """How an intake works.

    Attributes:
        group_size: samples in a group, where samples do not say; needed for rewards tied to siblings.
        group_deadline: seconds a group waits for its members, from the first on.
        incomplete: what a group gets whose members did not all come: ``"score"`` those that came (two at least; noted), or none.
        max_batch, max_tokens: the most samples, and about the most tokens, in one batch. A group is never divided.
        in_flight: batches scored at the same time; None: 32 where a part waits for a server, else 1. One where state is kept.
        capacity: samples held at once; beyond that ``Overloaded``.
        remember: finished samples with an id whose scores are remembered (in 128 MiB at most), so that one submitted again is not
            scored again.
    """

    group_size: int | None = None
    group_deadline: float = 60.0
    incomplete: Incomplete = "score"
    max_batch: int = 256
    max_tokens: int = 262_144
    in_flight: int | None = None
    capacity: int = 65_536
    remember: int = 16_384

    def __post_init__(self) -> None:
        for name in ("group_deadline", "max_batch", "max_tokens", "capacity"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"{name}={getattr(self, name)!r} must be positive")
        for name in ("group_size", "in_flight"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"{name}={getattr(self, name)!r} must be at least 1, or None")
        if self.incomplete not in ("score", "unscored"):
            raise UserError(f"incomplete={self.incomplete!r} is unknown; choose 'score' or 'unscored'")
        if self.remember < 0:
            raise UserError(f"remember={self.remember!r} must not be negative")


@dataclass(eq=False)
class _Ticket:
    """One sample in the intake, and those who wait for its scores."""

    sample: Sample
    tie: Hashable
    name: Hashable
    tokens: int
    done: asyncio.Future[SampleScores]
    waiting: int = 0
    taken: bool = False
    note: str = ""


@dataclass(eq=False)
class _Unit:
    """Tickets that are scored in one batch or not at all."""

    tickets: list[_Ticket]
    tokens: int = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = sum(ticket.tokens for ticket in self.tickets)


class Intake:
    """Scores samples that come one by one. It belongs to the event loop on which it is made.

    Each sample is scored exactly once, however often it is submitted under its id; one that nobody waits for any more is dropped if
    its scoring has not begun. A sample that cannot be scored (a missing column, say) fails alone. ``counts`` tells what
    happened: samples, batches, duplicates, withdrawn, complete, incomplete and late groups.

    Raises:
        UserError: the reward is tied to siblings and nothing says how many; or it reads the policy, which lives in the trainer.

    >>> async def two() -> list[float]:
    ...     from guerdon.rewards import ExactMatch
    ...
    ...     intake = Intake(ExactMatch())
    ...     said = [Sample(text, columns={"reference": "4"}) for text in ("4", "5")]
    ...     return [scores.value for scores in await intake.submit_all(said)]
    >>> asyncio.run(two())
    [1.0, 0.0]
    """

    def __init__(self, scoring: Reward | Scorer, options: IntakeOptions | None = None) -> None:
        self.reward = reward_of(scoring)
        self.scoring = scoring
        self.options = options or IntakeOptions()
        if self.reward.needs_policy:
            raise UserError(
                f"reward {self.reward.name!r} reads the policy being trained; it must be scored in the trainer"
            )
        if scoring is self.reward and self.reward.stateful:
            raise UserError(f"reward {self.reward.name!r} keeps state in training; give the intake reward.scorer()")
        self.tie = self.reward.siblings
        self.counts: Counter[str] = Counter()
        self.batch_sizes: Counter[int] = Counter()
        self.held = 0
        self._in_flight = _batches_in_flight(self.reward, self.options)
        self._ready: deque[_Unit] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._pending: dict[Hashable, _Ticket] = {}
        self._remembered = Remembered(self.options.remember)
        self._closed = self._scheduled = False
        self._groups: Rendezvous[_Ticket] = Rendezvous(
            self.options.group_deadline, self._gathered, self._incomplete, self._late
        )

    # -- taking samples in --------------------------------------------------------------------------------------------

    async def submit(self, sample: Sample) -> SampleScores:
        """The scores of a sample, once it has been scored.

        Raises:
            Overloaded: more samples are held than ``capacity``, or the intake is closed.
            MissingColumn: the sample lacks a column.
            UserError: its id was used for another completion.
        """
        name = sample.name
        if name is not None and (finished := self._remembered.get(name)) is not None:
            self._again(sample, finished.digest)
            return finished.scores
        ticket = self._admitted(sample, name)
        ticket.waiting += 1
        try:
            return await asyncio.shield(ticket.done)
        except asyncio.CancelledError:
            if not ticket.done.done() and ticket.waiting == 1:
                self._withdraw(ticket)
            raise
        finally:
            ticket.waiting -= 1

    async def submit_all(self, samples: Sequence[Sample]) -> list[SampleScores]:
        """The scores of several samples, in order; the first failure is raised and the others are given up."""
        return await all_or_none(self.submit(sample) for sample in samples)

    async def drain(self) -> None:
        """Take nothing more; let incomplete groups expire now, and wait until all that is held has been scored."""
        self._closed = True
        self._groups.flush()
        while self._ready or self._running:
            await asyncio.sleep(0)
            if self._running:
                await asyncio.wait(self._running)

    def _again(self, sample: Sample, digest: bytes) -> None:
        """Count a sample that is submitted again; ``digest`` is of what came first under its name."""
        if sample.digest != digest:
            raise UserError(f"id={sample.id!r} was already used for another completion of its group")
        self.counts["duplicates"] += 1

    def _admitted(self, sample: Sample, name: Hashable) -> _Ticket:
        sample.check(self.reward)
        if name is not None and (known := self._pending.get(name)) is not None:
            self._again(sample, known.sample.digest)
            return known
        tie = None if self.tie is None else sample.tie(self.tie)
        size = self._size(sample)
        if self._closed or self.held >= self.options.capacity:
            raise Overloaded(
                "the intake is closed" if self._closed else f"{self.held} samples are waiting to be scored"
            )
        ticket = _Ticket(sample, tie, name, sample.tokens, asyncio.get_running_loop().create_future())
        self.held += 1
        self.counts["samples"] += 1
        if name is not None:
            self._pending[name] = ticket
        if self.tie is None:
            self._queue(_Unit([ticket]))
        else:
            self._groups.add(tie, ticket, size=size)
        return ticket

    def _size(self, sample: Sample) -> int:
        size = sample.siblings or self.options.group_size
        if self.tie is not None and not size:
            raise UserError(
                f"reward {self.reward.name!r} compares siblings and nothing says how many there are; "
                "set group_size (the trainer's number of rollouts per prompt)"
            )
        return size or 1

    def _withdraw(self, ticket: _Ticket) -> None:
        """Forget a ticket nobody waits for; once its batch is being scored it is left to finish."""
        if not ticket.taken if self.tie is None else self._groups.withdraw(ticket.tie, ticket):
            self.counts["withdrawn"] += 1
            self._released(ticket)
            ticket.done.cancel()

    # -- groups -------------------------------------------------------------------------------------------------------

    def _gathered(self, tickets: list[_Ticket]) -> None:
        self.counts["complete"] += 1
        self._queue(_Unit(tickets))

    def _incomplete(self, tickets: list[_Ticket], size: int) -> None:
        said = f"{len(tickets)} of {size} siblings came within {self.options.group_deadline:g} s"
        self.counts["incomplete"] += 1
        if self.options.incomplete == "score" and len(tickets) > 1:
            for ticket in tickets:
                ticket.note = said
            self._queue(_Unit(tickets))
        else:
            for ticket in tickets:
                self._settle(ticket, SampleScores.unscored(self.reward, Outcome.MISSING_DATA, said))

    def _late(self, ticket: _Ticket) -> None:
        said = "came after its group had been closed"
        self.counts["late"] += 1
        self._settle(ticket, SampleScores.unscored(self.reward, Outcome.MISSING_DATA, said))

    # -- batches ------------------------------------------------------------------------------------------------------

    def _queue(self, unit: _Unit) -> None:
        self._ready.append(unit)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._scheduled = False
        while self._ready and len(self._running) < self._in_flight:
            units = self._taken()
            if units:
                task = asyncio.ensure_future(self._score(units))
                self._running.add(task)
                task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    def _taken(self) -> list[_Unit]:
        """The next units that fit into one batch: of one training step, within the budget, of different ties; one always does."""
        units: list[_Unit] = []
        ties: set[Hashable] = set()
        samples = tokens = 0
        while self._ready:
            unit = self._ready[0]
            if not all(ticket.done.done() for ticket in unit.tickets):
                first, samples, tokens = unit.tickets[0], samples + len(unit.tickets), tokens + unit.tokens
                fits = samples <= self.options.max_batch and tokens <= self.options.max_tokens
                if self.tie is not None:
                    fits = fits and self.tie != "batch" and first.tie not in ties
                if units and not (fits and first.sample.step == units[0].tickets[0].sample.step):
                    break
                units.append(unit)
                ties.add(first.tie)
            self._ready.popleft()
        for unit in units:
            for ticket in unit.tickets:
                ticket.taken = True
        return units

    async def _score(self, units: list[_Unit]) -> None:
        """Score units as one batch; where that fails, each alone, so that one sample's fault stays its own."""
        try:
            scores = await self._scores(units)
        except asyncio.CancelledError:
            self._fail(units, Overloaded("the intake was stopped before the sample was scored"))
            raise
        except Exception as error:
            if len(units) == 1:
                self._fail(units, error)
            for unit in units if len(units) > 1 else ():
                await self._score([unit])
            return
        tickets = [ticket for unit in units for ticket in unit.tickets]
        for ticket, row in zip(tickets, rows(scores), strict=True):
            if ticket.note:
                row = replace(row, notes=_noted(row, self.reward, ticket.note))
            self._settle(ticket, row)

    async def _scores(self, units: list[_Unit]) -> Scores:
        tickets = [ticket for unit in units for ticket in unit.tickets]
        groups = [(number, ticket.sample.tie("group")) for number, unit in enumerate(units) for ticket in unit.tickets]
        batch = batch_of([ticket.sample for ticket in tickets], groups, self.reward)
        self.counts["batches"] += 1
        self.batch_sizes[len(batch)] += 1
        if isinstance(self.scoring, Scorer):
            return await asyncio.to_thread(self.scoring.advance, batch)
        return await self.scoring.ascore(batch)

    def _fail(self, units: list[_Unit], error: Exception) -> None:
        for unit in units:
            for ticket in unit.tickets:
                self._settle(ticket, error)

    def _settle(self, ticket: _Ticket, result: SampleScores | Exception) -> None:
        self._released(ticket)
        if isinstance(result, Exception):
            self.counts["failed"] += 1
            if not ticket.done.done():
                ticket.done.set_exception(result)
                ticket.done.exception()  # whoever waits is told; nobody may be waiting
            return
        self.counts["scored" if result.scored else "unscored"] += 1
        if not ticket.done.done():
            ticket.done.set_result(result)
        if ticket.name is not None:
            self._remembered.add(ticket.name, ticket.sample.digest, result)

    def _released(self, ticket: _Ticket) -> None:
        self.held -= 1
        if ticket.name is not None:
            self._pending.pop(ticket.name, None)


def _noted(row: SampleScores, reward: Reward, said: str) -> dict[str, Note | None]:
    note = row.notes.get(reward.name) or Note()
    message = "; ".join(text for text in (said, note.message) if text)
    return {**row.notes, reward.name: Note(note.outcome, message, note.answer)}


def _batches_in_flight(reward: Reward, options: IntakeOptions) -> int:
    if reward.stateful:
        return 1
    if options.in_flight is not None:
        return options.in_flight
    return _WAITING_PARTS if any(inspect.iscoroutinefunction(part._score) for part in reward.walk()) else 1


# -- one intake for a process -----------------------------------------------------------------------------------------


class SharedIntake:
    """An intake on guerdon's background loop, for any thread and any event loop of the process; pickles as its description.

    >>> from guerdon.rewards import ExactMatch
    >>> shared = SharedIntake(ExactMatch())
    >>> shared.submit(Sample("4", columns={"reference": "4"})).result().value
    1.0
    """

    def __init__(self, scoring: Reward | Scorer, options: IntakeOptions | None = None) -> None:
        self.scoring, self.options = scoring, options or IntakeOptions()
        self._intake: weakref.WeakKeyDictionary[object, Intake] = weakref.WeakKeyDictionary()

    def submit(self, sample: Sample) -> Future[SampleScores]:
        """A future of the sample's scores; cancelling it withdraws the sample."""
        return background().submit(self._submit(sample))

    async def score(self, sample: Sample) -> SampleScores:
        """The scores of a sample; errors as :meth:`Intake.submit`."""
        return await asyncio.wrap_future(self.submit(sample))

    @property
    def counts(self) -> Counter[str]:
        """What has happened in this process; see :class:`Intake`."""
        intake = self._intake.get(background())
        return Counter() if intake is None else Counter(intake.counts)

    async def _submit(self, sample: Sample) -> SampleScores:
        intake = self._intake.get(background())
        if intake is None:
            intake = self._intake[background()] = Intake(self.scoring, self.options)
        return await intake.submit(sample)

    def __reduce__(self) -> tuple[type[SharedIntake], tuple[Reward | Scorer, IntakeOptions]]:
        return SharedIntake, (self.scoring, self.options)
