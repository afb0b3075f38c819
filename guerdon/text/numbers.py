"""Numbers as people and models write them."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from guerdon.text.normalize import ascii_digits
from guerdon.text.number_words import parse_number_words

Decimal = Literal["auto", ".", ","]

_LONGEST = 400  # characters of one numeral; longer ones are not finite or not meant as numbers
_SPACE = "\u00a0\u2009\u202f"  # what sets thousands apart besides "." and ","
_NUMERAL = rf"(?:\d++(?:[.,'’{_SPACE}]\d++)*+|(?<!\d)\.\d++)"
_MINUS = "−–-"
_EXPONENT = rf"[+{_MINUS}]?\d{{1,4}}"
_TIMES = r"\s?(?:\*|×|x|·|⋅|\\times|\\cdot)\s?"
_FRACTION = r"\\[cdt]?frac\s?(?:\{(?P<over>[^{}]{1,60})\}\s?\{(?P<under>[^{}]{1,60})\}|(?P<over1>\d)\s?(?P<under1>\d))"
_SCALES = {
    1e2: "hundred",
    1e3: "thousand|mille|mila|tausend|mil|тысяч|тысячи|bin|千|천",
    1e4: "万|萬|만",
    1e5: "lakh|lakhs",
    1e6: "million|millions|milione|milioni|millionen|millón|millones|milhão|milhões"
    "|миллион|миллиона|миллионов|milyon|百万|백만",
    1e7: "crore|crores",
    1e8: "亿|億|억",
    1e9: "billion|billions|miliardo|miliardi|milliarde|milliarden|milliard|milliards"
    "|миллиард|миллиарда|миллиардов|milyar",
    1e12: "trillion|trillions|兆|조",
}
_SCALE = {word: scale for scale, words in _SCALES.items() for word in words.split("|")}
_PERCENT = r"\\?%|％|٪|(?:per\s?cent|percento|prozent|pour\s?cent|por\s?ciento|por\s?cento|процент\w{0,3})\b"
_NUMBER = re.compile(
    rf"(?=[\d+±$€£¥₹₽₩₺\\.U¼½¾⅐-⅞↉{_MINUS}])(?<![A-Za-z_\\.\d])(?P<sign>(?:(?<![\w)\]}}])|^)[+±{_MINUS}]\s?)?"
    r"(?:(?:US)?\\?[$€£¥₹₽₩₺]\s?)?"
    rf"(?:(?P<whole>{_NUMERAL})?\s?(?:{_FRACTION}|(?P<vulgar>[¼½¾⅐-⅞↉]))"
    r"|(?<=\d/)(?P<dated>\d++)"
    r"|(?P<mixed>\d++)\s(?P<top>\d++)/(?P<bottom>\d++)(?![\d/])"
    rf"|(?P<numeral>{_NUMERAL})"
    rf"(?:[eE](?P<exponent>{_EXPONENT})(?!\w)"
    rf"|{_TIMES}10\s?(?:\^|\*\*)\s?\{{?\s?(?P<tenfold>{_EXPONENT})\s?\}}?"
    rf"|\s?(?:\^|\*\*)\s?\{{?\s?(?P<power>{_EXPONENT})\s?\}}?"
    rf"|\s?/\s?(?P<under2>{_NUMERAL})(?!\s?/\s?\d))?)"
    rf"(?:\s?(?P<scale>{'|'.join(sorted(_SCALE, key=len, reverse=True))})(?![A-Za-zА-я]))?"
    rf"(?P<percent>\s?(?:{_PERCENT}))?",
    re.IGNORECASE,
)
_SAID_PERCENT = re.compile(rf"\s?(?:{_PERCENT})$", re.IGNORECASE)
# What may stand around a number that is all of an answer.
_BEFORE = re.compile(r"(?:[A-Za-z]\s?[=≈:]|[≈~=]|about|approximately|circa|ca\.|around)?\s*", re.IGNORECASE)
_AFTER = re.compile(r"[^\d]{0,40}")
_MARKUP = re.compile(
    r"\\(?:text|mathrm|mbox|rm|operatorname)\s?\{([^{}]{0,60})\}|\\[,;:!]|[{}]?\\(?:circ|degree)\b|(?<!\\)\$"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number found at ``text[start:end]``; a percentage has the value before its sign, 50 for "50%"."""

    value: float
    start: int
    end: int
    percent: bool = False


