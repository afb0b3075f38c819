"""Names of encoders, the table stand-in, and corrected encoders."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from guerdon import from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.encoders import CharNGramEncoder, CorrectedEncoder, HTTPEncoder, MiniLM, TableEncoder, as_encoder
from guerdon.models.encoders.sentence_transformer import SentenceTransformerEncoder
from guerdon.registry import registered
from guerdon.spec import to_yaml

TABLE = {"a": [1.0, 0.0], "b": [0.0, 2.0]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("minilm", MiniLM()),
        ("char-ngram", CharNGramEncoder()),
        ("char_ngram", CharNGramEncoder()),
        ("http://127.0.0.1:8080", HTTPEncoder("http://127.0.0.1:8080")),
        ("intfloat/e5-small", SentenceTransformerEncoder("intfloat/e5-small")),
        ("./models/mine", SentenceTransformerEncoder("./models/mine")),
        (TableEncoder(TABLE), TableEncoder(TABLE)),
    ],
)
def test_a_name_is_a_description(name: Any, expected: Any) -> None:
    assert as_encoder(name) == expected


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("minlm", {}, "did you mean 'minilm'"),
        ("", {}, "char-ngram"),
        (3, {}, "is int"),
        ("minilm", {"size": 3}, "size"),
        (MiniLM(), {"threads": 1}, "replace"),
    ],
)
def test_what_names_no_encoder_is_said(name: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        as_encoder(name, **options)


def test_all_encoders_are_registered() -> None:
    names = {"char_ngram", "corrected", "http", "minilm", "sentence_transformer", "table"}
    assert names <= registered("encoder").keys()


def test_the_table_returns_what_is_written() -> None:
    encoder = TableEncoder(TABLE)
    assert encoder.embed(["b", "a", "b"]).tolist() == [[0, 2], [1, 0], [0, 2]]
    assert encoder.embed([]).shape == (0, 2)
    assert not encoder.embed_with_info(["a"]).cached.any()
    assert encoder.fingerprint == TableEncoder(dict(reversed(TABLE.items()))).fingerprint
    assert encoder.fingerprint != TableEncoder({**TABLE, "c": [1.0, 1.0]}).fingerprint


def test_the_table_is_data() -> None:
    encoder = TableEncoder(TABLE)
    assert pickle.loads(pickle.dumps(encoder)) == encoder
    assert hash(TableEncoder(dict(TABLE))) == hash(encoder)
    assert to_spec(encoder) == {"encoder": "table", "table": TABLE}
    assert from_spec(to_yaml(encoder)) == encoder


def test_a_text_that_is_not_in_the_table_is_named() -> None:
    with pytest.raises(UserError, match="text 'c' is not in the table of 2 texts, nor are 1 others"):
        TableEncoder(TABLE).embed(["a", "c", "d"])


@pytest.mark.parametrize("table", [{}, {"a": [1.0], "b": [1.0, 2.0]}, [("a", [1.0])]])
def test_a_table_that_cannot_be_is_refused(table: Any) -> None:
    with pytest.raises(UserError, match="table"):
        TableEncoder(table)


def strangers() -> list[str]:
    subjects = ["the cat", "a river", "our school", "the economy", "an engine", "my sister", "the moon", "a violin"]
    verbs = ["slept", "flows", "opened", "grew", "failed", "wrote", "rose", "sounded"]
    return [f"{subject} {verb} early in the morning of that day" for subject in subjects for verb in verbs]


@pytest.mark.parametrize("options", [{}, {"directions": 1}, {"directions": 2, "whiten": 16}, {"whiten": 8}])
def test_corrected_strangers_have_cosines_about_zero(options: dict[str, Any]) -> None:
    texts, plain = strangers(), CharNGramEncoder(dimensions=256)
    encoder = CorrectedEncoder.fit(plain, texts, **options)
    before, after = plain.embed(texts), encoder.embed(texts)
    others = ~np.eye(len(texts), dtype=bool)
    assert (before @ before.T)[others].mean() > 0.5
    assert abs((after @ after.T)[others].mean()) < 0.03
    assert np.linalg.norm(after, axis=1) == pytest.approx(1, abs=1e-5)
    assert after.shape == (64, encoder.dimension)
    assert from_spec(to_yaml(encoder)) == pickle.loads(pickle.dumps(encoder)) == encoder
    assert encoder.fingerprint.endswith(plain.fingerprint)
    assert encoder.embed([]).shape == (0, encoder.dimension)


def test_a_correction_that_cannot_be_is_refused() -> None:
    plain = CharNGramEncoder(dimensions=16)
    with pytest.raises(UserError, match="at least 2"):
        CorrectedEncoder.fit(plain, ["one"])
    with pytest.raises(UserError, match="directions=9"):
        CorrectedEncoder.fit(plain, ["one", "two"], directions=9)
    with pytest.raises(UserError, match="packed"):
        CorrectedEncoder(plain, mean="nonsense")
