"""Answers brought to a form in which equal ones are equal strings."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Iterable
from typing import Literal

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")

#: Articles by language, for ``normalize_multilingual(drop=...)``.
ARTICLES: dict[str, tuple[str, ...]] = {
    "en": ("a", "an", "the"),
    "it": ("il", "lo", "la", "i", "gli", "le", "un", "uno", "una", "l"),
    "de": ("der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "eines"),
    "fr": ("le", "la", "les", "un", "une", "des", "l"),
    "es": ("el", "la", "los", "las", "un", "una", "unos", "unas"),
    "pt": ("o", "a", "os", "as", "um", "uma", "uns", "umas"),
    "nl": ("de", "het", "een"),
}


def normalize_squad(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, single spaces: the normal form of SQuAD.

    Punctuation is deleted, so that it joins what it stood between ("well-known" becomes "wellknown"). Source:
    Rajpurkar et al. 2016, evaluation of SQuAD.

    >>> normalize_squad("The  Well-known U.S. answer!")
    'wellknown us answer'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def normalize_multilingual(text: str, *, accents: Literal["keep", "strip"] = "keep", drop: Iterable[str] = ()) -> str:
    """A normal form for any script: single spaces between words and between CJK characters.

    Compatibility forms are unified (NFKC: full width, ligatures), case is folded, digits of every script become ASCII,
    punctuation and symbols become spaces, marks that only help reading (Arabic vowel signs, tatweel, zero-width
    characters) are deleted. ``accents="strip"`` removes diacritics from letters of alphabets; ``drop`` names whole
    words to leave out, such as ``ARTICLES["it"]``.

    Raises:
        ValueError: an unknown ``accents``.

    >>> normalize_multilingual("Ｒｏｍａ, la CITTÀ — ٢٠٢٤!", accents="strip", drop=ARTICLES["it"])
    'roma citta 2024'
    >>> normalize_multilingual("北京大学")
    '北 京 大 学'
    """
    if accents not in ("keep", "strip"):
        raise ValueError(f"accents={accents!r} is unknown; choose 'keep' or 'strip'")
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if accents == "strip":
        text = strip_accents(text)
    words = text.translate(WORDS).split()
    dropped = frozenset(drop)
    return " ".join(word for word in words if word not in dropped) if dropped else " ".join(words)


def strip_accents(text: str) -> str:
    """``text`` without the diacritics of Latin, Greek and Cyrillic letters; other scripts need their marks.

    >>> strip_accents("Città, naïve, Ελλάδα, नमस्ते")
    'Citta, naive, Ελλαδα, नमस्ते'
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).translate(_NO_DIACRITICS))


def ascii_digits(text: str) -> str:
    """``text`` with the decimal digits of every script written 0-9.

    >>> ascii_digits("٣٫١٤ १२ ５")
    '3٫14 12 5'
    """
    return text if text.isascii() else text.translate(_DIGITS)


class CharacterTable(dict[int, str]):
    """A table for ``str.translate`` that works out each character when it is first met."""

    def __init__(self, replacement: Callable[[str], str]) -> None:
        super().__init__()
        self._replacement = replacement

    def __missing__(self, code: int) -> str:
        replaced = self._replacement(chr(code))
        self[code] = replaced
        return replaced


# Written without spaces between words: Han, kana, Thai, Lao, Burmese, Khmer.
_UNSPACED = re.compile(
    "[\u0e00-\u0edf\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)


def _word_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] == "M":
        return "" if "\u064b" <= character <= "\u065f" or character == "\u0670" else character
    if category == "So" or (category[0] in "LN" and _UNSPACED.match(character)):
        return f" {character} "
    if category[0] in "LN":
        return "" if character == "\u0640" else character
    return "" if category == "Cf" else " "


WORDS = CharacterTable(_word_character)
_DIGITS = CharacterTable(lambda c: str(unicodedata.decimal(c)) if unicodedata.category(c) == "Nd" else c)
_NO_DIACRITICS = dict.fromkeys(range(0x300, 0x370))
