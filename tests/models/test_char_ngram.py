"""Hashed character n-grams: the same everywhere, for every script, and harmless on hostile text."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.encoders import CharNGramEncoder, as_encoder
from guerdon.models.encoders.char_ngram import char_ngram_hashes, plain_text

ENCODER = CharNGramEncoder()


def cosine(left: str, right: str) -> float:
    a, b = ENCODER.embed([left, right])
    return float(a @ b)


def test_values_are_those_of_every_machine_and_hash_seed() -> None:
    source = (
        "from guerdon.models.encoders import CharNGramEncoder as C;"
        "v = C(dimensions=8, shortest=2, longest=2).embed(['abc'])[0]; print(v.round(4).tolist())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", source], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    here = CharNGramEncoder(dimensions=8, shortest=2, longest=2).embed(["abc"])[0]
    assert said == {f"{here.round(4).tolist()}\n"}
    # " a", "ab", "bc", "c ": four bigrams of equal weight, two of which share a place: (1, 1, 2) at unit length.
    assert here == pytest.approx([0, 6**-0.5, 0, 0, 6**-0.5, 2 * 6**-0.5, 0, 0])


def test_hashes_by_hand() -> None:
    hashes, rows = char_ngram_hashes([" ab ", " b "], 2, 3)
    # bigrams " a", "ab", "b ", " b", "b "; trigrams " ab", "ab ", " b ".
    assert rows.tolist() == [0, 0, 0, 1, 1, 0, 0, 1]
    assert hashes[2] == hashes[4]
    assert len(set(hashes.tolist())) == 7


@given(st.lists(st.text(alphabet="abc é漢\U0001f600", max_size=12), min_size=1, max_size=6))
def test_one_hash_per_n_gram(texts: list[str]) -> None:
    hashes, rows = char_ngram_hashes(texts, 1, 3)
    expected = Counter(
        (row, text[i : i + n]) for row, text in enumerate(texts) for n in (1, 2, 3) for i in range(len(text) - n + 1)
    )
    found = Counter(zip(rows.tolist(), hashes.tolist(), strict=True))
    assert sorted(found.values()) == sorted(expected.values())
    assert Counter(rows.tolist()) == Counter(row for row, _ in expected.elements())


@given(st.lists(st.text(max_size=30), max_size=8))
def test_vectors_have_unit_length_or_are_zero_and_do_not_depend_on_neighbours(texts: list[str]) -> None:
    vectors = ENCODER.embed(texts)
    assert vectors.shape == (len(texts), 2048)
    for text, vector in zip(texts, vectors, strict=True):
        norm = np.linalg.norm(vector)
        assert norm == pytest.approx(1, abs=1e-5) or (norm == 0 and (not plain_text(text) or len(text) < 60))
        assert np.array_equal(ENCODER.embed([text])[0], vector)


def test_related_spellings_are_closer() -> None:
    assert (
        cosine("oxygen carriers in blood", "the blood carries oxygen")
        > cosine("oxygen carriers in blood", "long walks") + 0.2
    )
    assert cosine("Il sangue trasporta ossigeno", "il sangue porta l'ossigeno") > 0.5
    assert cosine("血液输送氧气", "氧气由血液输送") > 0.3
    assert cosine("ＡＢＣ def", "abc  DEF\n") == pytest.approx(1, abs=1e-6)
    assert cosine("", "anything") == 0


def test_a_hostile_megabyte_is_no_trouble() -> None:
    vectors = ENCODER.embed(["a" * 1_000_000, " " * 1_000_000, "ab" * 300_000 + "\U0001f600"])
    assert np.isfinite(vectors).all()


def test_description() -> None:
    assert as_encoder("char-ngram", dimensions=64) == CharNGramEncoder(64)
    assert to_spec(CharNGramEncoder(64)) == {"encoder": "char_ngram", "dimensions": 64}
    assert from_spec(to_spec(ENCODER)) == ENCODER
    assert ENCODER.embed([]).shape == (0, 2048)
    assert ENCODER.fingerprint != CharNGramEncoder(64).fingerprint
    with pytest.raises(UserError, match="shortest=5"):
        CharNGramEncoder(shortest=5)
    with pytest.raises(UserError, match="dimensions=0"):
        CharNGramEncoder(0)
