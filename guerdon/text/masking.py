"""Blanking out what an expert's trace gives away, so that it can be followed but not copied: numbers, code, names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from guerdon.text.named_entities import entity_spans

NUMBER, CODE, ENTITY = "[NUMBER]", "[CODE]", "[ENTITY]"
Domain = Literal["math", "code", "search"]
Finder = Callable[[str], Iterable[tuple[int, int]]]

_LABEL = re.compile(
    r"\b(?:step|case|part|subcase|problem|example|exercise|lemma|theorem|claim|stage|round)\s++\d++\b", re.IGNORECASE
)
_NUMERAL = r"[+-]?(?:\d++(?:\.\d++)?|\.\d++)"
_BRACES = r"\{(?=[^{}\d]*+\d)[^{}]*+\}"
_NUMBER = re.compile(
    rf"\\[dt]?frac\s*+{_BRACES}\s*+{_BRACES}"
    rf"|\\sqrt(?:\s*+\[(?=[^\[\]\d]*+\d)[^\[\]]*+\])?\s*+{_BRACES}"
    rf"|{_NUMERAL}(?:\s*+\\times\s*+10\s*+\^\s*+\{{?[+-]?\d++\}}?|\s*+/\s*+{_NUMERAL}|\s*+%|[eE][+-]?\d++)?"
)
_FENCE = re.compile(r"```([^\n`]*+)\n")


def structural_labels(text: str) -> list[tuple[int, int]]:
    """Spans of the labels that number a trace's own parts, such as "Step 1" or "lemma 2", in the singular.

    >>> structural_labels("Step 1: 5 by Steps 2")
    [(0, 6)]
    """
    return [match.span() for match in _LABEL.finditer(text)]


def mask_numbers(text: str, *, restore_structural: bool = True) -> str:
    """The text with every number as ``[NUMBER]``, structural labels kept.

    One blank each: LaTeX fractions and roots with digits in their braces, a \\times 10^b, a/b, percentages, 1e5, decimals and
    integers with a sign directly before. Digits of every script count; number words and signs such as "½" stay. Masking twice
    changes nothing. Linear in the length of the text.

    ``restore_structural=False`` is the released code, whose labels are masked too and come out as
    ``__STRUCTURAL_NUMBER_[NUMBER]__``.

    Source: SMEPO (arXiv 2605.25198).

    >>> mask_numbers("Step 1: take \\\\frac{3}{4} of -2.5, 15 %")
    'Step 1: take [NUMBER] of [NUMBER], [NUMBER]'
    """
    if not restore_structural:
        return _NUMBER.sub(NUMBER, _LABEL.sub("__STRUCTURAL_NUMBER_0__", text))
    used = set(text)
    blank = next(chr(code) for code in (*range(0xE000, 0xF900), *range(0xF0000, 0xFFFFE)) if chr(code) not in used)
    labels = [match.group() for match in _LABEL.finditer(text)]
    kept = iter(labels)

    def masked(match: re.Match[str]) -> str:
        if match.group() == blank:
            return next(kept)
        for _ in range(match.group().count(blank)):
            next(kept)
        return NUMBER

    return re.sub(rf"{blank}|{_NUMBER.pattern}", masked, _LABEL.sub(blank, text))


def mask_code(text: str) -> str:
    """The text with the inside of every closed fenced block as ``[CODE]``; the language stays, stripped.

    A block needs a line break after its opening fence and ends at the next three backticks. Inline and unclosed code stay.

    Source: SMEPO (arXiv 2605.25198), released code.

    >>> mask_code("So:\\n```python\\nprint(1)\\n```")
    'So:\\n```python\\n[CODE]\\n```'
    """
    pieces, position = [], 0
    while (fence := _FENCE.search(text, position)) and (end := text.find("```", fence.end())) >= 0:
        pieces += [text[position : fence.start()], f"```{fence[1].strip()}\n{CODE}\n```"]
        position = end + 3
    return "".join(pieces) + text[position:]


_KEPT = re.compile(r"<[^<>\n]{1,200}>|\"name\"\s{0,4}:\s{0,4}\"[^\"\n]{0,100}\"|\[(?:NUMBER|CODE|ENTITY)\]")
_FIGURE = re.compile(rf"(?<!\w){_NUMERAL}(?:[,./:-]\d++)*+%?+")


def mask_entities(
    text: str, gold: Sequence[str] = (), *, finder: Finder | None = None, keep: Sequence[str] = ()
) -> str:
    """The text with names, dates, numbers and every mention of the gold answer as ``[ENTITY]``; tags and tool names stay.

    Without a ``finder`` the rules of :func:`~guerdon.text.named_entities.find_entities` decide: they miss most names in scripts
    without capitals and names written small, and hide some words that are no names. The gold answer and its aliases are hidden
    in any script and case. Give a recogniser as ``finder`` for more.

    Args:
        text: the trace.
        gold: the gold answer and its aliases.
        finder: text -> character spans of entities, such as a named-entity recogniser; instead of the rules.
        keep: words never hidden, such as tool names.

    Source: SMEPO (arXiv 2605.25198), search domain, by description; the recogniser there is spaCy's.

    >>> mask_entities("<search>The river in Paris, France</search> was found in 1911", ["the river"])
    '<search>[ENTITY] in [ENTITY], [ENTITY]</search> was found in [ENTITY]'
    """
    protected = [match.span() for match in _KEPT.finditer(text)]
    protected += [span for word in keep if word for span in phrase_spans(text, word)]
    spans = [span for answer in gold for span in phrase_spans(text, answer)]
    spans += [match.span() for match in _FIGURE.finditer(text)]
    spans += list((finder or entity_spans)(text))
    return _replaced(text, _without(spans, protected), ENTITY)


def phrase_spans(text: str, phrase: str) -> list[tuple[int, int]]:
    """Where a phrase stands in a text as whole words, in any case and with any blanks between its words.

    >>> phrase_spans("New  york, Newark", "new York")
    [(0, 9)]
    """
    words = phrase.split()
    if not words:
        return []
    before = r"(?<!\w)" if words[0][0].isalnum() and not _unspaced(words[0][0]) else ""
    after = r"(?!\w)" if words[-1][-1].isalnum() and not _unspaced(words[-1][-1]) else ""
    pattern = before + r"\s{1,20}".join(map(re.escape, words)) + after
    return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]


def _unspaced(character: str) -> bool:
    return "\u0e00" <= character <= "\u0eff" or "\u3040" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af"


def _without(spans: Sequence[tuple[int, int]], protected: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans joined where they overlap, with the protected characters cut out."""
    edges = [(start, 0, 1) for start, _ in spans] + [(end, 0, -1) for _, end in spans]
    edges += [(start, 1, 1) for start, _ in protected] + [(end, 1, -1) for _, end in protected]
    depth, position = [0, 0], 0
    left: list[tuple[int, int]] = []
    for at, kind, change in sorted(edges):
        if depth[0] and not depth[1] and at > position:
            if left and left[-1][1] == position:
                left[-1] = (left[-1][0], at)
            else:
                left.append((position, at))
        depth[kind] += change
        position = at
    return left


def _replaced(text: str, spans: Sequence[tuple[int, int]], by: str) -> str:
    pieces, position = [], 0
    for start, end in spans:
        pieces += [text[position:start], by]
        position = end
    return "".join(pieces) + text[position:]


def mask_trace(
    text: str,
    domain: Domain,
    *,
    gold: Sequence[str] = (),
    restore_structural: bool = True,
    finder: Finder | None = None,
) -> str:
    """The trace with what its domain makes copyable blanked: numbers (math), fenced code (code), names (search).

    Raises:
        ValueError: an unknown domain.

    >>> mask_trace("The answer is 7.", "math")
    'The answer is [NUMBER].'
    """
    if domain == "math":
        return mask_numbers(text, restore_structural=restore_structural)
    if domain == "code":
        return mask_code(text)
    if domain == "search":
        return mask_entities(text, gold, finder=finder)
    raise ValueError(f"domain={domain!r} is unknown; choices: math, code, search")
