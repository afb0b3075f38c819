"""Which script a text is written in."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

from guerdon.text.normalize import CharacterTable

_HAN = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F))
_KANA = ((0x3040, 0x309F), (0x30A0, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F))
_HANGUL = ((0xAC00, 0xD7AF), (0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xD7B0, 0xD7FF))

#: Code point ranges, both ends included, by script.
SCRIPTS: dict[str, tuple[tuple[int, int], ...]] = {
    "arabic": ((0x0600, 0x06FF), (0x0750, 0x077F)),
    "armenian": ((0x0530, 0x058F),),
    "bengali": ((0x0980, 0x09FF),),
    "cyrillic": ((0x0400, 0x052F),),
    "devanagari": ((0x0900, 0x097F),),
    "ethiopic": ((0x1200, 0x139F), (0x2D80, 0x2DDF)),
    "georgian": ((0x10A0, 0x10FF), (0x1C90, 0x1CBF)),
    "greek": ((0x0370, 0x03FF), (0x1F00, 0x1FFF)),
    "gujarati": ((0x0A80, 0x0AFF),),
    "gurmukhi": ((0x0A00, 0x0A7F),),
    "han": _HAN,
    "hangul": _HANGUL,
    "hebrew": ((0x0590, 0x05FF), (0xFB1D, 0xFB4F)),
    "hiragana": ((0x3040, 0x309F),),
    "japanese": (*_HAN, *_KANA, (0x3005, 0x3007)),
    "kannada": ((0x0C80, 0x0CFF),),
    "katakana": ((0x30A0, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),
    "khmer": ((0x1780, 0x17FF), (0x19E0, 0x19FF)),
    "korean": (*_HANGUL, *_HAN),
    "lao": ((0x0E80, 0x0EFF),),
    "latin": ((0x0041, 0x005A), (0x0061, 0x007A), (0x00C0, 0x024F)),
    "malayalam": ((0x0D00, 0x0D7F),),
    "mongolian": ((0x1800, 0x18AF),),
    "myanmar": ((0x1000, 0x109F), (0xAA60, 0xAA7F)),
    "odia": ((0x0B00, 0x0B7F),),
    "sinhala": ((0x0D80, 0x0DFF),),
    "tamil": ((0x0B80, 0x0BFF),),
    "telugu": ((0x0C00, 0x0C7F),),
    "thai": ((0x0E00, 0x0E7F),),
    "tibetan": ((0x0F00, 0x0FFF),),
    "vietnamese": ((0x0041, 0x005A), (0x0061, 0x007A), (0x00C0, 0x024F), (0x1E00, 0x1EFF), (0x0300, 0x036F)),
}
#: Scripts that are written with those of other entries; :func:`dominant_script` does not name them.
_COMPOSITE = frozenset({"japanese", "korean", "vietnamese"})


def script_counts(text: str, script: str) -> tuple[int, int]:
    """How many letters and marks (Unicode categories L and M) of ``text`` are of ``script``, and how many are not.

    Digits, punctuation, symbols and emoji count for neither.

    Raises:
        ValueError: an unknown script, naming the choices.

    >>> script_counts("Città 2024: Москва", "latin")
    (5, 6)
    """
    letters = text.translate(_table(script))
    own = letters.count("+")
    return own, len(letters) - own


def foreign_ratio(text: str, script: str) -> float:
    """Share of the letters and marks of ``text`` that are not of ``script``, in [0, 1]; NaN where it has no letter.

    >>> foreign_ratio("Рaris", "latin")
    0.2
    """
    own, foreign = script_counts(text, script)
    return foreign / (own + foreign) if own + foreign else float("nan")


def in_script(text: str, script: str, *, max_foreign_ratio: float = 0.0) -> bool:
    """Whether ``text`` is written in ``script``: at least one of its letters, and at most this share of others.

    Source: the script check of arXiv 2605.14366 as its card defines it (a design; the paper's rule is not public).

    Raises:
        ValueError: an unknown script, naming the choices.

    >>> in_script("Привет, мир! 42", "cyrillic"), in_script("42", "cyrillic")
    (True, False)
    """
    own, foreign = script_counts(text, script)
    return own > 0 and foreign / (own + foreign) <= max_foreign_ratio


def dominant_script(text: str) -> str | None:
    """The script of most letters of ``text``, None where no letter is of a known script; ties go by the alphabet.

    >>> dominant_script("Wir sehen uns in Москва"), dominant_script("42") is None
    ('latin', True)
    """
    counts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if unicodedata.category(character)[0] in "LM" and (name := _script_of(character)) is not None:
            counts[name] += count
    return min(counts, key=lambda name: (-counts[name], name)) if counts else None


def _script_of(character: str) -> str | None:
    code = ord(character)
    for name, ranges in SCRIPTS.items():
        if name not in _COMPOSITE and any(low <= code <= high for low, high in ranges):
            return name
    return None


@lru_cache(maxsize=64)
def _table(script: str) -> CharacterTable:
    """Letters of the script become "+", other letters "-", all else nothing."""
    if script not in SCRIPTS:
        raise ValueError(f"script={script!r} is unknown; choose one of {', '.join(sorted(SCRIPTS))}")
    ranges = SCRIPTS[script]

    def sign(character: str) -> str:
        if unicodedata.category(character)[0] not in "LM":
            return ""
        return "+" if any(low <= ord(character) <= high for low, high in ranges) else "-"

    return CharacterTable(sign)
