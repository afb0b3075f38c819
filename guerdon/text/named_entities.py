"""Names, titles, dates, quantities and addresses in a text, by rules: what a search trace tells about its answer.

No model is asked, so it is a net with wide meshes for scripts without capitals: there it knows quoted titles, foreign names in
Katakana, and names beside words such as "university", "city" or "Mr". It rather takes a word too many than a name too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from guerdon.text.number_words import is_number_word

Kind = Literal["name", "title", "date", "quantity", "address"]


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity found at ``text[start:end]``."""

    kind: Kind
    start: int
    end: int


def find_entities(text: str) -> list[Entity]:
    """Every entity of a text, by where it starts; those of different kinds may overlap. Linear in the length of the text.

    Names are runs of capitalised words with initials ("J. R. Smith"), titles ("Dr. Curie") and joining words ("Treaty of Rome"),
    and words with capitals inside ("iPhone"). A word that opens a sentence is a name only if the text never has it in small
    letters and it is no everyday word. Titles are quoted and mostly capitalised, or in the quotation marks of East Asia. Dates
    are those of seven languages and of Chinese, Japanese and Korean. Quantities are numbers with currency, scale and unit, and
    numbers spelled out in more than one word or above twelve.

    >>> said = "In 1903 Marie Curie, born on 7 November 1867, shared about $40,000 in Stockholm."
    >>> [said[entity.start : entity.end] for entity in find_entities(said)]
    ['1903', 'Marie Curie', '7 November 1867', '$40,000', 'Stockholm']
    """
    found = [*_names(text), *_spelled(text)]
    for kind, pattern in _PATTERNS:
        found += [Entity(kind, *match.span()) for match in pattern.finditer(text)]
    found += [Entity("title", *m.span()) for m in _QUOTED.finditer(text) if _reads_as_title(m.group()[1:-1])]
    return _widest(found)


def entity_spans(text: str) -> list[tuple[int, int]]:
    """The spans of :func:`find_entities`, as :func:`guerdon.text.masking.mask_entities` takes them.

    >>> entity_spans("from Oslo")
    [(5, 9)]
    """
    return [(entity.start, entity.end) for entity in find_entities(text)]


def _widest(found: Sequence[Entity]) -> list[Entity]:
    """By start, those inside an earlier one left out."""
    kept: list[Entity] = []
    for entity in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or entity.end > kept[-1].end:
            kept.append(entity)
    return kept


# -- names in scripts with capitals -------------------------------------------------------------------------------------

_WORD = re.compile(r"[^\W_](?:[\w'’-]|\.(?=[^\W\d_]\.)|&(?=[A-Z]))*+")
_JOINING = frozenset(
    "of the de da di del della dei der den dem das do dos du des la le les van von zu zur und et y e i bin ibn al el af".split()
)
_EVERYDAY = frozenset(
    "a an the in on at of to for from by with and or but if so then thus hence therefore now next first second third finally also "
    "however because since as when while where which who whom whose what why how is are was were be been do does did has have had "
    "i we he she it they you this that these those there here his her its their our my your let not no yes ok based according "
    "after before during both each all some many most more other another such only just still even once again both "
    "either neither can "
    "could may might must should will would shall i'm i'll i've let's it's that's there's don't search query answer question "
    "result results find found look looking check step think thought information searching given using document documents "
    "page pages wait "
    "well maybe perhaps actually great good sure true false none unknown final "
    "der die das ein eine und oder aber wenn dann ist sind war im am es er sie wir ich nach bei mit von zu auf für nicht "
    "le la les un une des et ou mais si alors est sont était il elle nous je dans sur par pour avec ce cette "
    "il lo gli una e o ma se allora è sono era nel nella con per da questo questa "
    "el los las uno y pero si entonces es son fue en con por para este esta "
    "в на и а но он она они мы я это что как где когда кто если то по из с у о для не да нет был была было".split()
)
_STYLED = frozenset(
    "mr mrs ms dr prof st sr jr mt sgt capt gen lt col rev hon no vol ca sra mme mlle m hr fr dott ing".split()
)
_BLANK_OR_QUOTE, _CLOSING = " \t\"'“”‘’«»([*_-", ".!?…:;>\n#|"


