"""ROUGE equals the rouge_score package."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.text.rouge import Rouge, RougeReference, rouge_l, rouge_n

ZERO = Rouge(0.0, 0.0, 0.0)
SENTENCE = st.lists(
    st.sampled_from("the cat cats sat running ran on mat . , 1.5 don't a-b (x) café 東京 İ \n Naïve ¼".split(" ")),
    max_size=25,
).map(" ".join)
TEXTS = st.text(max_size=40) | SENTENCE


@cache
def scorer(stemmer: bool) -> Any:
    return pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(
        ["rouge1", "rouge2", "rouge3", "rougeL"], stemmer
    )


@settings(max_examples=200)
@given(TEXTS, TEXTS, st.booleans())
def test_equal_to_rouge_score(candidate: str, reference: str, stemmer: bool) -> None:
    expected = scorer(stemmer).score(reference, candidate)
    tokenizer = "rouge-stem" if stemmer else "rouge"
    prepared = RougeReference(reference, tokenizer=tokenizer)
    for name, of_text, of_prepared in [
        *(
            (f"rouge{n}", rouge_n(candidate, reference, n, tokenizer=tokenizer), rouge_n(candidate, prepared, n))
            for n in (1, 2, 3)
        ),
        ("rougeL", rouge_l(candidate, reference, tokenizer=tokenizer), rouge_l(candidate, prepared)),
    ]:
        assert of_text == of_prepared
        for field in ("precision", "recall", "fmeasure"):
            assert getattr(of_text, field) == pytest.approx(getattr(expected[name], field), abs=1e-9)


def test_by_hand() -> None:
    # 3 of 4 candidate words in order among 5 reference words.
    assert rouge_l("the big cat sat", "the cat sat down here") == Rouge(0.75, 0.6, pytest.approx(2 / 3))
    # Bigrams: "cat sat" of {the cat, cat sat} and {a cat, cat sat, sat down}.
    assert rouge_n("the cat sat", "a cat sat down", 2) == Rouge(0.5, pytest.approx(1 / 3), 0.4)
    assert rouge_n("no no no", "no yes") == Rouge(pytest.approx(1 / 3), 0.5, 0.4)


@pytest.mark.parametrize(("candidate", "reference"), [("", ""), ("", "a"), ("a", ""), ("!?", "a"), ("東京", "東京")])
def test_without_tokens(candidate: str, reference: str) -> None:
    assert rouge_l(candidate, reference) == rouge_n(candidate, reference) == rouge_n(candidate, reference, 2) == ZERO


def test_other_tokenizers() -> None:
    assert rouge_l("東京タワー", "東京の塔", tokenizer="words").precision == pytest.approx(2 / 5)
    assert rouge_l("a b", "b a", tokenizer=str.split).fmeasure == 0.5
    with pytest.raises(ValueError, match="tokenizer='bert'"):
        rouge_l("a", "b", tokenizer="bert")
    with pytest.raises(ValueError, match="must be at least 1"):
        rouge_n("a", "b", 0)


def test_long_references_are_not_remembered_but_scored() -> None:
    text = "word " * 20_000
    assert rouge_n("word", text).precision == 1.0
    assert rouge_l("word word", text).precision == 1.0
