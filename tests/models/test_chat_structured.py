"""The form of replies: what each kind of server is told, and what happens where it refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.chats import OpenAIChat
from guerdon.models.chats.structured import Dialect, constraint, dialect_of, unwrapped
from guerdon.models.chats.wire import Fault, pause_asked, read_completion
from guerdon.scores import Outcome
from tests.models.chat_server import ChatServer

pytest.importorskip("openai")

SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}


def asked(number: int = 0, **options: Any) -> ChatRequest:
    return ChatRequest(({"role": "user", "content": f"question {number}"},), **options)


def replies(described: OpenAIChat, *requests: ChatRequest) -> list[ChatReply]:
    return asyncio.run(described.complete(requests))


@pytest.mark.parametrize(
    ("dialect", "schema", "choices"),
    [
        ("json_schema", "response_format", "response_format"),
        ("structured_outputs", "structured_outputs", "structured_outputs"),
        ("guided", "guided_json", "guided_choice"),
        ("regex", "response_format", "regex"),
        ("grammar", "response_format", "grammar"),
    ],
)
def test_every_dialect(dialect: Dialect, schema: str, choices: str) -> None:
    assert list(constraint(asked(schema=SCHEMA), dialect)) == [schema]
    assert list(constraint(asked(choices=("A", "B")), dialect)) == [choices]
    assert constraint(asked(), dialect) == {}


def test_special_characters_of_choices() -> None:
    assert constraint(asked(choices=("a+b", 'say "x"')), "regex") == {"regex": '(a\\+b|say\\ "x")'}
    assert constraint(asked(choices=("a+b", 'say "x"')), "grammar") == {"grammar": 'root ::= "a+b" | "say \\"x\\""'}


def test_a_wrapped_choice_would_spoil_log_probabilities() -> None:
    assert constraint(asked(choices=("A", "B"), top_logprobs=5), "json_schema") == {}


@pytest.mark.parametrize(
    ("owner", "key"),
    [("vllm", "structured_outputs"), ("sglang", "regex"), ("llamacpp", "grammar"), ("x", "response_format")],
)
def test_the_server_says_what_it_is(owner: str, key: str) -> None:
    with ChatServer(owner=owner) as server:
        described = OpenAIChat("judge", server.url)
        found = replies(described, *(asked(i, choices=("yes", "no")) for i in range(5)))
    assert all(key in body for body in server.requests)
    if owner in ("vllm", "x"):
        assert {reply.text for reply in found} <= {"yes", "no"}


def test_old_versions_of_vllm() -> None:
    with ChatServer(owner="vllm", version="0.10.2") as server:
        replies(OpenAIChat("judge", server.url), asked(choices=("yes", "no")))
    assert server.requests[0]["guided_choice"] == ["yes", "no"]
    assert dialect_of("vllm", "0.8.5.post1") == dialect_of("vllm", "0.10.2") == "guided"
    assert dialect_of("vllm", "0.11.0") == dialect_of("vllm", "1.2.0") == dialect_of("vllm") == "structured_outputs"


def test_a_refused_form_is_left_out_once_and_remembered() -> None:
    with ChatServer(refuses=("response_format",)) as server:
        server.say = lambda body: '```json\n{"score": 4}\n```'
        described = OpenAIChat("judge", server.url)
        found = [replies(described, asked(i, schema=SCHEMA))[0] for i in range(3)]
    assert [reply.text for reply in found] == ['{"score": 4}'] * 3
    assert ["response_format" in body for body in server.requests] == [True, False, False, False]


def test_a_request_refused_for_another_reason_stays_refused() -> None:
    with ChatServer(refuses=("messages",)) as server:
        described = OpenAIChat("judge", server.url)
        (reply,) = replies(described, asked(schema=SCHEMA))
        assert reply.outcome is Outcome.INSTRUMENT_ERROR and "400" in reply.message
    assert ["response_format" in body for body in server.requests] == [True, False]


def test_text_that_keeps_to_no_form_is_left_to_the_protocol() -> None:
    assert unwrapped(asked(choices=("yes", "no")), " maybe ") == " maybe "
    assert unwrapped(asked(choices=("yes", "no")), '{"choice": "maybe"}') == '{"choice": "maybe"}'
    assert unwrapped(asked(schema=SCHEMA), "```\nnot json\n```") == "```\nnot json\n```"
    assert unwrapped(asked(schema=SCHEMA), "[" * 100_000) == "[" * 100_000


@pytest.mark.parametrize(
    "answer",
    [None, [], "text", {}, {"choices": None}, {"choices": [{}]}, {"choices": [{"message": None}]},
     {"choices": [{"message": {"content": 3}}]},
     {"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"token": "x"}]}}]},
     {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": "many"}}],
)  # fmt: skip
def test_answers_that_are_no_completion(answer: Any) -> None:
    fault = read_completion(asked(), answer)
    assert isinstance(fault, Fault) and fault.outcome is Outcome.INSTRUMENT_ERROR and fault.again


def test_content_in_parts() -> None:
    answer = {"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}]}
    assert read_completion(asked(), answer) == ChatReply("ab")


def test_pauses_as_dates() -> None:
    date, later = "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:05 GMT"
    assert pause_asked({"retry-after": later, "date": date}) == 5.0
    assert pause_asked({"retry-after": date}) == 0.0
    assert pause_asked({"retry-after": "nan"}) == 0.0
