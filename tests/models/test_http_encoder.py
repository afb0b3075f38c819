"""Embedding servers on loopback: both forms, long texts, retries, and everything a server can do wrong."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from guerdon import from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.embedding_cache import configure_embedding_cache
from guerdon.models.embedding_requests import Failure
from guerdon.models.encoder import EncoderFault
from guerdon.models.encoders import HTTPEncoder, as_encoder
from guerdon.models.encoders.http_encoder import character_windows, read_vectors
from guerdon.models.loaded import unload
from tests.models.json_server import Answer, JSONServer

pytest.importorskip("httpx")


def vector(text: str) -> list[float]:
    return [float(len(text)), float(text.count("a")), 1.0]


def texts_of(body: dict[str, Any]) -> list[str]:
    return body["input"] if "input" in body else body["inputs"]


class Server(JSONServer):
    """An embedding server of both forms that takes texts of up to ``limit`` characters."""

    limit = 10**9

    def usual(self, body: dict[str, Any], path: str) -> Answer:
        texts = texts_of(body)
        if any(len(text) > self.limit for text in texts):
            return 413, {"error": "`inputs` must have less tokens", "error_type": "Validation"}, {}
        if path == "/embed":
            return 200, [vector(text) for text in texts], {}
        data = [{"index": i, "embedding": vector(text), "object": "embedding"} for i, text in enumerate(texts)]
        return 200, {"object": "list", "data": data[::-1], "model": "m"}, {}


@pytest.fixture
def server() -> Iterator[Server]:
    configure_embedding_cache(memory_bytes=0)
    made = Server()
    yield made
    unload()
    made.close()


def encoder(server: Server, **options: Any) -> HTTPEncoder:
    return HTTPEncoder(server.url, **{"pause": 0.001, "normalize": False, "timeout": 5.0, **options})


@pytest.mark.parametrize("options", [{}, {"model": "m"}, {"api": "openai"}, {"api": "tei", "model": "m"}])
def test_both_forms_give_the_vectors_in_order(server: Server, options: dict[str, Any]) -> None:
    texts = ["banana", "a", "", "longer text with a", "a"]
    info = encoder(server, **options, batch_size=2).embed_with_info(texts)
    assert info.vectors.tolist() == [vector(text) for text in texts]
    assert not info.windowed.any()
    assert info.faults == {}
    assert sum(len(body.get("inputs") or body.get("input")) for body in server.requests) == 4


def test_requests_have_the_form_the_servers_document(server: Server) -> None:
    encoder(server, normalize=True, prefix="query: ").embed(["a"])
    assert server.requests[-1] == {"inputs": ["query: a"], "normalize": True, "truncate": False}
    encoder(server, model="m").embed(["a"])
    assert server.requests[-1] == {"model": "m", "input": ["a"], "encoding_format": "float"}


def test_vectors_get_unit_length(server: Server) -> None:
    found = encoder(server, normalize=True).embed(["banana", "a"])
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)
    assert found[0] == pytest.approx(np.array([6, 3, 1]) / 46**0.5)


def test_the_key_comes_from_the_environment_and_is_in_no_description(server: Server, monkeypatch: Any) -> None:
    described = encoder(server, api_key_variable="TEST_EMBEDDING_KEY")
    with pytest.raises(UserError, match="TEST_EMBEDDING_KEY"):
        described.embed(["a"])
    monkeypatch.setenv("TEST_EMBEDDING_KEY", "secret-key")
    described.embed(["a"])
    assert server.headers[-1]["Authorization"] == "Bearer secret-key"
    assert "secret-key" not in repr(described) + described.fingerprint + str(to_spec(described))


def test_the_served_weights_are_part_of_the_fingerprint(server: Server) -> None:
    before = encoder(server).fingerprint
    unload()
    server.info = {"model_id": "m", "model_sha": "abc"}
    one = encoder(server).fingerprint
    unload()
    server.info = {"model_id": "m", "model_sha": "def"}
    assert len({before, one, encoder(server).fingerprint, encoder(server, revision="2").fingerprint}) == 4
    unload()
    server.info = ["nonsense"]
    assert encoder(server).fingerprint == before


def test_answers_are_remembered(server: Server) -> None:
    configure_embedding_cache()
    described = encoder(server)
    described.embed(["a", "b"])
    info = described.embed_with_info(["b", "c"])
    assert info.cached.tolist() == [True, False]
    assert [body["inputs"] for body in server.requests[1:]] == [["c"]]


def test_a_text_the_server_refuses_as_too_long_is_windowed(server: Server) -> None:
    server.limit = 150
    long = "a word " * 60
    info = encoder(server, batch_size=8).embed_with_info(["short", long, "a", "b"])
    assert info.windowed.tolist() == [False, True, False, False]
    assert info.faults == {}
    assert info.vectors[0].tolist() == vector("short")
    # Each window is a mean of (length, a's, 1); the share of a's in the text is 1 in 7.
    assert info.vectors[1][1] / info.vectors[1][0] == pytest.approx(1 / 7, abs=0.02)
    assert info.vectors[1][2] == 1
    assert info.vectors[1][0] <= 150


def test_a_batch_the_server_refuses_is_halved(server: Server) -> None:
    server.answer = lambda body, number: (
        (422, "batch size > maximum allowed batch size 3", {}) if len(texts_of(body)) > 3 else None
    )
    texts = [f"{i}" for i in range(20)]
    assert encoder(server).embed(texts).tolist() == [vector(text) for text in texts]


def test_one_refused_text_costs_only_its_own_row(server: Server) -> None:
    server.answer = lambda body, number: (400, "content policy", {}) if "bad" in texts_of(body) else None
    info = encoder(server).embed_with_info(["good", "bad", "fine", "bad"])
    assert np.isnan(info.vectors).all(axis=1).tolist() == [False, True, False, True]
    assert set(info.faults) == {1, 3}
    assert "content policy" in info.faults[1]


def test_windows_by_characters_for_servers_that_truncate_silently(server: Server) -> None:
    info = encoder(server, window_characters=64).embed_with_info(["a word " * 40, "short"])
    assert info.windowed.tolist() == [True, False]
    assert max(len(text) for body in server.requests for text in body["inputs"]) <= 64


@pytest.mark.parametrize("status", [429, 500, 503, 408, 424])
def test_what_may_pass_is_tried_again(server: Server, status: int) -> None:
    server.answer = lambda body, number: (status, "busy", {}) if number < 3 else None
    assert encoder(server).embed(["a"]).tolist() == [vector("a")]
    assert len(server.requests) == 3


def test_the_pause_a_server_asks_for_is_kept(server: Server) -> None:
    server.answer = lambda body, number: (429, "busy", {"Retry-After": "0.3"}) if number == 1 else None
    started = time.monotonic()
    encoder(server).embed(["a"])
    assert time.monotonic() - started >= 0.3
    server.answer = lambda body, number: (429, "busy", {"Retry-After": "next year"}) if number == 3 else None
    encoder(server).embed(["a"])
    assert len(server.requests) == 4


def test_what_does_not_pass_is_nan_with_its_reason_and_not_remembered(server: Server) -> None:
    configure_embedding_cache()
    server.answer = lambda body, number: (503, "down for good", {})
    described = encoder(server, retries=2, dimension_expected=3)
    info = described.embed_with_info(["a", "b"])
    assert np.isnan(info.vectors).all()
    assert info.vectors.shape == (2, 3)
    assert info.faults == {0: "status 503: down for good", 1: "status 503: down for good"}
    assert len(server.requests) == 3
    server.answer = lambda body, number: None
    assert described.embed(["a"]).tolist() == [vector("a")]


def test_a_server_that_is_not_there_is_a_transport_error(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()
    info = encoder(server, retries=1, dimension_expected=3).embed_with_info(["a"])
    assert info.faults[0].startswith("transport error: ConnectError")


def test_a_server_that_hangs_is_a_timeout(server: Server) -> None:
    release = threading.Event()

    def hang(body: dict[str, Any], number: int) -> None:
        release.wait(10)

    server.answer = hang
    info = encoder(server, retries=0, timeout=0.1, dimension_expected=3).embed_with_info(["a"])
    release.set()
    assert "ReadTimeout" in info.faults[0]


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_wrong_set_up_raises_at_once(server: Server, status: int) -> None:
    server.answer = lambda body, number: (status, "no", {})
    with pytest.raises(EncoderFault, match=f"status {status}"):
        encoder(server).embed(["a"])
    assert len(server.requests) == 1


def test_another_dimension_raises(server: Server) -> None:
    with pytest.raises(EncoderFault, match="3 components, not 4"):
        encoder(server, dimension_expected=4).embed(["a"])
    server.answer = lambda body, number: (200, [[1.0, 2.0]], {}) if number > 2 else None
    changing = encoder(server)
    changing.embed(["a"])
    with pytest.raises(EncoderFault, match="2 components, not 3"):
        changing.embed(["b"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[[NaN, 1.0, 1.0]]", "NaN or infinite"),
        ("[[null, 1.0, 1.0]]", "NaN or infinite"),
        ("[[Infinity, 1.0, 1.0]]", "NaN or infinite"),
        ("[[1e400, 1.0, 1.0]]", "NaN or infinite"),
        ("[]", "0 vectors for 1 texts"),
        ("[[1.0], [2.0]]", "2 vectors for 1 texts"),
        ('[["a", "b", "c"]]', "not a list of numbers"),
        ("[[]]", "shape"),
        ("[[[1.0]]]", "shape"),
        ("null", "NoneType for 1 texts"),
        ("not json", "not JSON"),
        ('{"error": "no"}', "no list 'data'"),
        ('{"data": [{"index": 5, "embedding": [1, 2, 3]}]}', "indices"),
        ('{"data": [{"index": 0}]}', "malformed"),
    ],
)
def test_what_is_no_embedding_is_nan_with_a_reason(server: Server, content: str, reason: str) -> None:
    server.answer = lambda body, number: (200, content, {})
    info = encoder(server, dimension_expected=3).embed_with_info(["a"])
    assert np.isnan(info.vectors).all()
    assert reason in info.faults[0]


def test_requests_run_side_by_side_within_the_window(server: Server) -> None:
    together = threading.Barrier(3, timeout=10)

    def wait(body: dict[str, Any], number: int) -> None:
        together.wait()

    server.answer = wait
    encoder(server, concurrency=3, batch_size=1).embed([f"{i}" for i in range(6)])
    assert server.most_under_way == 3


def test_no_texts_ask_for_the_dimension_once(server: Server) -> None:
    assert encoder(server).embed([]).shape == (0, 3)
    assert encoder(server, dimension_expected=7).embed([]).shape == (0, 7)
    assert len(server.requests) == 1


def test_the_description_is_data(server: Server) -> None:
    described = as_encoder("http://127.0.0.1:1/embed", concurrency=2)
    assert described == HTTPEncoder("http://127.0.0.1:1/embed", concurrency=2)
    assert from_spec(to_spec(described)) == pickle.loads(pickle.dumps(described)) == described
    real = encoder(server)
    real.embed(["a"])
    assert pickle.loads(pickle.dumps(real)).embed(["a"]).tolist() == [vector("a")]


@pytest.mark.parametrize(
    ("url", "model", "address"),
    [
        ("http://h:1", None, "http://h:1/embed"),
        ("http://h:1/", None, "http://h:1/embed"),
        ("http://h:1/embed", "m", "http://h:1/embed"),
        ("http://h:1", "m", "http://h:1/v1/embeddings"),
        ("https://h/v1", None, "https://h/v1/embeddings"),
        ("https://h/api/v1/embeddings", "m", "https://h/api/v1/embeddings"),
        ("https://h/embeddings", None, "https://h/embeddings"),
    ],
)
def test_addresses(url: str, model: str | None, address: str) -> None:
    assert HTTPEncoder(url, model).address == address


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "ftp://h"}, "url='ftp://h'"),
        ({"url": "http://"}, "name a host"),
        ({"url": "http://user:secret@h"}, "must not carry a password"),
        ({"api": "grpc"}, "api='grpc'"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"retries": -1}, "retries=-1"),
        ({"timeout": 0}, "timeout=0"),
        ({"window_characters": 3}, "window_characters=3"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        HTTPEncoder(**{"url": "http://h", **options})
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["word " * 300, "x" * 1000, "short", "", "ab " * 21 + "x" * 500, "\n" * 300])
def test_character_windows_cover_the_text(text: str) -> None:
    windows = character_windows(text, 100)
    assert all(len(window) <= 100 for window in windows)
    assert text.startswith(windows[0])
    assert text.endswith(windows[-1])
    place = 0
    for window in windows:
        found = text.find(window, 0)
        assert found >= 0
        place += len(window)
    assert place >= len(text)


def test_vectors_are_read_by_their_index() -> None:
    assert isinstance(read_vectors({"data": [{"index": "x", "embedding": [1]}]}, 1), Failure)
    found = read_vectors({"data": [{"embedding": [1.0]}, {"embedding": [2.0]}]}, 2)
    assert not isinstance(found, Failure)
    assert found.tolist() == [[1.0], [2.0]]