def _names(text: str) -> Iterator[Entity]:
    words = list(_WORD.finditer(text))
    small = {match.group() for match in words if match.group()[0].islower()}
    capitals = [match for match in words if match.group()[0].isupper()]
    opens = {match.start() for match in capitals if _opens_sentence(text, match.start())}
    amid = {match.group() for match in capitals if match.start() not in opens}
    for run in _runs(text, words):
        first, last = 0, len(run) - 1
        while first <= last and _is_everyday(run[first].group(), run[first].start() in opens, small, amid):
            first += 1
        while first <= last and run[last].group() in _JOINING:
            last -= 1
        if first < last or (first == last and len(run[first].group()) > 1):
            possessive = run[last].group().endswith(("'s", "’s"))
            yield Entity("name", run[first].start(), run[last].end() - 2 * possessive)


def _opens_sentence(text: str, start: int) -> bool:
    before = text[max(0, start - 10) : start].rstrip(_BLANK_OR_QUOTE)
    return before[-1] in _CLOSING if before else start <= 10


def _is_everyday(word: str, opening: bool, small: set[str], amid: set[str]) -> bool:
    """Whether the first word of a run is no part of a name: an everyday word, or the mere beginning of a sentence."""
    lower = word.lower()
    if word[0].isdigit() or lower in _EVERYDAY or lower in _JOINING:
        return True
    return opening and lower in small and word not in amid and word[1:].islower()


