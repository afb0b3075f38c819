"""Runtime: evaluates a tree of rewards over a batch, its parts concurrently.

One background event loop serves the process (a new one after a fork). ``async`` parts run on it, plain parts in threads;
where nothing waits and at most one part runs a model, all run in the caller's thread, one after the other. Equal rewards are
evaluated once per batch. The caller's loop is never blocked; a plain part may call ``score`` on another reward without risk of
deadlock, since no pool is bounded.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from guerdon.batch import Batch
from guerdon.errors import BlockedLoop, CompositionError
from guerdon.report import Report, added, counters_of_part
from guerdon.report import count as count
from guerdon.reward import Reward, State
from guerdon.scores import Floats, Note, Outcome, Scores

T = TypeVar("T")
Rows = NDArray[np.int64]


# -- the background loop ----------------------------------------------------------------------------------------------


class _Loop:
    """The process's event loop in a daemon thread, and threads for plain parts."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.threads = ThreadPoolExecutor(max_workers=4096, thread_name_prefix="guerdon")
        self.thread = threading.Thread(target=self._run, name="guerdon-loop", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop within the caller's context variables."""
        done: Future[T] = Future()
        context = contextvars.copy_context()

        def start() -> None:
            task = self.loop.create_task(work, context=context)
            task.add_done_callback(lambda finished: _settle(finished, done))
            done.add_done_callback(
                lambda future: self.loop.call_soon_threadsafe(task.cancel) if future.cancelled() else None
            )

        self.loop.call_soon_threadsafe(start)
        return done

    def in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run plain work in a thread, within the caller's context variables, awaitable on the running loop."""
        context = contextvars.copy_context()
        return asyncio.get_running_loop().run_in_executor(self.threads, lambda: context.run(work))


def _settle(task: asyncio.Task[T], done: Future[T]) -> None:
    if done.cancelled():
        return
    if task.cancelled():
        done.cancel()
    elif (error := task.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(task.result())


_lock = threading.Lock()
_current: _Loop | None = None


def background() -> _Loop:
    """The process's background loop, started when first needed."""
    global _current
    with _lock:
        if _current is None:
            _current = _Loop()
        return _current


def _forget_loop() -> None:
    global _current, _lock
    _current, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_loop)


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine run on the background loop.

    Raises:
        BlockedLoop: called from that very loop.
    """
    if on_background_loop():
        work.close()
        raise BlockedLoop(
            "score() would block guerdon's own event loop; inside an async _score use `await ascore(batch)`"
        )
    return background().submit(work).result()


def on_background_loop() -> bool:
    """Whether this code runs on guerdon's event loop."""
    return _current is not None and threading.current_thread() is _current.thread


async def all_or_none(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of several coroutines run side by side, in order; after the first failure the others are given up."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


# -- evaluation -------------------------------------------------------------------------------------------------------


def score(reward: Reward, batch: Batch, states: Mapping[str, State] | None = None) -> Scores:
    """The scores of a batch, waiting for them. A part that consults its own child shares the evaluation it is scored in."""
    outer = _consulting(reward, batch)
    if outer is not None:
        evaluation, rows = outer
        work = evaluation.scores(reward, rows)
        return _drive(work) if evaluation.inline else run_blocking(work)
    evaluation = Evaluation(batch, states)
    if on_background_loop() or not _plain(reward):
        return run_blocking(evaluation.run(reward))
    return _drive(evaluation.run(reward, inline=True))


def score_all(rewards: Sequence[Reward], batch: Batch, states: Mapping[str, State] | None = None) -> list[Scores]:
    """The scores of several rewards over one batch, what they share evaluated once."""
    evaluation = Evaluation(batch, states)
    evaluation.inline = inline = not on_background_loop() and _plain(*rewards)

    async def every() -> list[Scores]:
        return await evaluation.all([evaluation.run(reward, inline=inline) for reward in rewards])

    return _drive(every()) if inline else run_blocking(every())


async def ascore(reward: Reward, batch: Batch, states: Mapping[str, State] | None = None) -> Scores:
    """The scores of a batch, without blocking the caller's loop."""
    outer = _consulting(reward, batch)
    if outer is not None and on_background_loop():
        return await outer[0].scores(reward, outer[1])
    evaluation = Evaluation(batch, states)
    if on_background_loop() and not _plain(reward):
        return await evaluation.run(reward)
    if _plain(reward):
        return await background().in_thread(lambda: _drive(evaluation.run(reward, inline=True)))
    return await asyncio.wrap_future(background().submit(evaluation.run(reward)))


def _consulting(reward: Reward, batch: Batch) -> tuple[Evaluation, Rows | None] | None:
    """The evaluation this call comes from, where a part of it asks for its own child over its own batch."""
    part = _part.get()
    if part is None or part.batch is not batch or reward not in part.evaluation.tree:
        return None
    return part.evaluation, part.rows


def _plain(*rewards: Reward) -> bool:
    """Whether nothing is gained by concurrency: no part is async and at most one is heavy."""
    heavy = 0
    for part in {part for reward in rewards for part in reward.walk()}:
        if inspect.iscoroutinefunction(part._score):
            return False
        heavy += part.heavy
    return heavy <= 1


def _drive(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never really waits."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    work.close()
    raise CompositionError("a plain reward awaited something; write its _score as `async def`")


@dataclass(frozen=True)
class _Part:
    """The part being scored: its evaluation, the batch it was given and which rows of the whole that is."""

    evaluation: Evaluation
    batch: Batch
    rows: Rows | None


_part: contextvars.ContextVar[_Part | None] = contextvars.ContextVar("part", default=None)


class Evaluation:
    """One evaluation of a reward over a batch: what is already scored, under which states, at what cost."""

    def __init__(self, batch: Batch, states: Mapping[str, State] | None = None) -> None:
        self.batch = batch
        self.states = states or {}
        self.report = Report()
        self.seen: dict[str, tuple[Batch, Any]] = {}
        self.inline = False
        self.tree: set[Reward] = set()
        self._views: dict[bytes | None, Batch] = {None: batch}
        self._scored: dict[tuple[Reward, bytes | None], asyncio.Future[Scores] | Scores] = {}

    async def run(self, reward: Reward, *, inline: bool = False) -> Scores:
        """The scores of the whole batch, with the report."""
        self.inline = inline
        self.tree |= set(reward.walk())
        reward.part_owners, reward.siblings, reward.columns  # noqa: B018 - a composition that cannot work raises here
        started = time.perf_counter()
        try:
            scores = await self.scores(reward)
        except BaseException:
            await self._abandon()
            raise
        self.report.wall = time.perf_counter() - started
        self.report.outcomes |= scores.outcomes()
        return replace(scores, report=self.report)

    async def _abandon(self) -> None:
        """Cancel what is still being scored after a failure; shared work is never cancelled by one of those who wait for it."""
        pending = [task for task in self._scored.values() if isinstance(task, asyncio.Future) and not task.done()]
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.gather(*pending, return_exceptions=True)

    async def all(self, work: Iterable[Coroutine[Any, Any, Scores]]) -> list[Scores]:
        """The results of several coroutines, run concurrently."""
        if self.inline:
            items = list(work)
            try:
                return [await item for item in items]
            finally:
                for item in items:
                    item.close()
        return await all_or_none(work)

    async def scores(self, reward: Reward, rows: Rows | None = None) -> Scores:
        """The scores of these rows of the batch (None: all), each distinct reward evaluated once."""
        if rows is not None and len(rows) == len(self.batch):
            rows = None
        key = (reward, None if rows is None else rows.tobytes())
        whole = self._scored.get((reward, None))
        if rows is not None and whole is not None:
            return (await self._settled(whole)).select(rows)
        known = self._scored.get(key)
        if known is not None:
            return await self._settled(known)
        view = self._view(rows)
        if self.inline:
            self._scored[key] = result = await self._evaluate(reward, view, rows)
            return result
        self._scored[key] = task = asyncio.ensure_future(self._evaluate(reward, view, rows))
        return await asyncio.shield(task)

    def state(self, reward: Reward) -> State | None:
        """The state this reward is scored under: the Scorer's, else the one it starts with."""
        state = self.states.get(reward.fingerprint) if self.states else None
        return reward.initial_state(np.random.default_rng(0)) if state is None else state

    async def _settled(self, known: asyncio.Future[Scores] | Scores) -> Scores:
        return known if isinstance(known, Scores) else await asyncio.shield(known)

    def _view(self, rows: Rows | None) -> Batch:
        key = None if rows is None else rows.tobytes()
        if key not in self._views:
            self._views[key] = self.batch.select(rows if rows is not None else [])
        return self._views[key]

    async def selected(self, reward: Reward, rows: Rows | None, mask: NDArray[np.bool_]) -> Scores:
        """Scores of the masked rows, spread over all ``rows``; the others are NaN, noted as skipped.

        A reward tied to siblings is scored on every complete set that holds a masked row, then masked.
        """
        here = np.arange(len(self.batch)) if rows is None else rows
        wanted = np.flatnonzero(mask)
        scored = wanted
        if reward.siblings is not None and len(wanted):
            ties = self._view(rows).tie(reward.siblings)
            scored = np.flatnonzero(np.isin(ties, ties[wanted]))
        skipped = Note(Outcome.SKIPPED)
        if not len(scored):
            empty = np.full(len(here), np.nan)
            return Scores(
                empty,
                parts=dict.fromkeys(reward.part_owners, empty),
                notes=dict.fromkeys(reward.part_owners, (skipped,) * len(here)),
            )
        scores = await self.scores(reward, here[scored])
        keep = mask[scored]
        return scores.select(keep).scatter(scored[keep], len(here), skipped)

    async def _evaluate(self, reward: Reward, view: Batch, rows: Rows | None) -> Scores:
        from guerdon.combine import Combine, Part

        if isinstance(reward, Combine):
            return await reward.combined(self, view, rows)
        if isinstance(reward, Part):
            return reward.picked(await self.scores(reward.whole, rows))
        return await self.leaf(reward, view, rows)

    async def leaf(self, reward: Reward, view: Batch, rows: Rows | None) -> Scores:
        """The scores of a reward that is no combination, over the view of the batch that holds these rows."""
        for name, expected in reward.own_columns.items():
            view.column(name, reward=reward.name, expected=expected)
        counters: Counter[str] = Counter()
        tokens = counters_of_part.set(counters), _part.set(_Part(self, view, rows))
        state = self.state(reward)
        arguments: tuple[Any, ...] = (view,) if state is None else (view, state)
        started = time.perf_counter()
        try:
            if inspect.iscoroutinefunction(reward._score):
                raw = await reward._score(*arguments)
            elif self.inline:
                raw = reward._score(*arguments)
            else:
                raw = await background().in_thread(lambda: reward._score(*arguments))
        finally:
            counters_of_part.reset(tokens[0])
            _part.reset(tokens[1])
        self.report.seconds[reward.name] = self.report.seconds.get(reward.name, 0.0) + time.perf_counter() - started
        if counters:
            self.report.counters = added(self.report.counters, {reward.name: counters})
        scores = qualified(reward, raw, len(view))
        if state is not None:
            self.seen[reward.fingerprint] = (view, scores)
        return scores


def qualified(reward: Reward, raw: Any, size: int) -> Scores:
    """What a reward's ``_score`` returned, checked and with its paths made absolute."""
    scores = raw if isinstance(raw, Scores) else Scores(np.asarray(raw, dtype=np.float64))
    if len(scores) != size:
        raise CompositionError(f"reward {reward.name!r} gave {len(scores)} values for {size} completions")
    if set(scores.parts) - {""} != set(reward.subparts):
        raise CompositionError(
            f"reward {reward.name!r} declares the parts {reward.subparts} and gave {tuple(scores.parts)}; they must be the same"
        )
    parts: dict[str, Floats] = {reward.name: scores.values}
    parts |= {f"{reward.name}/{path}": part for path, part in scores.parts.items() if path}
    notes: defaultdict[str, Any] = defaultdict(lambda: (None,) * size)
    notes |= {f"{reward.name}/{path}" if path else reward.name: rows for path, rows in scores.notes.items()}
    return replace(scores, parts=parts, notes=dict(notes))
