"""Running a method over examples: many at a time, each once, what was made kept as it comes, going on after a kill."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

from guerdon.errors import UserError
from guerdon.frozen import plain
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.rubrics.examples import Example, example_of
from guerdon.rubrics.method import Ask, Made, Method, Status
from guerdon.rubrics.records import Record, Records
from guerdon.runtime import background, on_background_loop
from guerdon.spec import fingerprint


@dataclass(frozen=True)
class Summary:
    """What a run came to.

    Attributes:
        examples: rows that were given, equal ones counted once under ``distinct``.
        distinct: pieces of work among them.
        resumed: how many of these were finished before.
        statuses: how many ended in which way, those before included.
        calls: questions put to the writer, the judge and tools in this session.
        usage: what the replies of this session say they used, summed: tokens, cost.
        seconds: wall time of this session.
    """

    examples: int
    distinct: int
    resumed: int
    statuses: Mapping[str, int]
    calls: Mapping[str, int]
    usage: Mapping[str, float]
    seconds: float


@dataclass
class Progress:
    """How far a run is: pieces of work done, all there are where that is known, calls so far."""

    done: int = 0
    total: int | None = None
    kept: int = 0
    calls: int = 0


Watch = Callable[[Progress], None]


@dataclass
class _Spent:
    calls: Counter[str] = field(default_factory=Counter)
    usage: Counter[str] = field(default_factory=Counter)


def generated(
    examples: Iterable[Example | Mapping[str, Any]],
    method: Method,
    *,
    chat: ChatModel,
    judge: ChatModel | None = None,
    window: int = 64,
) -> Iterator[tuple[Example, Made]]:
    """Each distinct example with what the method made of it, in the order they finish.

    ``chat`` writes, ``judge`` checks (default: the same model, which then judges its own work). At most ``window`` examples are
    worked on at a time; how many questions wait at once is up to the chat models.

    Raises:
        UserError: an example that cannot be read, or a window below 1.

    >>> from guerdon.models.chat import ScriptedChat
    >>> from guerdon.rubrics import PromptOnly
    >>> writer = ScriptedChat({}, default="1. The response greets. [Principle]")
    >>> [(example, made)] = generated([{"prompt": "Say hi."}, {"prompt": "Say hi."}], PromptOnly(), chat=writer)
    >>> made.status, made.rubric.render()
    (<Status.KEPT: 'kept'>, '1. The response greets.')
    """
    seen: set[str] = set()
    spent = _Spent()

    def fresh() -> Iterator[tuple[str, Example]]:
        for example in _read(examples):
            key = method.key(example)
            if key not in seen:
                seen.add(key)
                yield key, example

    for _, example, made, _ in _worked(fresh(), method, chat, judge or chat, window, spent):
        yield example, made


def generate(
    examples: Iterable[Example | Mapping[str, Any]],
    method: Method,
    out: str | Path,
    *,
    chat: ChatModel,
    judge: ChatModel | None = None,
    window: int = 64,
    restart: bool = False,
    watch: Watch | None = None,
    total: int | None = None,
) -> Summary:
    """Run a method over examples and append what is made to the JSONL file ``out``; what stands there already is not made again.

    A line holds ``id``, ``method``, ``prompt``, ``status``, ``rubric`` (a record, null where none was written), ``reason``, the
    method's details, ``calls`` and ``usage``. A run that was stopped, in whatever way, goes on when it is called again: finished
    examples are passed over, those whose replies did not arrive are asked about again. ``restart`` begins anew.

    Raises:
        UserError: ``out`` holds something else, or was made by another method.
    """
    started, spent = monotonic(), _Spent()
    progress = Progress(total=total)
    given: Counter[str] = Counter()
    with Records(Path(out), fingerprint(method), restart=restart) as records:
        finished = {key for key, record in records.done.items() if Status(record["status"]).final}
        again: set[str] = set()

        def fresh() -> Iterator[tuple[str, Example]]:
            for example in _read(examples):
                key = method.key(example)
                given[key] += 1
                if key in finished and given[key] == 1:
                    again.add(key)
                    _tell(progress, watch, records.done[key]["status"])
                elif given[key] == 1:
                    yield key, example

        for key, example, made, own in _worked(fresh(), method, chat, judge or chat, window, spent):
            records.append(_record(key, example, made, own, method))
            progress.calls = sum(spent.calls.values())
            _tell(progress, watch, made.status)
        statuses = Counter(str(records.done[key]["status"]) for key in given)
    return Summary(
        sum(given.values()),
        len(given),
        len(again),
        dict(sorted(statuses.items())),
        dict(sorted(spent.calls.items())),
        dict(sorted(spent.usage.items())),
        monotonic() - started,
    )


def _tell(progress: Progress, watch: Watch | None, status: str) -> None:
    progress.done += 1
    progress.kept += status == Status.KEPT
    if watch is not None:
        watch(progress)


def _read(examples: Iterable[Example | Mapping[str, Any]]) -> Iterator[Example]:
    for number, example in enumerate(examples, 1):
        yield example if isinstance(example, Example) else example_of(example, where=f"example {number}")


def _record(key: str, example: Example, made: Made, own: _Spent, method: Method) -> Record:
    return {
        "id": key,
        "method": fingerprint(method),
        "prompt": example.prompt,
        "status": str(made.status),
        "rubric": None if made.rubric is None else made.rubric.as_dict(),
        "reason": made.reason,
        **plain(made.details),
        "calls": dict(own.calls),
        "usage": dict(own.usage),
    }


def _worked(
    works: Iterator[tuple[str, Example]],
    method: Method,
    chat: ChatModel,
    judge: ChatModel,
    window: int,
    spent: _Spent,
) -> Iterator[tuple[str, Example, Made, _Spent]]:
    """Each piece of work with what was made of it and what that took, ``window`` of them under way."""
    if window < 1:
        raise UserError(f"window={window} must be at least 1")
    if on_background_loop():
        raise UserError("rubrics cannot be generated from inside a reward; call this from a thread of your own")
    running: dict[Future[tuple[Made, _Spent]], tuple[str, Example]] = {}
    try:
        while True:
            for key, example in islice(works, window - len(running)):
                running[background().submit(_carried_out(method, example, chat, judge))] = (key, example)
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key, example = running.pop(future)
                made, own = future.result()
                spent.calls.update(own.calls)
                spent.usage.update(own.usage)
                yield key, example, made, own
    finally:
        for future in running:
            future.cancel()


async def _carried_out(method: Method, example: Example, chat: ChatModel, judge: ChatModel) -> tuple[Made, _Spent]:
    spent, work = _Spent(), method.work(example)
    try:
        asks = next(work)
        while True:
            asks = work.send(await _answered(asks, chat, judge, spent))
    except StopIteration as end:
        made: Made = end.value
        return made, spent


async def _answered(asks: Sequence[Ask], chat: ChatModel, judge: ChatModel, spent: _Spent) -> list[ChatReply]:
    """The replies to questions, in order: of the writer, of the judge, and of tools, all asked at once."""
    roles = ["tool" if not isinstance(ask.request, ChatRequest) else "judge" if ask.judge else "writer" for ask in asks]
    spent.calls.update(roles)

    async def told(role: str, model: ChatModel) -> list[ChatReply]:
        requests = [
            a.request for a, r in zip(asks, roles, strict=True) if r == role and isinstance(a.request, ChatRequest)
        ]
        return list(await model.complete(requests)) if requests else []

    uses = [ask.request for ask in asks if not isinstance(ask.request, ChatRequest)]
    used = asyncio.gather(*(asyncio.to_thread(use.tool.run, use.arguments) for use in uses))
    written, judged, results = await asyncio.gather(told("writer", chat), told("judge", judge), used)
    left = {"writer": iter(written), "judge": iter(judged), "tool": iter(results)}
    replies = [next(left[role]) for role in roles]
    for reply in replies:
        spent.usage.update({name: float(value) for name, value in reply.usage.items()})
    return replies
