"""Log-probabilities from vLLM and SGLang servers on loopback: exact, and typed where a server fails or lies."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.lm import LogprobRequest
from guerdon.models.lms.http_lm import HTTPLM
from guerdon.models.lms.sglang_lm import SGLang
from guerdon.models.lms.spans import RequestTokenizer, RequestTokens
from guerdon.models.lms.vllm_lm import VLLM
from guerdon.models.loaded import unload
from guerdon.scores import Outcome
from tests.models.lm_servers import LMServer
from tests.models.tiny_lm import tiny_model, tiny_tokenizer

pytest.importorskip("httpx")
pytest.importorskip("transformers")

KINDS: dict[str, type[HTTPLM]] = {"vllm": VLLM, "sglang": SGLang}
USER = {"role": "user", "content": "What is two plus three?"}
REQUESTS = [
    LogprobRequest("What is two plus three? ", "five"),
    LogprobRequest([USER], "The answer is five.", prefix="<think>let me think</think>", closed=True),
    LogprobRequest([USER, {"role": "assistant", "content": "Paris"}], " is the capital"),
    LogprobRequest("Rome is", (20, 30, 40)),
    LogprobRequest("What is two plus three? ", "five"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tokenizer")
    tiny_tokenizer("chatml").save_pretrained(path)
    return str(path)


@pytest.fixture(params=list(KINDS))
def server(request: pytest.FixtureRequest) -> Iterator[LMServer]:
    made = LMServer(request.param, tiny_model("llama"), tiny_tokenizer("chatml"))
    yield made
    unload()
    made.close()


def described(server: LMServer, folder: str, **options: Any) -> HTTPLM:
    return KINDS[server.kind](server.url, "tiny", folder, **{"pause": 0.001, "deadline": 20.0, **options})


def truth(server: LMServer, request: LogprobRequest) -> np.ndarray:
    tokens = RequestTokenizer(server.tokenizer).tokens(request)
    assert isinstance(tokens, RequestTokens)
    return np.array(server.rows(list(tokens.ids))[len(tokens.context_ids) - 1 :])


def test_the_numbers_are_those_of_the_served_model(server: LMServer, folder: str) -> None:
    found = described(server, folder).logprobs(REQUESTS)
    for scores, request in zip(found, REQUESTS, strict=True):
        assert scores.outcome is Outcome.SCORED, scores.message
        assert scores.logprobs == pytest.approx(truth(server, request), abs=1e-12)
        assert scores.logsumexp is None
    assert found[1].masks["closing"].sum() == 1
    assert server.tokenizer.decode(found[2].ids) == " is the capital"
    assert len(server.requests) == len(REQUESTS) - 1, "equal requests go out once"


def test_they_equal_the_local_back_end(server: LMServer, folder: str, tmp_path: Path) -> None:
    transformers_lm = pytest.importorskip("guerdon.models.lms.transformers_lm")
    tiny_model("llama").save_pretrained(tmp_path)
    tiny_tokenizer("chatml").save_pretrained(tmp_path)
    local = transformers_lm.TransformersLM(str(tmp_path)).logprobs(REQUESTS)
    for here, there in zip(local, described(server, folder).logprobs(REQUESTS), strict=True):
        assert here.ids.tolist() == there.ids.tolist()
        assert here.logprobs == pytest.approx(there.logprobs, abs=1e-4)


def test_requests_have_the_form_the_servers_document(server: LMServer, folder: str) -> None:
    lm = described(server, folder, extra_body={"lora_path": "adapter", "nested": {"a": [1]}})
    lm.logprobs([LogprobRequest("Rome is", (20, 30))])
    body = server.requests[-1]
    ids = [*server.tokenizer("Rome is")["input_ids"], 20, 30]
    assert body["lora_path"] == "adapter" and body["nested"] == {"a": [1]}
    if server.kind == "vllm":
        assert (body["model"], body["prompt"], body["prompt_logprobs"], body["max_tokens"]) == ("tiny", ids, 0, 1)
    else:
        assert (body["input_ids"], body["logprob_start_len"]) == (ids, len(ids) - 3)
        assert body["sampling_params"]["max_new_tokens"] == 0


def test_answers_are_remembered_and_may_not_be(server: LMServer, folder: str) -> None:
    lm = described(server, folder)
    lm.logprobs(REQUESTS[:2])
    first = lm.logprobs(REQUESTS[:1])[0].logprobs
    first[:] = 0.0
    assert lm.logprobs(REQUESTS[:1])[0].logprobs[0] < 0, "a caller cannot change what is remembered"
    assert len(server.requests) == 2
    fresh = described(server, folder, remembered=0)
    fresh.logprobs(REQUESTS[:1])
    fresh.logprobs(REQUESTS[:1])
    assert len(server.requests) == 4


def test_the_window_is_kept(server: LMServer, folder: str) -> None:
    release = threading.Event()
    server.answer = lambda body, number: release.wait(0.05) and None
    many = [LogprobRequest("Rome is", (i,)) for i in range(20, 32)]
    assert not any(scores.outcome.unscored for scores in described(server, folder, concurrency=3).logprobs(many))
    assert server.most_under_way == 3


@pytest.mark.parametrize("status", [429, 503, 500])
def test_what_may_pass_is_tried_again(server: LMServer, folder: str, status: int) -> None:
    server.answer = lambda body, number: (status, "busy", {}) if number < 3 else None
    assert described(server, folder).logprobs(REQUESTS[:1])[0].outcome is Outcome.SCORED
    assert len(server.requests) == 3


def test_the_pause_a_server_asks_for_is_kept(server: LMServer, folder: str) -> None:
    server.answer = lambda body, number: (429, "busy", {"Retry-After": "0.3"}) if number == 1 else None
    started = time.monotonic()
    assert described(server, folder).logprobs(REQUESTS[:1])[0].outcome is Outcome.SCORED
    assert time.monotonic() - started >= 0.3


def test_what_does_not_pass_is_a_transport_error_and_is_not_remembered(server: LMServer, folder: str) -> None:
    server.answer = lambda body, number: (500, "out of memory", {})
    lm = described(server, folder, retries=2)
    failed, empty = lm.logprobs([REQUESTS[0], LogprobRequest("a", "")])
    assert (failed.outcome, failed.message) == (Outcome.TRANSPORT_ERROR, "status 500: out of memory")
    assert empty.outcome is Outcome.MISSING_DATA
    assert len(failed) == 0 and len(server.requests) == 3
    server.answer = lambda body, number: None
    assert lm.logprobs(REQUESTS[:1])[0].outcome is Outcome.SCORED


def test_one_failure_costs_only_its_own_request(server: LMServer, folder: str) -> None:
    bad = REQUESTS[3]
    server.answer = lambda body, number: (
        (400, "no", {}) if 40 in (body.get("prompt") or body["input_ids"])[-1:] else None
    )
    outcomes = [scores.outcome for scores in described(server, folder).logprobs([REQUESTS[0], bad, REQUESTS[1]])]
    assert outcomes == [Outcome.SCORED, Outcome.INSTRUMENT_ERROR, Outcome.SCORED]


def test_a_server_that_hangs_is_timed_out(server: LMServer, folder: str) -> None:
    release = threading.Event()
    server.answer = lambda body, number: release.wait(10) and None
    started = time.monotonic()
    failed = described(server, folder, deadline=0.2).logprobs(REQUESTS[:1])[0]
    release.set()
    assert failed.outcome is Outcome.TIMED_OUT and "0.2 s" in failed.message
    assert time.monotonic() - started < 5


def test_a_server_that_is_busy_past_the_deadline_is_timed_out_and_says_why(server: LMServer, folder: str) -> None:
    server.answer = lambda body, number: (503, "loading", {"Retry-After": "30"})
    failed = described(server, folder, deadline=0.2).logprobs(REQUESTS[:1])[0]
    assert failed.outcome is Outcome.TIMED_OUT and "status 503: loading" in failed.message


def test_a_server_that_is_not_there_is_a_transport_error(server: LMServer, folder: str) -> None:
    lm = described(server, folder, retries=1)
    server.close()
    failed = lm.logprobs(REQUESTS[:1])[0]
    assert failed.outcome is Outcome.TRANSPORT_ERROR and "ConnectError" in failed.message
    server.http.shutdown = lambda: None  # type: ignore[method-assign]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_set_up_raises_at_once(server: LMServer, folder: str, status: int) -> None:
    server.answer = lambda body, number: (status, "The model `x` does not exist.", {})
    with pytest.raises(UserError, match=f"status {status}.*url, model and api_key_variable"):
        described(server, folder).logprobs(REQUESTS)


def test_a_target_past_the_context_is_truncated_not_scored(server: LMServer, folder: str) -> None:
    long = LogprobRequest("Rome is", "capital " * 300)
    failed = described(server, folder).logprobs([long])[0]
    assert failed.outcome is Outcome.TRUNCATED and "256" in failed.message
    before = len(server.requests)
    known = described(server, folder, limit=256).logprobs([long])[0]
    assert known.outcome is Outcome.TRUNCATED and len(server.requests) == before, "not even sent"


def test_an_id_the_model_does_not_know_is_typed(server: LMServer, folder: str) -> None:
    failed = described(server, folder).logprobs([LogprobRequest("Rome is", (20, 5000))])[0]
    assert failed.outcome is Outcome.INSTRUMENT_ERROR and "out of vocabulary" in failed.message


def rows_of(kind: str, content: Any) -> list[Any]:
    rows = content["choices"][0]["prompt_logprobs"] if kind == "vllm" else content["meta_info"]["input_token_logprobs"]
    return list(rows)


def with_rows(kind: str, content: Any, rows: Any) -> Any:
    changed = copy.deepcopy(content)
    if kind == "vllm":
        changed["choices"][0]["prompt_logprobs"] = rows
    else:
        changed["meta_info"]["input_token_logprobs"] = rows
    return changed


def number(kind: str, row: Any, value: Any) -> Any:
    if kind == "vllm":
        return {token: {**entry, "logprob": value} for token, entry in row.items()}
    return [value, *row[1:]]


def token(kind: str, row: Any, value: int) -> Any:
    return {str(value): next(iter(row.values()))} if kind == "vllm" else [row[0], value, None]


LIES: dict[str, tuple[Callable[[str, list[Any]], Any], str]] = {
    "fewer tokens": (lambda kind, rows: rows[:-1], "tokens|token ids"),
    "more tokens": (lambda kind, rows: [*rows, rows[-1]], "log-probabilities of"),
    "shifted by one": (lambda kind, rows: [rows[0], *rows[:-1]], "token"),
    "another token": (lambda kind, rows: [*rows[:-1], token(kind, rows[-1], 77)], "token"),
    "NaN": (lambda kind, rows: [*rows[:-1], number(kind, rows[-1], float("nan"))], "NaN or null"),
    "null": (lambda kind, rows: [*rows[:-1], number(kind, rows[-1], None)], "NaN or null"),
    "a text": (lambda kind, rows: [*rows[:-1], number(kind, rows[-1], "-1.0")], "NaN or null"),
    "a boolean": (lambda kind, rows: [*rows[:-1], number(kind, rows[-1], False)], "NaN or null"),
    "above zero": (lambda kind, rows: [*rows[:-1], number(kind, rows[-1], 0.7)], "above 0"),
    "infinity": (lambda kind, rows: [*rows[:-1], number(kind, rows[-1], float("inf"))], "above 0"),
    "a row of nothing": (lambda kind, rows: [*rows[:-1], None], "token|entry"),
    "nothing": (lambda kind, rows: [], "log-probabilities of 0"),
    "none asked for": (lambda kind, rows: None, "no list"),
    "a mapping": (lambda kind, rows: {"a": 1}, "no list"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_a_typed_failure_never_a_number(server: LMServer, folder: str, name: str) -> None:
    change, said = LIES[name]
    server.lie = lambda content: with_rows(server.kind, content, change(server.kind, rows_of(server.kind, content)))
    (scores,) = described(server, folder).logprobs([REQUESTS[0]])
    assert scores.outcome is Outcome.INSTRUMENT_ERROR and len(scores) == 0
    assert scores.message.startswith("malformed answer") and any(part in scores.message for part in said.split("|"))


@pytest.mark.parametrize(
    "garbage", ["not json", "", "[]", "null", "3", '{"choices": []}', '{"meta_info": 3}', "[" * 9999]
)
def test_garbage_is_a_typed_failure(server: LMServer, folder: str, garbage: str) -> None:
    server.answer = lambda body, number: (200, garbage, {})
    (scores,) = described(server, folder).logprobs([REQUESTS[0]])
    assert scores.outcome is Outcome.INSTRUMENT_ERROR and scores.message.startswith("malformed answer")


def test_minus_infinity_is_told_as_it_is(server: LMServer, folder: str) -> None:
    said = -9999.0 if server.kind == "vllm" else float("-inf")
    server.lie = lambda content: with_rows(
        server.kind,
        content,
        [*rows_of(server.kind, content)[:-1], number(server.kind, rows_of(server.kind, content)[-1], said)],
    )
    (scores,) = described(server, folder).logprobs([REQUESTS[0]])
    assert scores.outcome is Outcome.SCORED and scores.logprobs[-1] == -np.inf


def test_what_servers_cannot_do_is_an_error(server: LMServer, folder: str) -> None:
    with pytest.raises(UserError, match=r"temperature=0\.7"):
        described(server, folder).logprobs([LogprobRequest("a", "b", temperature=0.7)])
    with pytest.raises(UserError, match="images"):
        described(server, folder).logprobs([LogprobRequest("a", "b", images=("picture",))])
    with pytest.raises(UserError, match="tokenizer="):
        KINDS[server.kind](server.url, "./no/such/folder").logprobs([REQUESTS[0]])


def test_the_key_comes_from_the_environment_and_is_in_no_description(
    server: LMServer, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lm = described(server, folder, api_key_variable="TEST_LM_KEY")
    with pytest.raises(UserError, match="TEST_LM_KEY"):
        lm.logprobs(REQUESTS)
    monkeypatch.setenv("TEST_LM_KEY", "secret-key")
    lm.logprobs(REQUESTS[:1])
    assert server.headers[-1]["Authorization"] == "Bearer secret-key"
    assert "secret-key" not in repr(lm) + str(to_spec(lm))


def test_a_description_is_data(server: LMServer, folder: str) -> None:
    lm = described(server, folder, template_options={"enable_thinking": False})
    assert from_spec(to_spec(lm)) == lm == pickle.loads(pickle.dumps(lm)) and hash(lm) == hash(copy.deepcopy(lm))
    assert lm.registered == ("lm", server.kind)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "host:8000"}, "url="),
        ({"url": "http://me:secret@host"}, "password"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"deadline": 0}, "deadline=0"),
        ({"limit": 1}, "limit=1"),
        ({"remembered": -1}, "remembered=-1"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        VLLM(**{"url": "http://host", "model": "m", **options})


def test_addresses() -> None:
    for url in ("http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/completions"):
        assert VLLM(url, "m").address == "http://h:1/v1/completions"
    for url in ("http://h:1", "http://h:1/generate"):
        assert SGLang(url, "m").address == "http://h:1/generate"
