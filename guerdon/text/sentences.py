"""Sentences and paragraphs of running text, by rule."""

from __future__ import annotations

import re

_END = re.compile(r"(?:(?<![.!?…])[.!?…]++[\"'”’)\]]{0,4}+(?=\s|$)|(?<![。！？])[。！？]++[”’」』）]{0,4}+)")
_ABBREVIATED = frozenset(
    "approx art cf col dr e.g eq est etc fig gen i.e inc jr ltd mr mrs ms mt no op p pp prof sr st vol vs a.m p.m u.s".split()
)


def paragraphs(text: str) -> list[str]:
    """The parts of a text between blank lines; blank parts are left out.

    >>> paragraphs("a\\nb\\n \\nc")
    ['a\\nb', 'c']
    """
    return [part for part in re.split(r"\n\s*\n", text) if part.strip()]


def sentences(text: str) -> list[str]:
    """The sentences of a text, stripped, in order. Linear in its length.

    A sentence ends at ``.``, ``!``, ``?`` or ``…`` before whitespace, or at ``。``, ``！`` or ``？``; not after an initial, an
    abbreviation or a number that opens a list, nor where a lower-case letter follows a full stop.

    >>> sentences("Dr. Lee left. Why? It was 3.5 km, e.g. far.")
    ['Dr. Lee left.', 'Why?', 'It was 3.5 km, e.g. far.']
    """
    found, start = [], 0
    for end in _END.finditer(text):
        if not _goes_on(text, start, end):
            found.append(text[start : end.end()].strip())
            start = end.end()
    return [sentence for sentence in [*found, text[start:].strip()] if sentence]


def _goes_on(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether the sentence goes on after this mark."""
    if end.group() != ".":
        return False
    word = text[max(start, end.start() - 12) : end.start()].rsplit(None, 1)[-1:]
    said = word[0].lstrip("(\"'“") if word else ""
    following = text[end.end() : end.end() + 12].lstrip()[:1]
    alone = end.start() - start <= 12 and text[start : end.start()].strip() == said
    return (
        said.lower() in _ABBREVIATED
        or (len(said) == 1 and said.isalpha() and said != "I")
        or (alone and said.isdigit())
        or following.islower()
    )
