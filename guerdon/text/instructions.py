"""Instructions on form that a rule can check: how many paragraphs, sentences and words, how they begin, what they mention.

Nineteen checks, under the names and with the arguments of the tools that ARM-Thinker (arXiv 2512.05111) gives its judge. All
ranges are inclusive. Sentences are split by :func:`guerdon.text.sentences.sentences`, where the released tools use NLTK's model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from guerdon.text.sentences import paragraphs, sentences

_PERCENTAGE = re.compile(r"(?<!\d)\d++\.(\d++)%")
_DECIMAL = re.compile(r"(?<!\d)\d++\.(\d++)")
_STANDALONE = re.compile(r"\b\d++\b")
_DOTS = ".…"

Parts = Callable[[str], list[str]]
Check = Callable[..., bool]


def clean(text: str) -> str:
    """Every line stripped, and the whole.

    >>> clean(" a \\n  b ")
    'a\\nb'
    """
    return "\n".join(line.strip() for line in text.splitlines()).strip()


def normalized(text: str) -> str:
    """Stripped, lower case, without full stops and ellipses at either end: what beginnings and ends are compared by.

    >>> normalized(" …Thank you. ")
    'thank you'
    """
    return text.strip().lower().lstrip(_DOTS).rstrip(_DOTS).strip()


def mentions(text: str, keyword: str) -> int:
    """How often a keyword occurs, in any case, between word boundaries; one that begins with ``#`` counts anywhere.

    >>> mentions("Cat, cats, cat", "cat"), mentions("#ai #AIfuture", "#ai")
    (2, 2)
    """
    bound = "" if keyword.startswith("#") else r"\b"
    return len(re.findall(bound + re.escape(keyword) + bound, text, re.IGNORECASE))


def is_verse(paragraph: str) -> bool:
    """Whether a paragraph reads like verse: at least two lines, and 0.4 s + 0.4 h + 0.2 d > 0.6.

    s, h and d are the shares of lines shorter than 60 characters, ending with a hyphen, and ending with a hyphen after a blank.

    >>> is_verse("low sun -\\nlong shade -"), is_verse("One line.\\nAnd one more.")
    (True, False)
    """
    lines = [line.strip() for line in paragraph.split("\n")]
    if len(lines) < 2:
        return False
    short = sum(len(line) < 60 for line in lines)
    hyphens, dashes = sum(line.endswith("-") for line in lines), sum(line.endswith(" -") for line in lines)
    return (0.4 * short + 0.4 * hyphens + 0.2 * dashes) / len(lines) > 0.6


def check_instruction(name: str, text: str, arguments: Mapping[str, Any] | None = None) -> bool:
    """Whether a text does what an instruction asks; ``name`` is one of :data:`INSTRUCTIONS`, with or without ``Tool``.

    Raises:
        ValueError: an unknown instruction, or arguments that are not its own.

    >>> check_instruction("WordCountInRange", "one two three", {"lower_bound": 2, "upper_bound": 3})
    True
    >>> check_instruction("NoArabicNumberTool", "in 2024")
    False
    """
    check = INSTRUCTIONS.get(name.removesuffix("Tool"))
    if check is None:
        raise ValueError(f"instruction {name!r} is unknown; choose one of {', '.join(INSTRUCTIONS)}")
    try:
        return bool(check(text, **(arguments or {})))
    except (TypeError, AttributeError) as error:
        raise ValueError(f"instruction {name!r} with arguments {dict(arguments or {})!r:.200}: {error}") from None


def _within(count: int, lower_bound: float, upper_bound: float) -> bool:
    return lower_bound <= count <= upper_bound


def _words(text: str) -> list[str]:
    return text.split()


def _count(parts: Parts, text: str, lower_bound: float, upper_bound: float) -> bool:
    return _within(len(parts(clean(text))), lower_bound, upper_bound)


def _count_in_each(parts: Parts, text: str, lower_bound: float, upper_bound: float) -> bool:
    return all(_within(len(parts(part)), lower_bound, upper_bound) for part in paragraphs(clean(text)))


def _lines_or_sentences(paragraph: str) -> list[str]:
    return [line for line in paragraph.split("\n") if line.strip()] if is_verse(paragraph) else sentences(paragraph)


def _count_in_ranges(text: str, ranges: Sequence[Sequence[float]]) -> bool:
    found = paragraphs(clean(text))
    return len(found) == len(ranges) and all(
        _within(len(sentences(part)), low, high) for part, (low, high) in zip(found, ranges, strict=True)
    )


def _lacks(text: str, substrings: Sequence[str]) -> bool:
    said = clean(text).lower()
    return not any(substring.lower() in said for substring in substrings)


def _whole(text: str) -> list[str]:
    return [text]


def _begins(parts: Parts, text: str, substring: str) -> bool:
    return all(normalized(part).startswith(normalized(substring)) for part in parts(text))


def _ends(parts: Parts, text: str, substring: str) -> bool:
    return all(normalized(part).endswith(normalized(substring)) for part in parts(text))


def _mentioned_each(text: str, keywords: Sequence[str], lower_bound_times: float, upper_bound_times: float) -> bool:
    said = clean(text)
    return all(_within(mentions(said, keyword), lower_bound_times, upper_bound_times) for keyword in keywords)


def _mentioned_in_total(text: str, keywords: Sequence[str], lower_bound_times: float, upper_bound_times: float) -> bool:
    said = clean(text)
    return _within(sum(mentions(said, keyword) for keyword in keywords), lower_bound_times, upper_bound_times)


def _precision(pattern: re.Pattern[str], text: str, precision: int) -> bool:
    return all(len(decimals) == precision for decimals in pattern.findall(clean(text)))


#: Name -> the check, called with the text and the instruction's arguments.
INSTRUCTIONS: Mapping[str, Check] = {
    "ParagraphNumberInRange": partial(_count, paragraphs),
    "SentenceNumberInRange": partial(_count, sentences),
    "EachParagraphSentenceNumberInRange": partial(_count_in_each, _lines_or_sentences),
    "EachParagraphSentenceNumberInRangeList": _count_in_ranges,
    "WordCountInRange": partial(_count, _words),
    "EachParagraphWordCountInRange": partial(_count_in_each, _words),
    "NotContainSubstrings": _lacks,
    "NotContainSubstring": lambda text, substring: _lacks(text, [substring]),
    "EachSentenceBeginsWith": partial(_begins, sentences),
    "EachParagraphBeginsWith": partial(_begins, paragraphs),
    "EachParagraphEndsWith": partial(_ends, paragraphs),
    "EachSentenceEndsWith": partial(_ends, sentences),
    "ResponseBeginsWith": partial(_begins, _whole),
    "ResponseEndsWith": partial(_ends, _whole),
    "EachKeywordMentionedInRange": _mentioned_each,
    "TotalKeywordsMentionedInRange": _mentioned_in_total,
    "PercentagePrecision": partial(_precision, _PERCENTAGE),
    "NumberPrecision": partial(_precision, _DECIMAL),
    "NoArabicNumber": lambda text: _STANDALONE.search(clean(text)) is None,
}
