"""chrF equals sacrebleu's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.text.chrf import ChrfReference, chrf

TEXTS = st.text(max_size=30) | st.lists(
    st.sampled_from("the cat sat (hi) don't é 東京 . ,x \n ... a".split(" ")), max_size=12
).map(" ".join)


@settings(max_examples=200)
@given(
    TEXTS,
    st.lists(TEXTS, min_size=1, max_size=3),
    st.sampled_from([0, 2]),
    st.sampled_from([6, 3]),
    st.sampled_from([1, 2, 3]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_equal_to_sacrebleu(
    candidate: str,
    references: list[str],
    words: int,
    characters: int,
    beta: int,
    lowercase: bool,
    whitespace: bool,
    eps: bool,
) -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    metric = sacrebleu.CHRF(characters, words, beta, lowercase, whitespace, eps)
    expected = metric.sentence_score(candidate, references).score / 100
    found = chrf(
        candidate,
        references,
        char_order=characters,
        word_order=words,
        beta=beta,
        lowercase=lowercase,
        whitespace=whitespace,
        eps_smoothing=eps,
    )
    assert found == pytest.approx(expected, abs=1e-9)


def test_edges() -> None:
    assert chrf("same", "same") == chrf("same", ["other", "same"]) == 1.0
    assert chrf("", "x") == chrf("x", "") == chrf("", "") == 0.0
    assert ChrfReference("the cat").chrf("the cat") == chrf("the cat", ChrfReference("the cat")) == 1.0
    assert chrf("a b", "a b " * 20_000) > 0
    with pytest.raises(ValueError, match="references is empty"):
        chrf("x", [])
