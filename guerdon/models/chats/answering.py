"""Answering a batch of requests: known ones out of the record, equal ones once, the rest asked, all at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.chats.record import Record, open_record
from guerdon.models.chats.spending import Spending
from guerdon.models.chats.wire import request_key
from guerdon.models.images import UnreadableImage
from guerdon.models.loaded import loaded
from guerdon.runtime import all_or_none
from guerdon.scores import Outcome

Ask = Callable[[ChatRequest], Awaitable[tuple[ChatReply, Spending]]]


class _Flight:
    """A call that several may wait for; the last to go away cancels it, the first to get its reply pays."""

    def __init__(self, task: asyncio.Task[tuple[ChatReply, Spending]]) -> None:
        self.task, self.waiting, self.paid = task, 0, False


async def answered(
    requests: Sequence[ChatRequest], ask: Ask | None, *, asked_of: Sequence[Any], cache: str | None
) -> list[ChatReply]:
    """One reply per request, in order; what it took is counted in the report. Runs on guerdon's background loop.

    Args:
        ask: puts one request to the model; None: replay, nothing is asked.
        asked_of: what decides a reply besides the request.
        cache: file of the record.
    """
    keys = [request_key(request, *asked_of) for request in requests]
    record = None if cache is None else open_record(cache, "replay" if ask is None else "record")
    spent = Spending()
    known: dict[bytes, ChatReply] = {}
    if record is not None:
        known = await record.find(list(dict.fromkeys(key for key in keys if key is not None)))
    spent.cached = sum(key in known for key in keys if key is not None)
    flights: dict[tuple[bytes, str | None], _Flight] = loaded(("chat flights",), dict)

    async def one(request: ChatRequest, key: bytes | None) -> ChatReply:
        if key in known:
            return known[key]
        if ask is None:
            return _not_recorded(record, key)
        if key is None:
            try:
                reply, took = await ask(request)
            except UnreadableImage as error:
                return ChatReply(outcome=Outcome.MISSING_DATA, message=str(error))
            spent.add(took)
            return reply
        place = (key, cache)
        flight = flights.get(place)
        if flight is None:
            work = _asked_and_recorded(request, key, ask, record, asked_of)
            flight = flights[place] = _Flight(asyncio.ensure_future(work))
        else:
            spent.shared += 1
        flight.waiting += 1
        try:
            reply, took = await asyncio.shield(flight.task)
            if not flight.paid:
                flight.paid = True
                spent.add(took)
            return reply
        finally:
            flight.waiting -= 1
            if not flight.waiting and flights.get(place) is flight:
                del flights[place]
                flight.task.cancel()

    try:
        return await all_or_none(one(request, key) for request, key in zip(requests, keys, strict=True))
    finally:
        spent.tell()


async def _asked_and_recorded(
    request: ChatRequest, key: bytes, ask: Ask, record: Record | None, asked_of: Sequence[Any]
) -> tuple[ChatReply, Spending]:
    reply, took = await ask(request)
    if record is not None and reply.arrived:
        await record.add(key, request, reply, asked_of)
    return reply, took


def _not_recorded(record: Record | None, key: bytes | None) -> ChatReply:
    where = "" if record is None else record.path
    if record is not None and record.broken:
        return ChatReply(
            outcome=Outcome.INSTRUMENT_ERROR, message=f"the record {where} cannot be read: {record.broken}"
        )
    if key is None:
        said = "a sampled request without seed or number, or with an unreadable image, is never recorded"
        return ChatReply(outcome=Outcome.MISSING_DATA, message=said)
    return ChatReply(outcome=Outcome.MISSING_DATA, message=f"this request is not in the record {where}")
