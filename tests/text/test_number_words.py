"""Numbers as words: every whole number up to 9999 in five languages is read back; what is no number is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.number_words import LANGUAGES, parse_number_words
from guerdon.text.numbers import parse_number

EN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen".split()
)
EN_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
DE = (
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn "
    "neunzehn".split()
)
DE_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()
FR = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
    "dix-neuf".split()
)
FR_TENS = "vingt trente quarante cinquante soixante".split()
IT = (
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette "
    "diciotto diciannove".split()
)
IT_TENS = "venti trenta quaranta cinquanta sessanta settanta ottanta novanta".split()
ES = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho "
    "diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho "
    "veintinueve".split()
)
ES_TENS = "treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()
ES_HUNDREDS = (
    "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos".split()
)


def english(n: int, joint: str = " and ") -> str:
    if n < 20:
        return EN[n]
    if n < 100:
        return EN_TENS[n // 10 - 2] + (f"-{EN[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{EN[n // 100]} hundred" + (f"{joint}{english(n % 100)}" if n % 100 else "")
    rest = n % 1000
    return f"{english(n // 1000)} thousand" + (f"{joint if rest < 100 else ' '}{english(rest, joint)}" if rest else "")


def german(n: int) -> str:
    if n < 20:
        return DE[n]
    if n < 100:
        unit = "ein" if n % 10 == 1 else DE[n % 10]
        return (f"{unit}und" if n % 10 else "") + DE_TENS[n // 10 - 2]
    size, word = (100, "hundert") if n < 1000 else (1000, "tausend")
    return ("ein" if n // size == 1 else german(n // size)) + word + (german(n % size) if n % size else "")


def french(n: int) -> str:
    if n < 20:
        return FR[n]
    if n < 70:
        joint = " et " if n % 10 == 1 else "-"
        return FR_TENS[n // 10 - 2] + (f"{joint}{FR[n % 10]}" if n % 10 else "")
    if n < 80:
        return "soixante et onze" if n == 71 else f"soixante-{FR[n - 60]}"
    if n < 100:
        return "quatre-vingts" if n == 80 else f"quatre-vingt-{FR[n - 80]}"
    if n < 1000:
        count = "cent" if n < 200 else f"{FR[n // 100]} cent{'' if n % 100 else 's'}"
        return count + (f" {french(n % 100)}" if n % 100 else "")
    count = "mille" if n < 2000 else f"{french(n // 1000)} mille"
    return count + (f" {french(n % 1000)}" if n % 1000 else "")


def italian(n: int) -> str:
    if n < 20:
        return IT[n]
    if n < 100:
        ten, unit = IT_TENS[n // 10 - 2], IT[n % 10] if n % 10 else ""
        return (ten[:-1] if unit in ("uno", "otto") else ten) + ("tré" if unit == "tre" else unit)
    if n < 1000:
        return ("" if n < 200 else IT[n // 100]) + "cento" + (italian(n % 100) if n % 100 else "")
    return ("mille" if n < 2000 else italian(n // 1000) + "mila") + (italian(n % 1000) if n % 1000 else "")


def spanish(n: int) -> str:
    if n < 30:
        return ES[n]
    if n < 100:
        return ES_TENS[n // 10 - 3] + (f" y {ES[n % 10]}" if n % 10 else "")
    if n < 1000:
        return "cien" if n == 100 else ES_HUNDREDS[n // 100 - 1] + (f" {spanish(n % 100)}" if n % 100 else "")
    return ("" if n < 2000 else spanish(n // 1000) + " ") + "mil" + (f" {spanish(n % 1000)}" if n % 1000 else "")


SPELLERS = {"en": english, "de": german, "fr": french, "it": italian, "es": spanish}
# Words that mean something else in another language; they count where the language is said.
ELSEWHERE = "elf null sept seize cent mille sei otto venti due once mil un uno dix".split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_up_to_9999_is_read_back(language: str) -> None:
    spell = SPELLERS[language]
    for n in range(10_000):
        said = spell(n)
        assert parse_number_words(said, language=language) == n, said
        if said not in ELSEWHERE:
            assert parse_number_words(said) == n, said


@given(st.integers(0, 10**15 - 1))
def test_english_goes_on(n: int) -> None:
    parts = [("trillion", 10**12), ("billion", 10**9), ("million", 10**6)]
    said, rest = [], n
    for word, scale in parts:
        if rest >= scale:
            said.append(f"{english(rest // scale, ' ')} {word}")
            rest %= scale
    if rest or not said:
        said.append(
            f"{english(rest // 1000)} thousand {english(rest % 1000)}"
            if rest >= 1000 and rest % 1000
            else english(rest)
        )
    assert parse_number_words(" ".join(said)) == n
    assert parse_number_words("minus " + " ".join(said)) == -n


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("Twenty-one.", 21),
        ("twenty one", 21),
        ("a hundred", 100),
        ("hundred", 100),
        ("twelve hundred and five", 1205),
        ("nineteen hundred", 1900),
        ("a million", 1e6),
        ("a hundred thousand million", 1e11),
        ("two million three thousand", 2003000),
        ("minus seven", -7),
        ("three point one four", 3.14),
        ("zero point oh five", 0.05),
        ("two thirds", 2 / 3),
        ("one half", 0.5),
        ("half", 0.5),
        ("a quarter", 0.25),
        ("three and a half", 3.5),
        ("two and one third", 7 / 3),
        ("zwei Drittel", 2 / 3),
        ("hundertundfünf", 105),
        ("tausendundeins", 1001),
        ("drei Komma fünf", 3.5),
        ("deux tiers", 2 / 3),
        ("septante-deux", 72),
        ("trois virgule deux", 3.2),
        ("due terzi", 2 / 3),
        ("mille e uno", 1001),
        ("dos tercios", 2 / 3),
        ("un millón", 1e6),
        ("TREINTA Y UNO", 31),
    ],
)
def test_by_hand(said: str, value: float) -> None:
    assert parse_number_words(said) == pytest.approx(value)
    assert parse_number(said) == pytest.approx(value)


@pytest.mark.parametrize(
    "said",
    [
        "", " ", "-", "and", "and five", "five and", "one or two", "one, two", "one two", "two three hundred", "twenty thirty",
        "thirty twenty-one", "twenty eleven", "million", "two million five million", "point five",
        "three point", "three point twelve", "the one", "one of them", "twenty-onest", "third", "the third", "minus", "once", "elf",
        "Otto", "null", "Sept", "Venti", "seize the day", "due", "one\ntwo", "one/two", "one2", "two and three", "unmila",
        "fiveteen", "ein und", "twenty and and one", "a", "an", "oh", "six hundred hundred",
    ],
)  # fmt: skip
def test_what_is_no_number(said: str) -> None:
    assert parse_number_words(said) is None


def test_a_language_may_be_said() -> None:
    assert parse_number_words("elf", language="de") == 11 and parse_number_words("elf", language="en") is None
    assert parse_number_words("once", language="es") == 11
    with pytest.raises(ValueError, match="choices"):
        parse_number_words("one", language="tlh")


def test_whole_answers_only() -> None:
    assert parse_number("twelve") == 12 and parse_number("fifty percent", percent="fraction") == 0.5
    assert parse_number("fifty per cent") == 50 and parse_number("about twenty-one") == 21
    assert parse_number("the answer is twelve") is None and parse_number("twelve 12") is None
    assert parse_number("one") == 1 and parse_number("one of the 3") is None


@given(st.text() | st.text(alphabet="andtwhreoxy- 'éß\ud800", max_size=300))
def test_anything_is_read(text: str) -> None:
    value = parse_number_words(text)
    assert value is None or abs(value) < 1e18


@pytest.mark.parametrize(
    "unit", ["one ", "million ", "twenty-", "-", "and ", "half ", "point ", "\u0301", "ﷺ", "einund"]
)
def test_long_text_is_no_number(unit: str) -> None:
    assert parse_number_words(unit * (1_000_000 // len(unit))) is None
    assert parse_number_words((unit * 200)[:200]) is None
