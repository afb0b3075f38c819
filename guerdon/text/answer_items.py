"""The items of an answer that is a list: split as people write lists, and brought to keys that equal items share."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator

from guerdon.text.answers import clean_answer, final_answer
from guerdon.text.json_text import parse_json
from guerdon.text.math_answers import last_boxes, normalize_math
from guerdon.text.math_comparison import exact_form
from guerdon.text.normalize import normalize_multilingual

_BULLET = re.compile(r"[ \t]{0,12}(?:[-*•–]|\(?\d{1,3}[.)]|\(?[a-z][.)])[ \t]+")
_SEPARATOR = re.compile(
    r"(?P<semicolon>[;；؛])|(?P<comma>[,，、،])|\\text\s?\{\s?(?:and|or)\s?\}|(?<=[\s,;}])(?:and|or)(?=\s)"
)
_BRACKETS = {"(": ")", "[": "]", "{": "}", "\\{": "\\}", "\\(": "\\)", "\\left(": "\\right)", "\\left[": "\\right]"}
_MATHEMATICS = re.compile(r"[\\^=_(){}\[\]<>|+*/]")
_LONGEST_BARE = 1_000  # characters of a text that is taken for a list as a whole
_LONGEST_KEPT = 2_000  # characters of an item that exact comparison looks at


def stated_list(text: str) -> str | None:
    r"""The list that a text states as its final answer, None if it states none.

    The last ``<answer>`` block, else the last boxes, else what follows the last answer phrase, else all of a short text.

    >>> stated_list("<answer>a, b</answer>"), stated_list(r"\boxed{a} and \boxed{b}"), stated_list("a, b")
    ('a, b', 'a,b', 'a, b')
    """
    boxes = None if "<answer" in text else last_boxes(text)
    stated = final_answer(text) if boxes is None else boxes
    return stated if stated is not None else text if len(text) <= _LONGEST_BARE else None


def answer_items(text: str) -> list[str]:
    r"""The items of a list as it is written, in order; blank ones are left out. Linear in the length of the text.

    Understood are JSON arrays, bullets and numbered lines, and lists set apart by semicolons, else by commas, "and" or "or", with
    or without brackets around all of it. What stands in brackets is one item. A comma in "1,234" divides nothing in a list whose
    other commas are followed by spaces.

    >>> answer_items("red, green and blue"), answer_items("(1, 2), (3, 4)"), answer_items('["a, b", "c"]')
    (['red', 'green', 'blue'], ['(1, 2)', '(3, 4)'], ['a, b', 'c'])
    >>> answer_items("1. Rome, Italy\n2. Paris"), answer_items(r"\{1,234, 5\}")
    (['Rome, Italy', 'Paris'], ['1,234', '5'])
    """
    text = clean_answer(text)
    parsed = parse_json(text) if text.startswith("[") else None
    if isinstance(parsed, list):
        return [item for value in parsed if (item := _item(value))]
    lines = [line for line in text.splitlines() if line.strip()]
    bullets = [_BULLET.match(line) for line in lines]
    if len(lines) > 1 and all(bullets):
        parts = [line[bullet.end() :] for line, bullet in zip(lines, bullets, strict=True) if bullet]
    elif len(lines) > 1:
        parts = [part for line in lines for part in _split(line)]
    else:
        parts = _split(_without_brackets(text))
    return [item for part in parts if (item := clean_answer(part))]


def item_key(item: str) -> Hashable:
    r"""What equal items have in common: their exact value if they are numbers, else their normal form.

    >>> item_key("1/2") == item_key("0.50"), item_key("São Paulo.") == item_key("são  paulo"), item_key("$x^2$")
    (True, True, 'x^2')
    """
    if len(item) > _LONGEST_KEPT:
        return item
    number = exact_form(item).number
    if number is not None and "=" not in item:
        return number.meant
    if _MATHEMATICS.search(item):
        return normalize_math(item)
    return normalize_multilingual(item) or item


def _item(value: object) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _without_brackets(text: str) -> str:
    for opening, closing in _BRACKETS.items():
        inner = text[len(opening) : len(text) - len(closing)]
        if text.startswith(opening) and text.endswith(closing) and min(_depths(inner), default=0) >= 0:
            return inner
    return text


def _split(text: str) -> list[str]:
    """The parts of a line between its separators, outside of brackets; commas divide nothing where semicolons do."""
    if exact_form(text[:_LONGEST_KEPT]).number is not None:
        return [text]
    depths = [0, *_depths(text)]
    marks = [mark for mark in _SEPARATOR.finditer(text) if depths[mark.start()] <= 0]
    semicolons = any(mark["semicolon"] for mark in marks)
    spaced = any(mark["comma"] and text[mark.end() : mark.end() + 1].isspace() for mark in marks)
    edges = [0]
    for mark in marks:
        if not (mark["comma"] and (semicolons or (spaced and _groups_digits(text, mark.start())))):
            edges += mark.span()
    edges.append(len(text))
    return [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _groups_digits(text: str, comma: int) -> bool:
    return text[comma - 1 : comma].isdigit() and re.match(r",\d{3}(?!\d)", text[comma : comma + 5]) is not None


def _depths(text: str) -> Iterator[int]:
    """How many brackets are open at each character."""
    depth = 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        yield depth
