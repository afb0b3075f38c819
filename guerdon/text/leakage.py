"""Whether a criterion that was written with an answer in view gives details of that answer away."""

from __future__ import annotations

import re
from collections.abc import Iterable

_QUOTED = re.compile(r"[\"\u201c\u201d`]([^\"\u201c\u201d`\n]{3,200})[\"\u201c\u201d`]")
_NUMBER = re.compile(r"\d[\d.,:/]*")
_WORD = re.compile(r"[^\W\d_][\w'\u2019-]*")


def answer_details(text: str) -> set[str]:
    """What in a text is a detail rather than a quality: numbers, names (capitals inside a sentence) and quotations, lower case.

    >>> sorted(answer_details('The response says that Eiffel built it in 1889 and uses "the iron lady".'))
    ['1889', 'eiffel', 'the iron lady']
    """
    details = {quoted.strip().lower() for quoted in _QUOTED.findall(text)}
    details |= {number.rstrip(".,:/") for number in _NUMBER.findall(text)}
    starts = True
    for word in re.finditer(r"\S+", text):
        found = _WORD.search(word.group())
        if found and not starts and found.group()[0].isupper() and not found.group().isupper():
            details.add(found.group().lower())
        starts = word.group()[-1] in ".!?:"
    return details


def leaks_answer(criterion: str, prompt: str, answers: Iterable[str]) -> bool:
    """Whether a criterion holds a detail (see :func:`answer_details`) that stands in one of the answers but not in the prompt.

    >>> leaks_answer("The response names Paris.", "Capital of France?", ["It is Paris."])
    True
    >>> leaks_answer("The response names the capital of France.", "Capital of France?", ["It is Paris, in France."])
    False
    """
    asked = prompt.lower()
    said = [answer.lower() for answer in answers]
    return any(
        _stands(detail, answer) for detail in answer_details(criterion) if not _stands(detail, asked) for answer in said
    )


def _stands(detail: str, text: str) -> bool:
    """Whether the detail stands in the text as whole words."""
    start = text.find(detail)
    while start >= 0:
        end = start + len(detail)
        if not (start and text[start - 1].isalnum()) and not (end < len(text) and text[end].isalnum()):
            return True
        start = text.find(detail, start + 1)
    return False