def _runs(text: str, words: Sequence[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Words that begin with a capital, or have one inside, with what joins them."""
    run: list[re.Match[str]] = []
    for match in words:
        word = match.group()
        if run and not _continues(text[run[-1].end() : match.start()], run[-1].group()):
            yield run
            run = []
        capital = word[0].isupper() or (word[0].islower() and any(c.isupper() for c in word[1:]))
        if capital or (run and (word[0].isdigit() or word.lower() in _JOINING)):
            run.append(match)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _continues(gap: str, before: str) -> bool:
    abbreviated = len(before) == 1 or before.lower() in _STYLED or "." in before
    return gap in (" ", "\n", "\u00a0", " & ") or (abbreviated and gap in (". ", ".", ".\u00a0"))


# -- titles, dates, quantities, addresses -------------------------------------------------------------------------------

_QUOTED = re.compile(r"“[^”“\n]{2,80}”|«[^»«\n]{2,80}»|\"[^\"\n]{2,80}\"|„[^“”\n]{2,80}[“”]")
_MONTH = (
    r"(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|mar(?:ch|s|zo|ço)?|märz|apr(?:il|ile)?|may|mai|maggio|mayo|maio|jun[ei]?|"
    r"jul[iy]?|aug(?:ust)?|sept?(?:ember|iembre|embre)?|o[ck]t(?:ober|obre|ubre)?|nov(?:ember|embre|iembre|embro)?|"
    r"de[cz](?:ember|embre|iembre|embro)?|janvier|février|avril|juin|juillet|août|septembre|décembre|gennaio|febbraio|aprile|"
    r"giugno|luglio|agosto|settembre|ottobre|dicembre|enero|febrero|abril|junio|julio|janeiro|fevereiro|março|junho|julho|setembro|"
    r"outubro|dezembro|января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)\b\.?"
)
_DAY = r"(?<!\w)\d{1,2}(?:st|nd|rd|th|er|[º°ª.])?"
_OF = r"(?:\s(?:de|del|of))?"
_YEAR = r"\d{3,4}\b"
_DATE = re.compile(
    rf"{_DAY}{_OF}\s?{_MONTH}(?:,?{_OF}\s{_YEAR})?|\b{_MONTH}\s{_DAY}\b(?:,?\s{_YEAR})?|\b{_MONTH}{_OF}\s{_YEAR}"
    r"|\b\d{3,4}s\b|\b\d{1,2}(?:st|nd|rd|th)\scentury\b|\b[IVX]{1,5}e?\s(?:siècle|secolo|siglo|век[а-я]{0,2})\b"
    r"|\b\d{1,4}\s(?:BCE?|CE|AD|v\.\s?Chr\.)(?!\w)|\bAD\s\d{1,4}\b"
    r"|[\d〇一二三四五六七八九十]{1,4}年(?:[\d一二三四五六七八九十]{1,3}月(?:[\d一二三四五六七八九十]{1,3}日)?)?"
    r"|[\d一二三四五六七八九十]{1,3}月[\d一二三四五六七八九十]{1,3}日|\d{1,4}년(?:\s?\d{1,2}월)?(?:\s?\d{1,2}일)?"
    r"|(?<!\w)\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?!\w)",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"(?<!\w)(?:(?:US)?[$€£¥₹₩]\s?)?[+−-]?(?:\d++(?:[.,]\d++)*+|\.\d++)"
    r"(?:\s?(?:thousand|million|billion|trillion|lakh|crore|millions?|milliards?|millionen|milliarden|milion[ei]|miliard[oi]|"
    r"mill[óo]n(?:es)?|тысяч|млн|млрд|[万萬億亿兆만억]))?"
    r"(?:\s?(?:%|‰|°[CF]?|percent|per\scent|km²?|m²|m³|cm|mm|kg|mg|ml|mph|km/h|kW|MW|GW|GHz|MHz|Hz|kJ|GB|MB|TB|USD|EUR|euros?|"
    r"dollars?|pounds?|yen|met(?:er|re)s?|kilomet(?:er|re)s?|miles?|feet|ft|inch(?:es)?|acres?|hectares?|tons?|tonnes?|litres?|"
    r"years?|months?|weeks?|days?|hours?|minutes?|seconds?|Jahre|ans|anni|años|лет|[年人米元円원명]|公里|公斤)(?!\w))?",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"]{1,300}|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}"
)
# Han characters that do not belong to a name before a word for a place or a person.
_HAN = (
    "[^\\W\\d_a-zA-Z\u3040-\u30ff"
    "的在是于於了和与與为為从從到由被有他她我你它这這那就也都而及或等之以对對向用把每各某该該此其去来來位及]"
)
_EAST = re.compile(
    r"《[^》\n]{1,60}》|〈[^〉\n]{1,60}〉|「[^」\n]{1,60}」|『[^』\n]{1,60}』"
    r"|[\u30a1-\u30fa][\u30a1-\u30ff=＝]+[\u4e00-\u9fff]{0,3}"
    rf"|(?:{_HAN}){{1,6}}?(?:共和国|共和國|王国|王國|帝国|帝國|大学|大學|公司|会社|銀行|银行|[市省県縣州区區国國島岛湖寺駅站])"
    rf"|(?:{_HAN}){{1,4}}?(?:先生|女士|教授|总统|總統|博士|さん|様|選手|監督)"
    r"|[가-힣]{1,10}(?:대학교|공화국|왕국|특별시|광역시)|[가-힣]{2,4}\s?(?:씨|교수|대통령|박사)"
)
# A word that tells that the next one or two are a name.
_CUED = re.compile(
    r"(?:(?<!\w)(?:مدينة|جامعة|الدكتور|السيد|الرئيس|الملك|الملكة|شركة|جمهورية|مملكة|نهر|جبل|העיר|אוניברסיטת|הנשיא|המלך|פרופסור|"
    r"श्री|श्रीमती|डॉ\.?|राष्ट्रपति|प्रधानमंत्री|शहर))\s[^\s.,;:!?،؛।<>]{1,40}(?:\s[^\s.,;:!?،؛।<>]{3,40})?"
)
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("date", _DATE),
    ("quantity", _QUANTITY),
    ("address", _ADDRESS),
    ("name", _EAST),
    ("name", _CUED),
)
_SMALL_NUMBERS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve eins ein eine zwei drei vier sechs sieben acht neun zehn deux "
    "trois quatre cinq huit neuf onze douze uno tre quattro cinque sette nove dieci undici dodici dos tres cuatro cinco seis siete "
    "ocho nueve diez doce a hundred thousand".split()
)


def _reads_as_title(quoted: str) -> bool:
    """Begins with a capital or digit, and most of its longer words do; no quoted sentence."""
    words = [word for word in _WORD.findall(quoted) if len(word) > 3]
    capital = sum(not word[0].islower() for word in words)
    first = _WORD.search(quoted)
    return first is not None and not first.group()[0].islower() and 2 * capital >= len(words)


def _spelled(text: str) -> Iterator[Entity]:
    """Numbers spelled out: several number words side by side, "and" between them allowed, or one that says more than twelve."""
    start, end, count, last = -1, -1, 0, ""
    reach = -1
    for match in _WORD.finditer(text):
        word = match.group()
        near = start >= 0 and text[reach : match.start()] in (" ", "-")
        if is_number_word(word):
            if not near:
                if count > 1 or (count and last not in _SMALL_NUMBERS):
                    yield Entity("quantity", start, end)
                start, count = match.start(), 0
            end = reach = match.end()
            count, last = count + 1, word.lower()
        elif near and word in ("and", "und", "et", "y", "e"):
            reach = match.end()
        else:
            if count > 1 or (count and last not in _SMALL_NUMBERS):
                yield Entity("quantity", start, end)
            start, count = -1, 0
    if count > 1 or (count and last not in _SMALL_NUMBERS):
        yield Entity("quantity", start, end)
