"""Tokenizers, against those they are equal to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.tokens import (
    TOKENIZERS,
    Tokenizer,
    ascii_tokens,
    character_tokens,
    find_tokenizer,
    han_tokens_13a,
    rouge_stems,
    rouge_tokens,
    tokens_13a,
    unicode_tokens,
    word_tokens,
    wordpunct_tokens,
)

ODD = st.text() | st.text(alphabet="ab1 2.,-/()&;\n\t'\"A$%é東\xa0\u2003\x1c-{}[]~`!?:@", max_size=40)


@given(ODD)
def test_13a_is_sacrebleus(text: str) -> None:
    tokenizer_13a = pytest.importorskip("sacrebleu.tokenizers.tokenizer_13a")
    for variant in (text, text.replace("a", "&amp;").replace("b", "<skipped>"), text * 20):
        assert tokens_13a(variant) == tokenizer_13a.Tokenizer13a()(variant).split()


@given(ODD)
def test_rouge_tokens_are_rouge_scores(text: str) -> None:
    tokenize = pytest.importorskip("rouge_score.tokenize")
    assert rouge_tokens(text) == tokenize.tokenize(text, None)


@given(st.text(alphabet="aeinrstgly ", max_size=40))
def test_stems_are_rouge_scores(text: str) -> None:
    tokenize = pytest.importorskip("rouge_score.tokenize")
    porter = pytest.importorskip("nltk.stem.porter")
    assert rouge_stems(text) == tokenize.tokenize(text, porter.PorterStemmer())


@given(st.text(alphabet="ab1 2.,-/()_'\n\téß東😀", max_size=40))
def test_wordpunct_is_nltks(text: str) -> None:
    regexp = pytest.importorskip("nltk.tokenize")
    assert wordpunct_tokens(text) == regexp.wordpunct_tokenize(text)


@pytest.mark.parametrize(
    ("cut", "text", "expected"),
    [
        (
            tokens_13a,
            "1,234.56 a.b, x-y 3-4 1...2",
            ["1,234.56", "a", ".", "b", ",", "x-y", "3", "-", "4", "1", ".", ".", ".2"],
        ),
        (tokens_13a, "well-\nknown", ["wellknown"]),
        (tokens_13a, "&quot;A&quot; &lt;b&gt;", ['"', "A", '"', "<", "b", ">"]),
        (han_tokens_13a, "東京タワー、a", ["東", "京", "タ", "ワ", "ー", "、a"]),
        (word_tokens, "It's 東京, naïve!", ["it", "s", "東", "京", "naïve"]),
        (word_tokens, "ไทย", ["ไ", "ท", "ย"]),
        (unicode_tokens, "œdème_1 東京", ["œdème_1", "東京"]),
        (ascii_tokens, "Beyoncé v1.2_x 北京", ["beyonc", "v1", "2_x", "北", "京"]),
        (character_tokens, "a b\n東", ["a", "b", "東"]),
    ],
)
def test_tokens(cut: Tokenizer, text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize("name", TOKENIZERS)
def test_no_tokens_in_blank_text(name: str) -> None:
    assert find_tokenizer(name)("") == find_tokenizer(name)(" \n\t") == []


def test_find_tokenizer() -> None:
    assert find_tokenizer(str.split) is str.split
    with pytest.raises(ValueError, match="tokenizer='bpe' is unknown; choose one of 'whitespace'"):
        find_tokenizer("bpe")
