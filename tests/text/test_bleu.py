"""BLEU equals sacrebleu's, and the smoothed variant its formula."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.text.bleu import BleuReferences, sentence_bleu, smoothed_bleu
from guerdon.text.ngrams import ngrams
from guerdon.text.tokens import tokens_13a

SENTENCE = st.lists(
    st.sampled_from("the cat sat on mat . , 1.5 2,000 don't a-b -\n (x) café 東京 &amp; <skipped> Naïve".split(" ")),
    max_size=20,
).map(" ".join)
TEXTS = st.text(max_size=30) | SENTENCE
REFERENCES = st.lists(TEXTS, min_size=1, max_size=3)


@settings(max_examples=200)
@given(
    TEXTS,
    REFERENCES,
    st.sampled_from([("exp", None), ("floor", None), ("floor", 0.5), ("add-k", None), ("add-k", 2), ("none", None)]),
    st.booleans(),
    st.booleans(),
)
def test_equal_to_sacrebleu(
    candidate: str, references: list[str], smoothing: tuple[Any, float | None], effective: bool, lowercase: bool
) -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    method, value = smoothing
    metric = sacrebleu.BLEU(lowercase=lowercase, smooth_method=method, smooth_value=value, effective_order=effective)
    segment = metric._preprocess_segment
    expected = metric._compute_score_from_stats(
        metric._compute_segment_statistics(
            segment(candidate), metric._extract_reference_info([segment(reference) for reference in references])
        )
    )
    found = sentence_bleu(
        candidate, references, smoothing=method, smoothing_value=value, effective_order=effective, lowercase=lowercase
    )
    assert found.score == pytest.approx(expected.score / 100, abs=1e-9)
    assert found.brevity_penalty == pytest.approx(expected.bp, abs=1e-9)
    assert found.precisions == pytest.approx([p / 100 for p in expected.precisions], abs=1e-9)
    assert (found.candidate_length, found.reference_length) == (expected.sys_len, expected.ref_len)


def test_equal_to_sacrebleus_own_function() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    references = ["The cat sat on the mat.", "A cat was sitting on the mat, they say."]
    for candidate in ("The cat sits on the mat.", "cat", "", "dogs", "The cat sat on the mat."):
        expected = sacrebleu.sentence_bleu(candidate, references).score / 100
        assert sentence_bleu(candidate, references).score == pytest.approx(expected, abs=1e-9)


def _by_formula(candidate: str, references: list[str]) -> float:
    """Section 3 of the card of BLEUBERI, written out."""
    tokens = tokens_13a(candidate)
    golds = [gold for reference in references if (gold := tokens_13a(reference))]
    if not golds:
        return math.nan
    if not tokens:
        return 0.0
    shortest = min(map(len, golds))
    penalty = 1.0 if len(tokens) > shortest else math.exp(1 - shortest / len(tokens))
    logs = []
    for n in range(1, 5):
        most: Counter[tuple[object, ...]] = Counter()
        for gold in golds:
            most |= Counter(ngrams(gold, n))
        given_ = Counter(ngrams(tokens, n))
        logs.append(math.log(((given_ & most).total() + 1) / (given_.total() + 1)))
    return penalty * math.exp(sum(logs) / 4)


@given(TEXTS, REFERENCES)
def test_smoothed_bleu_is_its_formula(candidate: str, references: list[str]) -> None:
    expected = _by_formula(candidate, references)
    assert smoothed_bleu(candidate, references).score == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(TEXTS, REFERENCES)
def test_order_and_repetition_of_references_do_not_matter(candidate: str, references: list[str]) -> None:
    for score in (sentence_bleu, smoothed_bleu):
        expected = score(candidate, references).score
        assert score(candidate, references[::-1]).score == pytest.approx(expected, nan_ok=True)
        assert score(candidate, [*references, references[0]]).score == pytest.approx(expected, nan_ok=True)


def test_smoothed_bleu_by_hand() -> None:
    reference = "The cat sat on the mat and watched the rain fall outside."
    assert smoothed_bleu(reference, [reference]).score == 1.0
    # 4 tokens, no match: p = 1/5, 1/4, 1/3, 1/2; BP = exp(1 - 13/4).
    expected = (1 / 120) ** 0.25 * math.exp(1 - 13 / 4)
    assert smoothed_bleu("Quantum chromodynamics is difficult", [reference]).score == pytest.approx(expected)
    assert smoothed_bleu(f"{reference} {reference}", [reference]).score < 1
    assert smoothed_bleu("The cat sat on", [reference]).score < 1
    assert smoothed_bleu("", [reference]).score == 0.0
    assert smoothed_bleu("<skipped>", [reference]).score == 0.0
    assert math.isnan(smoothed_bleu("x", [""]).score)
    assert smoothed_bleu("x", ["", "x"]).score == 1.0
    assert smoothed_bleu("東京湾", ["東京タワー"]).precisions[0] == 1 / 2
    assert smoothed_bleu("東京湾", ["東京タワー"], tokenizer="13a-han").precisions[0] == 3 / 4


def test_prepared_references() -> None:
    references = BleuReferences(["the cat sat", "a cat sat"], lowercase=True)
    assert references.sentence_bleu("The Cat sat").score == pytest.approx(
        sentence_bleu("the cat sat", references).score
    )
    assert references.lengths == (3, 3)
    assert smoothed_bleu("word", ["word " * 20_000]).precisions[0] == 1.0


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="references"):
        sentence_bleu("x", [])
    with pytest.raises(ValueError, match="not one text"):
        smoothed_bleu("x", "a reference")
    with pytest.raises(ValueError, match="smoothing='linear'"):
        sentence_bleu("x", ["x"], smoothing="linear")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tokenizer='zh'"):
        sentence_bleu("x", ["x"], tokenizer="zh")
