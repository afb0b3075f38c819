"""Requests of any shape: every answer is JSON, and none says that the server broke."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon import Sum
from guerdon.rewards import ExactMatch, Given, Length, Tags, TokenF1
from guerdon.server import ServerSettings, create_app
from tests.server.served import Gap, Lost

REWARDS = {
    "exact": ExactMatch(),
    "sum": Sum(TokenF1(), Given(score_column="quality"), missing="drop"),
    "gap": Gap(),
    "lost": Lost(),
    "length": Length(),
    "tags": Tags("answer"),
    "ranked": TokenF1().then("zscore"),
}
texts = st.sampled_from(["", "x", "x y", "lost", "<answer>4</answer>", "\x00é\ud800", "a" * 500])
scalars = st.none() | st.booleans() | st.integers(-3, 10**30) | st.floats() | texts
message = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "tool"]), "content": scalars})
anything = st.recursive(
    scalars | message, lambda each: st.lists(each, max_size=3) | st.dictionaries(texts, each, max_size=2), max_leaves=5
)
prompts = st.none() | texts | st.lists(message, max_size=3)
columns = st.fixed_dictionaries({"reference": texts | anything, "quality": st.floats(0, 1) | anything})


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda draw: anything if draw == 0 else usual)


def an_object(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these fields, a few of them with anything in them or left out."""
    whole = st.fixed_dictionaries({name: mostly(field) for name, field in fields.items()})
    left_out = st.integers(0, 9).flatmap(lambda draw: st.sampled_from(sorted(fields)) if draw == 0 else st.none())
    return st.tuples(whole, left_out).map(lambda drawn: {k: v for k, v in drawn[0].items() if k != drawn[1]})


def some(each: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(mostly(each), max_size=3)


SAMPLE = an_object(
    completion=texts | st.lists(message, max_size=2),
    prompt=prompts,
    columns=columns,
    group=texts,
    siblings=st.none() | st.just(1),
    id=texts,
    completion_ids=st.lists(st.integers(0, 9)),
)
CONTENT = texts | some(an_object(type=st.just("output_text"), text=texts))
ITEM = an_object(type=st.sampled_from(["message", "function_call", "reasoning"]), content=CONTENT, name=texts)
BODIES = {
    "/v1/score": an_object(samples=some(SAMPLE), detail=st.sampled_from(["values", "parts", "full"]), step=st.just(1)),
    "/get_reward": an_object(query=some(texts), prompts=some(texts), labels=some(texts)),
    "/remote_rm": an_object(prompt=prompts, response=texts, label=texts, metadata=columns, full=st.booleans()),
    "/v1/score/evaluation": an_object(model=texts, messages=some(texts)),
    "/classify": an_object(model=texts, input=texts | some(texts)),
    "/verify": an_object(
        responses_create_params=an_object(input=prompts, metadata=columns),
        response=an_object(output=some(ITEM)),
        reference=texts,
        quality=st.floats(0, 1),
    ),
}


async def answered(app: Any, path: str, body: Any) -> tuple[int, bytes]:
    raw = json.dumps(body).encode("utf-8", "surrogatepass")
    sent: list[dict[str, Any]] = []
    coming = [{"type": "http.request", "body": raw, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return coming.pop() if coming else await asyncio.Event().wait()  # type: ignore[return-value]

    async def send(said: Any) -> None:
        sent.append(said)

    await app({"type": "http", "path": path, "method": "POST", "headers": []}, receive, send)
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize("path", BODIES)
def test_no_request_breaks_the_server(path: str) -> None:
    app = create_app(REWARDS, ServerSettings(fallback=0.0))

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(sorted(REWARDS)), mostly(BODIES[path]))
    def check(name: str, body: Any) -> None:
        status, said = runner.run(answered(app, f"/{name}{path}", body))
        assert status in (200, 400, 413, 422), (status, said)
        json.loads(said, parse_constant=lambda constant: pytest.fail(constant))

    with asyncio.Runner() as runner:
        check()