def extract_numbers(text: str, *, decimal: Decimal = "auto") -> list[Number]:
    """Every number in ``text``, in order, those that are not finite left out. Linear in the length of the text.

    Understood are digits of every script, thousands ("1,234.5", "1.234,5", "12,34,567", "1 234" with a non-breaking
    space), powers ("3e8", "3 \\times 10^8", "2^10"), fractions ("3/4", "1 3/4", "\\frac{3}{4}", "½"), percentages,
    currency signs and scales ("3 million", "5万"). With ``decimal="auto"`` a lone comma before three digits and any
    separator that recurs group thousands, else the separator is the decimal one; where both occur, the last is.

    Raises:
        ValueError: an unknown ``decimal``.

    >>> [number.value for number in extract_numbers("From 1,234.5 to -3e2, 50% or ½.")]
    [1234.5, -300.0, 50.0, 0.5]
    """
    if decimal not in ("auto", ".", ","):
        raise ValueError(f"decimal={decimal!r} is unknown; choose 'auto', '.' or ','")
    found: list[Number] = []
    for match in _NUMBER.finditer(ascii_digits(text).translate(_ARABIC_SEPARATORS)):
        said = match.group()
        value = _digits(said) if said.isdigit() else _value(match, decimal)
        if value is not None and math.isfinite(value):
            found.append(Number(value, match.start(), match.end(), match["percent"] is not None))
    return found


def parse_number(
    text: str, *, decimal: Decimal = "auto", percent: Literal["keep", "fraction"] = "keep"
) -> float | None:
    """The number that ``text`` is, None if it is none or more than one.

    Around it may stand markup, "x =", "about" and a unit ("12 cm", "$12"). ``percent="fraction"`` makes 0.5 of "50%".
    A number may be spelled out if it is all of the text, see :func:`~guerdon.text.number_words.parse_number_words`. "nan" and
    "inf" are no numbers here.

    >>> parse_number(r"$\\frac{3}{4}$"), parse_number("1.234,5 km"), parse_number("3 or 4") is None
    (0.75, 1234.5, True)
    >>> parse_number("about twenty-one"), parse_number("one of them") is None
    (21.0, True)
    """
    if percent not in ("keep", "fraction"):
        raise ValueError(f"percent={percent!r} is unknown; choose 'keep' or 'fraction'")
    text = _MARKUP.sub(r" \1", text[: 10 * _LONGEST]).strip().rstrip(".")
    text = re.sub(r"(?<=\d) (?=\d{3}(?!\d))", "\u00a0", text)
    numbers = extract_numbers(text, decimal=decimal)
    if not numbers:
        return _spelled(text, percent)
    if len(numbers) != 1:
        return None
    number = numbers[0]
    if not _BEFORE.fullmatch(text[: number.start]) or not _AFTER.fullmatch(text[number.end :]):
        return None
    return number.value / 100 if number.percent and percent == "fraction" else number.value


def _spelled(text: str, percent: Literal["keep", "fraction"]) -> float | None:
    """The number that ``text`` spells out, a percentage in words or as a sign behind it."""
    if len(text) > _LONGEST:
        return None
    before = _BEFORE.match(text)
    said = text[before.end() :] if before else text
    share = _SAID_PERCENT.search(said)
    value = parse_number_words(said[: share.start()] if share else said)
    return value / 100 if value is not None and share and percent == "fraction" else value


def plain_number(text: str) -> float | None:
    """The finite float that ``text`` is once commas, ``$ € £`` and a final ``%`` are taken off; None if it is none.

    >>> plain_number("$1,200"), plain_number("45%"), plain_number("12 cm") is None
    (1200.0, 45.0, True)
    """
    text = text.translate(_PLAIN).strip()
    text = text[:-1].strip() if text.endswith("%") else text
    try:
        value = float(text) if len(text) <= _LONGEST else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def relatively_close(value: float, reference: float, tolerance: float = 0.05) -> bool:
    """Whether |value - reference| <= tolerance x |reference|; a reference of 0 must be met exactly.

    >>> relatively_close(105, 100), relatively_close(0.001, 0)
    (True, False)
    """
    return abs(value - reference) <= tolerance * abs(reference)


