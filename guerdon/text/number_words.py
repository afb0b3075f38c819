"""Numbers written out as words, in English, German, French, Italian and Spanish."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise, product

_LONGEST = 200  # characters of a number that is all of an answer


@dataclass(frozen=True)
class _Language:
    """How a language counts: ``units`` 1 to 19, ``tens`` 20 to 90, the rest by rules of :func:`_below_hundred`.

    Alternatives are separated by "/". ``thousand`` may stand alone. ``large`` counts on (word -> value, with a number before it).
    """

    units: str
    tens: str
    hundred: str
    thousand: str
    ones: str  # forms of "one" before hundred, thousand, a fraction
    joint: str  # the word between parts, never first or last
    minus: str
    point: str
    zero: str
    halves: str  # "a half", as a whole answer
    fractions: str  # thirds, quarters, fifths, ...
    hundreds: str = ""  # irregular 100, 200, ... 900
    large: Mapping[str, float] = field(default_factory=dict)


_LANGUAGES = {
    "en": _Language(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
        "nineteen",
        "twenty thirty forty/fourty fifty sixty seventy eighty ninety",
        "hundred", "thousand", "a one", "and", "minus negative", "point", "zero nought", "half", "third/thirds "
        "quarter/quarters/fourth/fourths fifth/fifths sixth/sixths seventh/sevenths eighth/eighths ninth/ninths tenth/tenths",
        large={"million": 1e6, "billion": 1e9, "trillion": 1e12},
    ),
    "de": _Language(
        "eins zwei/zwo drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn siebzehn achtzehn "
        "neunzehn",
        "zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig",
        "hundert", "tausend", "ein eine", "und", "minus", "komma", "null", "halb halbe halbes", "drittel viertel funftel sechstel "
        "siebtel achtel neuntel zehntel",
        large={"million": 1e6, "millionen": 1e6, "milliarde": 1e9, "milliarden": 1e9},
    ),
    "fr": _Language(
        "un/une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dixsept dixhuit dixneuf",
        "vingt trente quarante cinquante soixante septante huitante/octante/quatrevingt/quatrevingts nonante",
        "cent/cents", "mille", "un une", "et", "moins", "virgule", "zero", "demi demie", "tiers quart/quarts cinquieme/cinquiemes "
        "sixieme/sixiemes septieme/septiemes huitieme/huitiemes neuvieme/neuviemes dixieme/dixiemes",
        large={"million": 1e6, "millions": 1e6, "milliard": 1e9, "milliards": 1e9},
    ),
    "it": _Language(
        "uno/un/una due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette "
        "diciotto diciannove",
        "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
        "cento/cent", "mila", "un una", "e", "meno", "virgola", "zero", "mezzo mezza", "terzo/terzi quarto/quarti quinto/quinti "
        "sesto/sesti settimo/settimi ottavo/ottavi nono/noni decimo/decimi",
        large={"milione": 1e6, "milioni": 1e6, "miliardo": 1e9, "miliardi": 1e9},
    ),
    "es": _Language(
        "uno/un/una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete dieciocho "
        "diecinueve",
        "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
        "", "mil", "un una", "y", "menos", "coma", "cero", "medio media", "tercio/tercios cuarto/cuartos quinto/quintos "
        "sexto/sextos septimo/septimos octavo/octavos noveno/novenos decimo/decimos",
        "ciento/cien doscientos/doscientas trescientos/trescientas cuatrocientos/cuatrocientas quinientos/quinientas "
        "seiscientos/seiscientas setecientos/setecientas ochocientos/ochocientas novecientos/novecientas",
        large={"millon": 1e6, "millones": 1e6},
    ),
}  # fmt: skip
LANGUAGES = tuple(_LANGUAGES)
# Number words of one language that are everyday words of another, and no number where the language is not said.
_OTHERWISE = frozenset(
    "once elf due seize cent cents mil sei dix mille quarto un una une media demi und halb otto null sept venti".split()
)
_PIECES = re.compile(r"[^\W\d_]+")
_BETWEEN = re.compile(r"[\s\-‐‑–'’]*+")


def parse_number_words(text: str, *, language: str | None = None) -> float | None:
    """The number that ``text`` spells out, None if it is not one number word for word.

    Understood are whole numbers (English into the trillions, the others into the millions), a sign, decimals digit by digit ("three
    point one four"), fractions with a numerator ("two thirds", "zwei Drittel"), halves and "three and a half". Case, accents and
    hyphens do not matter. Without a ``language`` every one is tried, and words that mean something else in another, such as
    "once" and "elf", are none.

    Raises:
        ValueError: an unknown language.

    >>> [parse_number_words(said) for said in ("twenty-one", "Three hundred and five", "two thirds", "one or two")]
    [21.0, 305.0, 0.6666666666666666, None]
    >>> [
    ...     parse_number_words(said)
    ...     for said in ("einundzwanzig", "quatre-vingt-dix-neuf", "duemilatrecento", "treinta y uno")
    ... ]
    [21.0, 99.0, 2300.0, 31.0]
    """
    if language is not None and language not in _LANGUAGES:
        raise ValueError(f"language={language!r} is unknown; choices: {', '.join(LANGUAGES)}")
    if len(text) > _LONGEST:
        return None
    words = _words(text)
    if not words or (language is None and len(words) == 1 and words[0] in _OTHERWISE):
        return None
    for name in LANGUAGES if language is None else (language,):
        value = _signed(words, name)
        if value is not None:
            return value
    return None


def is_number_word(word: str) -> bool:
    """Whether one word, hyphenated or not, spells a number or a part of one in any of the languages; everyday words are none.

    >>> is_number_word("Twenty-one"), is_number_word("fünfzig"), is_number_word("and"), is_number_word("once")
    (True, True, False, False)
    """
    plain = word if word.isascii() else _plain(word)
    return plain.casefold().replace("-", "") in _vocabulary()


@cache
def _vocabulary() -> frozenset[str]:
    scales = {
        word for language in _LANGUAGES.values() for word in (*language.large, language.thousand, language.hundred)
    }
    return frozenset(scales.union(*map(_table, LANGUAGES)) - _OTHERWISE - {""})


def _plain(text: str) -> str:
    """The text without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))


