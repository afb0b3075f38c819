"""Text cut into tokens, in the ways that metrics and papers do."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from guerdon.text.normalize import WORDS, normalize_squad

Tokenizer = Callable[[str], list[str]]


def whitespace_tokens(text: str) -> list[str]:
    """What whitespace separates.

    >>> whitespace_tokens("It's  so.")
    ["It's", 'so.']
    """
    return text.split()


def word_tokens(text: str) -> list[str]:
    """Words of any script, case folded and NFKC, one token per character where words are not spaced (CJK, Thai, ...).

    >>> word_tokens("Die Straße, 東京 2024!")
    ['die', 'strasse', '東', '京', '2024']
    """
    folded = text.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(WORDS).split()


def character_tokens(text: str) -> list[str]:
    """Every character but whitespace.

    >>> character_tokens("a 東京")
    ['a', '東', '京']
    """
    return list("".join(text.split()))


def squad_tokens(text: str) -> list[str]:
    """The words of :func:`~guerdon.text.normalize.normalize_squad`.

    >>> squad_tokens("The well-known cat.")
    ['wellknown', 'cat']
    """
    return normalize_squad(text).split()


def wordpunct_tokens(text: str) -> list[str]:
    r"""Runs of word characters and runs of punctuation, ``\w+|[^\w\s]+``, as NLTK's ``wordpunct_tokenize``.

    >>> wordpunct_tokens("Don't stop -- it's 3.5%")
    ['Don', "'", 't', 'stop', '--', 'it', "'", 's', '3', '.', '5', '%']
    """
    return _WORDPUNCT.findall(text)


def unicode_tokens(text: str) -> list[str]:
    r"""``\w+`` of the NFKC lower-cased text; a CJK run is one token.

    >>> unicode_tokens("Œdème: ５ cm")
    ['œdème', '5', 'cm']
    """
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


def ascii_tokens(text: str) -> list[str]:
    """Runs of ``[a-z0-9_]`` in lower case and single Han characters; all else separates.

    Source: LongTraceRL, arXiv 2605.31584, the normaliser of its rubric.

    >>> ascii_tokens("São Paulo, 北京")
    ['s', 'o', 'paulo', '北', '京']
    """
    return _ASCII_OR_HAN.findall(text.lower())


def rouge_tokens(text: str) -> list[str]:
    """Runs of ``[a-z0-9]`` in lower case, as ROUGE counts them: text in other alphabets gives no token.

    >>> rouge_tokens("The café's 2 doors")
    ['the', 'caf', 's', '2', 'doors']
    """
    return text.lower().encode("ascii", "replace").translate(_ALPHANUMERIC).decode("ascii").split()


def rouge_stems(text: str) -> list[str]:
    """:func:`rouge_tokens` with words of more than three letters stemmed (Porter, by NLTK).

    Raises:
        ImportError: NLTK is not installed (it comes with rouge-score).

    >>> rouge_stems("running dogs")
    ['run', 'dog']
    """
    return [_stem(token) if len(token) > 3 else token for token in rouge_tokens(text)]


def tokens_13a(text: str) -> list[str]:
    """The mteval-v13a tokenizer of the WMT evaluations, as BLEU is usually computed with; case is kept.

    >>> tokens_13a("It's 1,234.5 (approx.)")
    ["It's", '1,234.5', '(', 'approx', '.', ')']
    """
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in text:
        text = text.replace("&quot;", '"').replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    tokens: list[str] = []
    for chunk in text.split():
        if chunk.isalnum():
            tokens.append(chunk)
        else:
            tokens += _split_13a(chunk) if len(chunk) > _LONG_CHUNK else _cached_split_13a(chunk)
    return tokens


def han_tokens_13a(text: str) -> list[str]:
    """:func:`tokens_13a` with every Han character, kana and hangul syllable a token of its own.

    >>> han_tokens_13a("東京 is big.")
    ['東', '京', 'is', 'big', '.']
    """
    return tokens_13a(_UNSPACED.sub(r" \g<0> ", text))


#: The tokenizers by name.
TOKENIZERS: dict[str, Tokenizer] = {
    "whitespace": whitespace_tokens,
    "words": word_tokens,
    "characters": character_tokens,
    "squad": squad_tokens,
    "wordpunct": wordpunct_tokens,
    "unicode": unicode_tokens,
    "ascii": ascii_tokens,
    "rouge": rouge_tokens,
    "rouge-stem": rouge_stems,
    "13a": tokens_13a,
    "13a-han": han_tokens_13a,
}


def find_tokenizer(name: str | Tokenizer) -> Tokenizer:
    """The tokenizer of this name, or the function itself.

    Raises:
        ValueError: an unknown name, naming the choices.

    >>> find_tokenizer("squad")("The cat.")
    ['cat']
    """
    if callable(name):
        return name
    if name not in TOKENIZERS:
        choices = ", ".join(map(repr, TOKENIZERS))
        raise ValueError(f"tokenizer={name!r} is unknown; choose one of {choices} or a function")
    return TOKENIZERS[name]


_WORD = re.compile(r"\w+")
_WORDPUNCT = re.compile(r"\w+|[^\w\s]+")
_ALPHANUMERIC = bytes(code if chr(code).isascii() and chr(code).isalnum() else 32 for code in range(256))
_ASCII_OR_HAN = re.compile(r"[a-z0-9_]+|[\u4e00-\u9fff]")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")

# The rules of mteval-v13a, each applied to the outcome of the one before.
_SYMBOLS = str.maketrans({symbol: f" {symbol} " for symbol in '!"#$%&()*+/:;<=>?@[\\]^_`{|}~'})
_STOP_AFTER_NONDIGIT = re.compile(r"([^0-9])([.,])")
_STOP_BEFORE_NONDIGIT = re.compile(r"([.,])([^0-9])")
_DASH_AFTER_DIGIT = re.compile(r"([0-9])(-)")
_LONG_CHUNK = 64  # characters; longer ones are rare and not worth remembering


def _split_13a(chunk: str) -> list[str]:
    """The tokens of text without whitespace: no rule looks further than the space beside it."""
    text = f" {chunk} ".translate(_SYMBOLS)
    text = _STOP_AFTER_NONDIGIT.sub(r"\1 \2 ", text)
    text = _STOP_BEFORE_NONDIGIT.sub(r" \1 \2", text)
    return _DASH_AFTER_DIGIT.sub(r"\1 \2 ", text).split()


@lru_cache(maxsize=32768)
def _cached_split_13a(chunk: str) -> tuple[str, ...]:
    return tuple(_split_13a(chunk))


def _stem(word: str) -> str:
    return _cached_stem(word) if len(word) <= _LONG_CHUNK else str(_porter().stem(word))


@lru_cache(maxsize=65536)
def _cached_stem(word: str) -> str:
    return str(_porter().stem(word))


@lru_cache(maxsize=1)
def _porter() -> Any:
    return importlib.import_module("nltk.stem.porter").PorterStemmer()