_ARABIC_SEPARATORS = str.maketrans("٫٬", ".,")
_NO_SPACES = dict.fromkeys(map(ord, f"'’ {_SPACE}"))
_DIGITS_AND_MARKS = re.compile(r"[\d.,]+")
_PLAIN = str.maketrans("", "", ",$€£")


def _value(match: re.Match[str], decimal: Decimal) -> float | None:
    numeral = match["numeral"] or match["dated"]
    if numeral is not None:
        value = _numeral(numeral, decimal)
        if match["under2"] is not None:
            value = _ratio(value, _numeral(match["under2"], decimal))
        elif value is not None:
            value = _raised(value, match["exponent"] or match["tenfold"], match["power"])
    elif match["mixed"] is not None:
        value = _sum(_digits(match["mixed"]), _ratio(_digits(match["top"]), _digits(match["bottom"])))
    elif match["vulgar"] is not None:
        value = _sum(_numeral(match["whole"] or "0", decimal), unicodedata.numeric(match["vulgar"]))
    else:
        over = _numeral((match["over"] or match["over1"]).strip(), decimal)
        under = _numeral((match["under"] or match["under1"]).strip(), decimal)
        value = _sum(_numeral(match["whole"] or "0", decimal), _ratio(over, under))
    if value is None:
        return None
    if match["scale"]:
        value *= _SCALE[match["scale"].lower()]
    return -value if match["sign"] and match["sign"][0] in _MINUS else value


def _raised(value: float, tenfold: str | None, own: str | None) -> float | None:
    exponent = tenfold or own
    if exponent is None:
        return value
    power = float(exponent.replace("−", "-").replace("–", "-"))
    try:
        return math.pow(value, power) if own else value * math.pow(10.0, power)
    except (OverflowError, ValueError):
        return None


def _numeral(numeral: str, decimal: Decimal) -> float | None:
    """The value of digits with separators, None where the separators make no sense."""
    if len(numeral) > _LONGEST:
        return None
    if numeral.isdigit():
        return float(numeral)
    sign = -1.0 if numeral[:1] in _MINUS else 1.0
    numeral = numeral.lstrip("+" + _MINUS).translate(_NO_SPACES)
    if not _DIGITS_AND_MARKS.fullmatch(numeral):
        return None
    marks = [c for c in numeral if c in ".,"]
    if not marks:
        return sign * _digits(numeral)
    point = _decimal_mark(numeral, marks, decimal)
    whole, found, fraction = numeral.rpartition(point) if point else (numeral, "", "")
    if found and any(c in ".," for c in fraction):
        return None
    groups = whole.replace(",", ".").split(".")
    separators = {c for c in whole if c in ".,"}
    if len(separators) > 1 or point in separators:
        return None
    sizes = [len(group) for group in groups]
    if len(groups) > 1 and not (1 <= sizes[0] <= 3 and sizes[-1] == 3 and set(sizes[1:]) <= {2, 3}):
        return None
    return sign * float(f"{''.join(groups) or '0'}.{fraction or '0'}")


def _decimal_mark(numeral: str, marks: list[str], decimal: Decimal) -> str:
    """The separator before the decimals, "" if there are none."""
    if decimal != "auto":
        return decimal if decimal in marks else ""
    last = marks[-1]
    if len(set(marks)) > 1:
        return last
    if len(marks) > 1:
        return ""
    before, _, after = numeral.partition(last)
    grouping = last == "," and len(after) == 3 and 1 <= len(before) <= 3 and before[0] != "0"
    return "" if grouping else last


def _digits(digits: str) -> float:
    return float(digits) if len(digits) <= _LONGEST else math.inf


def _ratio(over: float | None, under: float | None) -> float | None:
    return None if over is None or not under else over / under


def _sum(whole: float | None, fraction: float | None) -> float | None:
    return None if whole is None or fraction is None else whole + fraction
