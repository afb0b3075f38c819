"""The pipeline in front of every encoder, on a back-end that counts what it is asked."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.errors import UserError
from guerdon.models.embedding_cache import EmbeddingCache
from guerdon.models.embedding_pipeline import NOT_FINITE, embed_texts
from guerdon.models.encoder import Backend, Encoded, Encoder
from guerdon.models.loaded import loaded, unload


@dataclass
class Counting:
    """Vectors (length, vowels); asked texts are kept."""

    fingerprint: str = "counting"
    dimension: int = 2
    cacheable: bool = True
    asked: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> Encoded:
        self.asked += texts
        vectors = np.array([[len(text), sum(text.count(v) for v in "aeiou")] for text in texts], dtype=np.float32)
        vectors[[text == "nan" for text in texts]] = np.nan
        vectors[[text == "inf" for text in texts]] = [1.0, np.inf]
        faults = {i: "down" for i, text in enumerate(texts) if text == "down"}
        return Encoded(vectors, np.array([len(text) > 5 for text in texts]), faults)


def test_equal_texts_are_encoded_once_and_remembered() -> None:
    backend, cache = Counting(), EmbeddingCache()
    first = embed_texts(backend, ["aba", "b", "aba", "longer text"], cache)
    assert backend.asked == ["aba", "b", "longer text"]
    assert first.vectors.tolist() == [[3, 2], [1, 0], [3, 2], [11, 3]]
    assert first.vectors.dtype == np.float32
    assert first.windowed.tolist() == [False, False, False, True]
    assert not first.cached.any()
    again = embed_texts(backend, ["longer text", "new"], cache)
    assert backend.asked == ["aba", "b", "longer text", "new"]
    assert again.cached.tolist() == [True, False]
    assert again.windowed.tolist() == [True, False]


def test_what_is_not_finite_is_nan_with_a_reason_and_not_remembered() -> None:
    backend, cache = Counting(), EmbeddingCache()
    for _ in range(2):
        result = embed_texts(backend, ["fine", "nan", "inf", "down", "nan"], cache)
        assert np.isnan(result.vectors).all(axis=1).tolist() == [False, True, True, True, True]
        assert result.faults == {1: NOT_FINITE, 2: NOT_FINITE, 3: "down", 4: NOT_FINITE}
    assert backend.asked == ["fine", "nan", "inf", "down", "nan", "inf", "down"]
    assert np.isnan(embed_texts(backend, ["down"], EmbeddingCache()).vectors).all()


def test_vectors_of_one_fingerprint_are_never_given_for_another() -> None:
    cache = EmbeddingCache()
    embed_texts(Counting("weights A"), ["text"], cache)
    other = Counting("weights B")
    assert not embed_texts(other, ["text"], cache).cached.any()
    assert other.asked == ["text"]


def test_an_uncacheable_backend_is_asked_every_time() -> None:
    backend = Counting(cacheable=False)
    for _ in range(2):
        embed_texts(backend, ["a", "a"])
    assert backend.asked == ["a", "a"]


def test_no_texts_give_no_rows_of_the_right_length() -> None:
    result = embed_texts(Counting(), [])
    assert result.vectors.shape == (0, 2)
    assert len(result) == len(result.windowed) == len(result.cached) == 0


def test_lone_surrogates_reach_no_backend() -> None:
    backend = Counting()
    embed_texts(backend, ["a\ud800b", "\ud83d\ude00", "\x00"], EmbeddingCache())
    assert backend.asked == ["a\ufffdb", "\U0001f600", "\x00"]


@pytest.mark.parametrize(
    ("texts", "said"), [("one text", "one text"), (["a", None], "texts[1] is NoneType"), ([b"a"], "texts[0] is bytes")]
)
def test_what_is_no_list_of_strings_is_said(texts: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        embed_texts(Counting(), texts)
    assert said in str(caught.value)


@given(st.lists(st.text(max_size=8), max_size=12), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(texts: list[str], random: object) -> None:
    texts = [text for text in texts if text not in ("nan", "inf", "down")]
    cache = EmbeddingCache()
    whole = embed_texts(Counting(), texts, cache).vectors
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert np.array_equal(
        embed_texts(Counting(), [texts[i] for i in order] * 2, cache).vectors[: len(texts)], whole[order]
    )


@dataclass(frozen=True)
class Slow(Encoder):
    name: str

    def _load(self) -> Backend:
        loads.append(self.name)
        entered.wait(5)
        return Counting(self.name)


loads: list[str] = []
entered = threading.Event()


def test_weights_are_loaded_once_per_description_and_process() -> None:
    loads.clear()
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(Slow("a").embed(["x"]).tolist())) for _ in range(6)]
    for thread in threads:
        thread.start()
    entered.set()
    for thread in threads:
        thread.join()
    assert loads == ["a"]
    assert results == [[[1, 0]]] * 6
    assert Slow("b").fingerprint == "b"
    assert Slow("b").dimension == 2
    assert loads == ["a", "b"]
    copy = pickle.loads(pickle.dumps(Slow("b")))
    assert copy == Slow("b")
    assert hash(copy) == hash(Slow("b"))
    assert copy.fingerprint == "b"
    assert loads == ["a", "b"]
    unload(Slow("b"))
    assert Slow("b").fingerprint == "b"
    assert loads == ["a", "b", "b"]


def test_a_failed_load_is_tried_again() -> None:
    tries = []

    def load() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not there yet")
        return "weights"

    with pytest.raises(OSError, match="not there yet"):
        loaded("flaky", load)
    assert loaded("flaky", load) == loaded("flaky", load) == "weights"
    assert len(tries) == 2