def _words(text: str) -> list[str]:
    """The words of a text without case and accents; none where anything but blanks and hyphens stands between them."""
    plain = _plain(text).strip().rstrip(".!")
    words, position = [], 0
    for match in _PIECES.finditer(plain):
        gap = _BETWEEN.match(plain, position)
        if gap is None or gap.end() != match.start():
            return []
        words.append(match.group())
        position = match.end()
    return words if position == len(plain) else []


def _signed(words: list[str], name: str) -> float | None:
    language = _LANGUAGES[name]
    if words[0] in language.minus.split():
        value = _unsigned(words[1:], name)
        return None if value is None else -value
    return _unsigned(words, name)


def _unsigned(words: list[str], name: str) -> float | None:
    language = _LANGUAGES[name]
    if not words:
        return None
    if language.point in words:
        at = words.index(language.point)
        whole, digits = _whole(words[:at], name), [_digit(word, name) for word in words[at + 1 :]]
        if whole is None or not digits or None in digits:
            return None
        return float(f"{whole:.0f}." + "".join(str(digit) for digit in digits))
    value = _whole(words, name)
    return _fraction(words, name) if value is None else value


def _fraction(words: list[str], name: str) -> float | None:
    """ "half", "two thirds", "three and a half"."""
    language = _LANGUAGES[name]
    ones, denominators = language.ones.split(), _denominators(name)
    if words[-1] not in denominators:
        return None
    below, rest = denominators[words[-1]], words[:-1]
    if not rest:
        return 0.5 if below == 2 else None
    above = 1.0 if len(rest) == 1 and rest[0] in ones else _whole(rest, name)
    if above is not None:
        return above / below if above < below or len(rest) == 1 else None
    single = 1 if rest[-1] in ones else 0
    if len(rest) > 1 + single and rest[-1 - single] == language.joint and (single or below == 2):
        whole = _whole(rest[: -1 - single], name)
        return None if whole is None else whole + 1 / below
    return None


