"""OpenAIChat against a scripted server on loopback: what is tried again, what is not, limits, cancellation, loops and forks."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from guerdon import Batch, from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest, ScriptedChat
from guerdon.models.chats import OpenAIChat, TransformersChat, as_chat
from guerdon.models.judge import ScriptedProtocol
from guerdon.models.loaded import unload
from guerdon.rewards import Judged
from guerdon.scores import Outcome
from tests.models.chat_server import CLOSE, HANG, ChatServer, completion, error

pytest.importorskip("openai")


def asked(number: int = 0, **options: Any) -> ChatRequest:
    return ChatRequest(({"role": "user", "content": f"question {number}"},), **options)


def chat(server: ChatServer, **options: Any) -> OpenAIChat:
    return OpenAIChat("judge", server.url, **{"pause": 0.01, "timeout": 5.0, "deadline": 20.0, **options})


def replies(described: OpenAIChat, *requests: ChatRequest) -> list[ChatReply]:
    return asyncio.run(described.complete(requests))


def test_replies_come_in_order_with_usage() -> None:
    with ChatServer(latency=0.02, spread=1.0) as server:
        server.say = lambda body: body["messages"][0]["content"].upper()
        found = replies(chat(server), *(asked(i) for i in range(40)))
    assert [reply.text for reply in found] == [f"QUESTION {i}" for i in range(40)]
    assert found[0].usage == {"tokens_in": 2.0, "tokens_out": 3.0, "tokens_in_cached": 1.0}
    sent = {"model": "judge", "messages": [{"role": "user", "content": "question 0"}], "temperature": 0.0}
    assert sent in server.requests and server.stats["requests"] == 40
    assert replies(chat(server)) == []


def test_the_body_says_what_was_asked() -> None:
    with ChatServer() as server:
        described = chat(server, extra={"chat_template_kwargs": {"enable_thinking": False}}, omit=("temperature",))
        replies(described, asked(max_tokens=7, seed=5, sample=2, top_logprobs=3))
    body = server.requests[0]
    assert (body["max_tokens"], body["seed"], body["logprobs"], body["top_logprobs"]) == (7, 7, True, 3)
    assert body["chat_template_kwargs"] == {"enable_thinking": False} and "temperature" not in body


def test_log_probabilities_by_token() -> None:
    with ChatServer() as server:
        server.say = lambda body: "yes no"
        (reply,) = replies(chat(server), asked(top_logprobs=2))
    assert reply.logprobs == ({"yes": -0.25, "~1": -1.25}, {" ": -0.25, "~1": -1.25}, {"no": -0.25, "~1": -1.25})


@pytest.mark.parametrize("fault", [408, 409, 429, 500, 503, 529, CLOSE, "no json", {"choices": []}])
def test_what_may_pass_is_tried_again(fault: Any) -> None:
    with ChatServer() as server:
        first = error(fault, "busy", {"Retry-After": "0.01"}) if isinstance(fault, int) else (200, fault, {})
        server.answer = lambda body, number: (first if fault != CLOSE else CLOSE) if number <= 2 else None
        (reply,) = replies(chat(server), asked())
    assert reply.arrived and reply.text.startswith("score:")
    assert server.stats["requests"] == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_refusals_are_told_and_not_tried_again(status: int) -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: error(status, "that will not do")
        (reply,) = replies(chat(server), asked())
    assert (reply.outcome, reply.message) == (Outcome.INSTRUMENT_ERROR, f"{status}: that will not do")
    assert server.stats["requests"] == 1


def test_spent_money_is_not_asked_for_again() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: error(429, "You exceeded your quota", code="insufficient_quota")
        (reply,) = replies(chat(server), asked())
    assert reply.outcome is Outcome.INSTRUMENT_ERROR and server.stats["requests"] == 1


def test_retries_come_to_an_end() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: error(500, "down")
        (reply,) = replies(chat(server, retries=2), asked())
    assert (reply.outcome, reply.message) == (Outcome.TRANSPORT_ERROR, "given up after 3 tries: 500: down")
    assert server.stats["requests"] == 3


def test_being_refused_for_too_many_ends_at_the_deadline() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: error(429, "slow down", {"Retry-After": "0.05"})
        (reply,) = replies(chat(server, retries=0, deadline=0.3), asked())
    assert reply.outcome is Outcome.TRANSPORT_ERROR and "429: slow down" in reply.message
    assert 2 <= server.stats["requests"] <= 8


def test_nobody_listens() -> None:
    with ChatServer() as server:
        pass
    (reply,) = replies(chat(server, retries=1), asked())
    assert reply.outcome is Outcome.TRANSPORT_ERROR and "no connection" in reply.message


def test_a_hanging_call_is_cut_and_holds_no_place_of_others() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: HANG if "question 0" in str(body) else None
        found = replies(chat(server, concurrency=1, timeout=0.1, retries=1), *(asked(i) for i in range(5)))
    assert [reply.outcome for reply in found] == [Outcome.TIMED_OUT] + [Outcome.SCORED] * 4
    assert "no reply within 0.1 s" in found[0].message
    assert server.stats["hung"] == 2


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (completion({"messages": []}, "", "content_filter"), Outcome.REFUSED),
        (completion({"messages": []}, "", refusal="I cannot judge that"), Outcome.REFUSED),
        (completion({"messages": []}, "score: 0.", "length"), Outcome.TRUNCATED),
        (completion({"messages": []}, ""), Outcome.SCORED),
    ],
)
def test_endings_are_typed(content: Any, outcome: Outcome) -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: (200, content, {})
        (reply,) = replies(chat(server), asked())
    assert reply.outcome is outcome and server.stats["requests"] == 1


def test_filtered_content_is_refused() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: error(400, "filtered", code="content_filter")
        (reply,) = replies(chat(server), asked())
    assert reply.outcome is Outcome.REFUSED


def test_one_token_that_was_asked_for_is_a_reply() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: (200, completion(body, "4", "length"), {})
        assert [reply.outcome for reply in replies(chat(server), asked(max_tokens=1), asked(max_tokens=2))] == [
            Outcome.SCORED,
            Outcome.TRUNCATED,
        ]


def test_a_model_that_names_its_limit_otherwise() -> None:
    with ChatServer(refuses=("max_tokens",)) as server:
        refused = error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        server.answer = lambda body, number: refused if "max_tokens" in body else None
        found = [replies(chat(server), asked(i, max_tokens=9))[0] for i in range(2)]
    assert all(reply.arrived for reply in found)
    assert [sorted(body)[0] for body in server.requests] == [
        "max_tokens",
        "max_completion_tokens",
        "max_completion_tokens",
    ]


# -- window, quotas, outages ------------------------------------------------------------------------------------------


def test_the_window_is_shared_by_all_descriptions_of_a_server() -> None:
    with ChatServer(latency=0.05) as server:

        async def both() -> None:
            one, other = chat(server, concurrency=3), chat(server, concurrency=3, price_in=1.0)
            await asyncio.gather(
                one.complete([asked(i) for i in range(20)]), other.complete([asked(i) for i in range(20, 40)])
            )

        asyncio.run(both())
        assert server.most_under_way == 3
        replies(chat(server, concurrency=8), *(asked(i) for i in range(40, 80)))
        assert 3 < server.most_under_way <= 8


def test_a_stated_quota_is_kept_to() -> None:
    with ChatServer(rpm=6000, burst=1.5) as server:
        found = replies(chat(server, requests_per_minute=6000), *(asked(i) for i in range(300)))
    assert all(reply.arrived for reply in found)
    assert server.stats["status 429"] == 0


def test_an_unstated_quota_is_found_out() -> None:
    with ChatServer(rpm=6000, burst=0.2) as server:
        found = replies(chat(server), *(asked(i) for i in range(150)))
    assert all(reply.arrived for reply in found)
    assert 0 < server.stats["status 429"] < 150


def test_a_quota_of_tokens_learns_what_requests_take() -> None:
    with ChatServer(tpm=600_000, burst=1.5) as server:
        found = replies(chat(server, tokens_per_minute=600_000), *(asked(i) for i in range(100)))
    assert all(reply.arrived for reply in found)
    assert server.stats["status 429"] == 0


def test_a_server_that_is_down_is_not_asked_by_everybody() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: error(503, "down")
        described = chat(server, retries=0, concurrency=2)
        found = replies(described, *(asked(i) for i in range(200)))
        assert {reply.outcome for reply in found} == {Outcome.TRANSPORT_ERROR}
        assert server.stats["requests"] < 20
        assert "not asked, since the server is down: 503: down" in {reply.message for reply in found}


# -- equal requests ---------------------------------------------------------------------------------------------------


def test_equal_requests_are_asked_once_unless_they_sample() -> None:
    with ChatServer() as server:
        found = replies(chat(server), asked(), asked(), asked(1), asked())
        assert server.stats["requests"] == 2 and found[0] == found[1] == found[3]
        replies(chat(server), *[asked(temperature=1.0)] * 3)
        assert server.stats["requests"] == 5
        replies(chat(server), *(asked(temperature=1.0, sample=k) for k in (0, 1, 0)))
        assert server.stats["requests"] == 7


def test_a_call_under_way_is_shared_and_outlives_the_first_who_asked() -> None:
    with ChatServer(latency=0.2) as server:

        async def two() -> list[ChatReply]:
            first = asyncio.ensure_future(chat(server).complete([asked()]))
            while not server.requests:
                await asyncio.sleep(0.001)
            second = asyncio.ensure_future(chat(server).complete([asked()]))
            await asyncio.sleep(0.02)
            first.cancel()
            return await second

        assert asyncio.run(two())[0].arrived
        assert server.stats["requests"] == 1 and server.stats["gone"] == 0


def test_cancelling_the_caller_cancels_its_calls() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: HANG if "question 0" in str(body) else None
        described = chat(server, concurrency=1)

        async def cancelled() -> None:
            waiting = asyncio.ensure_future(described.complete([asked(0)]))
            while not server.requests:
                await asyncio.sleep(0.001)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

        asyncio.run(cancelled())
        assert replies(described, asked(1))[0].arrived


# -- loops, threads, processes ----------------------------------------------------------------------------------------


def test_any_loop_and_any_thread() -> None:
    with ChatServer(latency=0.01) as server, ThreadPoolExecutor(8) as threads:
        described = chat(server, concurrency=4)
        found = list(threads.map(lambda i: replies(described, asked(i), asked(100)), range(24)))
    assert all(reply.arrived for pair in found for reply in pair)
    assert server.most_under_way <= 4


def _in_child(described: OpenAIChat, results: Any) -> None:
    results.put(replies(described, asked(7))[0].text)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork() -> None:
    context = multiprocessing.get_context("fork")
    with ChatServer() as server:
        described = chat(server)
        mine = replies(described, asked(7))[0].text
        results = context.Queue()
        child = context.Process(target=_in_child, args=(described, results))
        child.start()
        assert results.get(timeout=30) == mine
        child.join(30)


def test_judged_on_guerdons_own_loop_with_a_report() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: error(500, "once") if number == 1 else None
        reward = Judged(chat(server, price_in=2.0, price_in_cached=1.0, price_out=10.0), ScriptedProtocol())
        scores = reward.score(Batch([f"answer {i}" for i in range(10)], ["question"] * 10))
        again = reward.score(Batch(["answer 1", "answer 1"], ["question"] * 2))
    assert not scores.unscored.any()
    counters = scores.report.counters["judged"]
    assert (counters["judge_calls"], counters["calls"], counters["retries"]) == (10, 11, 1)
    read, known, written = (counters[name] for name in ("tokens_in", "tokens_in_cached", "tokens_out"))
    assert counters["cost_micros"] == 2 * (read - known) + known + 10 * written
    assert again.report.counters["judged"]["shared"] == 1


def test_failed_judgements_are_never_zero() -> None:
    with ChatServer() as server:
        server.answer = lambda body, number: error(500, "down") if "bad" in str(body) else None
        reward = Judged(chat(server, retries=0), ScriptedProtocol())
        scores = reward.score(Batch(["bad", "good"], ["q"] * 2))
    assert scores.unscored.tolist() == [True, False]
    assert scores.outcomes()["judged"] == {"transport_error": 1, "scored": 1}


# -- descriptions -----------------------------------------------------------------------------------------------------


def test_descriptions_are_data() -> None:
    described = OpenAIChat("m", "http://h:1", extra={"a": [1]}, omit=("seed",), requests_per_minute=10)
    assert from_spec(to_spec(described)) == described == pickle.loads(pickle.dumps(described))
    assert hash(described) == hash(from_spec(to_spec(described)))
    assert (described.address, OpenAIChat("m", "http://h/v1/chat/completions").address) == (
        "http://h:1/v1",
        "http://h/v1",
    )


@pytest.mark.parametrize(
    "options",
    [
        {"model": ""},
        {"url": "localhost:8000"},
        {"url": "http://user:secret@host/v1"},
        {"structured": "xml"},
        {"mode": "rewind"},
        {"mode": "replay"},
        {"concurrency": 0},
        {"retries": -1},
        {"timeout": 0},
        {"requests_per_minute": 0},
    ],
)
def test_options_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        OpenAIChat(**{"model": "m", **options})


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_JUDGE_KEY", raising=False)
    with ChatServer() as server:
        described = chat(server, api_key_variable="A_JUDGE_KEY")
        with pytest.raises(UserError, match="A_JUDGE_KEY"):
            replies(described, asked())
        monkeypatch.setenv("A_JUDGE_KEY", "secret")
        assert replies(described, asked())[0].arrived
    assert server.headers[-1]["authorization"] == "Bearer secret"
    assert "secret" not in repr(described)


def test_names() -> None:
    assert as_chat("http://h:1/v1#m", timeout=3.0) == OpenAIChat("m", "http://h:1/v1", timeout=3.0)
    assert as_chat("organisation/model") == TransformersChat("organisation/model")
    scripted = ScriptedChat({})
    assert as_chat(scripted) is scripted
    for name, options in (
        ("http://h:1/v1", {}),
        ("judge", {}),
        ("http://h#m", {"nonsense": 1}),
        (scripted, {"a": 1}),
        (3, {}),
    ):
        with pytest.raises(UserError):
            as_chat(name, **options)  # type: ignore[arg-type]


def test_half_a_surrogate_pair_and_unreadable_images_do_not_stop_others() -> None:
    image = ChatRequest(({"role": "user", "content": [{"type": "image", "image": b"nonsense"}]},))
    with ChatServer() as server:
        found = replies(chat(server), ChatRequest(({"role": "user", "content": "\ud800"},)), image, asked())
    assert [reply.outcome for reply in found] == [Outcome.SCORED, Outcome.MISSING_DATA, Outcome.SCORED]


def test_images_become_data_urls() -> None:
    pytest.importorskip("PIL")
    import numpy as np

    content = [{"type": "text", "text": "what?"}, {"type": "image", "image": np.zeros((2, 2, 3), dtype=np.uint8)}]
    with ChatServer() as server:
        assert replies(chat(server), ChatRequest(({"role": "user", "content": content},)))[0].arrived
    sent = server.requests[0]["messages"][0]["content"]
    assert sent[0] == {"type": "text", "text": "what?"}
    assert sent[1]["image_url"]["url"].startswith("data:image/jpeg;base64,")


def test_forgetting_endpoints() -> None:
    with ChatServer() as server:
        assert replies(chat(server), asked())[0].arrived
        unload()
        assert replies(chat(server), asked())[0].arrived
    assert threading.active_count() < 100