def _whole(words: list[str], name: str) -> float | None:
    language = _LANGUAGES[name]
    if len(words) == 1 and words[0] in language.zero.split():
        return 0.0
    if not words or language.joint in (words[0], words[-1]):
        return None
    if any(left == right == language.joint for left, right in pairwise(words)):
        return None
    total, limit = 0.0, float("inf")
    while any(word in language.large for word in words):
        at = next(k for k, word in enumerate(words) if word in language.large)
        scale = language.large[words[at]]
        count = 1.0 if len(words[:at]) == 1 and words[0] in language.ones.split() else _below_million(words[:at], name)
        if count is None or scale >= limit:
            return None
        total, limit, words = total + count * scale, scale, words[at + 1 :]
        if words[:1] == [language.joint]:
            words = words[1:]
            if not words:
                return None
    if not words:
        return total if total else None
    rest = _below_million(words, name)
    return None if rest is None else total + rest


def _below_million(words: list[str], name: str) -> float | None:
    """1 to 999 999: what stands before the word for thousand, and behind it."""
    language, table = _LANGUAGES[name], _table(name)
    said = "".join(word for word in words if word != language.joint)
    if said in table:
        return float(table[said])
    before, thousand, after = said.partition(language.thousand)
    rest = table.get(after) if after else 0
    if name == "it" and not thousand and said.startswith("mille"):
        before, after = "", said.removeprefix("mille")
        rest = table.get(after) if after else 0
    elif not thousand or (name == "it" and before in ("", "un", "uno", "una")):
        return None
    if name == "de" and after.startswith("und"):
        rest = table.get(after.removeprefix("und"))
    count = 1 if not before or before in language.ones.split() else table.get(before)
    if count is None or rest is None or (count >= 1000 or rest >= 1000):
        return None
    return float(1000 * count + rest)


@cache
def _denominators(name: str) -> dict[str, int]:
    language = _LANGUAGES[name]
    found = dict.fromkeys(language.halves.split(), 2)
    return found | {word: k for k, words in enumerate(language.fractions.split(), 3) for word in words.split("/")}


def _digit(word: str, name: str) -> int | None:
    if word in _LANGUAGES[name].zero.split() or (name == "en" and word in ("oh", "o")):
        return 0
    value = _table(name).get(word)
    return value if value is not None and value < 10 else None


@cache
def _table(name: str) -> dict[str, int]:
    """Every spelling of 1 to 999 (and of 1100 to 9900 as so many hundreds), without blanks, accents and joining words."""
    language = _LANGUAGES[name]
    small = dict(_below_hundred(name, language))
    hundreds: dict[str, int] = {}
    if language.hundreds:
        for k, words in enumerate(language.hundreds.split(), 1):
            hundreds |= dict.fromkeys(words.split("/"), 100 * k)
    else:
        for word in language.hundred.split("/"):
            hundreds |= {f"{one}{word}": 100 for one in (*language.ones.split(), "")}
            hundreds |= {f"{spelled}{word}": 100 * k for spelled, k in small.items() if 1 < k < 10}
    if name in ("en", "de"):
        hundreds |= {f"{spelled}{language.hundred}": 100 * k for spelled, k in small.items() if k > 10 and k % 10}
    links = ("", "und") if name == "de" else ("",)
    whole = {f"{a}{link}{b}": x + y for (a, x), link, (b, y) in product(hundreds.items(), links, small.items())}
    return small | hundreds | whole


def _below_hundred(name: str, language: _Language) -> Iterator[tuple[str, int]]:
    units = [(word, k) for k, words in enumerate(language.units.split(), 1) for word in words.split("/")]
    tens = [(word, 10 * k) for k, words in enumerate(language.tens.split(), 2) for word in words.split("/")]
    yield from units
    yield from tens
    for (ten, x), (unit, y) in product(tens, units):
        if name == "fr" and x in (60, 80) and 10 <= y < 20:
            yield f"{ten}{unit}", x + y
        if y < 10:
            yield from ((spelled, x + y) for spelled in _two_digits(name, ten, unit))


def _two_digits(name: str, ten: str, unit: str) -> Iterable[str]:
    if name == "de":
        return [f"{'ein' if unit == 'eins' else unit}und{ten}", f"{'ein' if unit == 'eins' else unit}{ten}"]
    if name == "it":
        return [f"{ten[:-1] if unit[0] in 'uo' else ten}{unit}"]
    if name == "es" and ten == "veinte":
        return [f"veinti{unit}", f"veinte{unit}"]
    return [f"{ten}{unit}"]
