"""Rubrics as models write them: numbered lists with tags, sections of hard rules and principles, JSON. Linear in the text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from guerdon.text.json_text import json_values

Item = dict[str, str]

_TAG = re.compile(r"\[\s{0,8}(hard[ _-]rule|principle)\s{0,8}\]", re.IGNORECASE)
_NUMBER = re.compile(r"\s*\d{1,9}[.)]")
_LISTED = re.compile(r"\s*(?:\d{1,9}[.)]|[-*\u2022])(?=\s)")
_HEADINGS = {"hard rules": "hard_rule", "principles": "principle"}
_EMPTY = ("none", "(failed to parse rubric)")


def tagged_items(text: str) -> list[Item]:
    """The items of a numbered list whose lines end with ``[Hard Rule]`` or ``[Principle]``, case apart; other lines do not count.

    Source: OpenRubrics 2025 (arXiv 2510.07743), grammar of generated rubrics.

    >>> tagged_items("1. It is short. [Hard Rule]\\nnote\\n2) It is kind [principle]\\n3. no tag")
    [{'text': 'It is short.', 'type': 'hard_rule'}, {'text': 'It is kind', 'type': 'principle'}]
    """
    items = []
    for line in text.splitlines():
        number, tag = _NUMBER.match(line), _TAG.search(line)
        if number is None or tag is None:
            continue
        said = line[number.end() : tag.start()].strip()
        if said:
            items.append({"text": said, "type": "principle" if tag[1].lower() == "principle" else "hard_rule"})
    return items


def sectioned_items(text: str) -> list[Item]:
    """The numbered items under the headings ``Hard Rules:`` and ``Principles:``; "None" stands for no items.

    >>> sectioned_items("Hard Rules:\\n1. It is short.\\n\\nPrinciples:\\nNone")
    [{'text': 'It is short.', 'type': 'hard_rule'}]
    """
    items, kind = [], ""
    for line in text.splitlines():
        heading = line.strip(" \t*#_:").lower()
        listed = _LISTED.match(line)
        if heading in _HEADINGS:
            kind = _HEADINGS[heading]
        elif kind and listed is not None:
            said = line[listed.end() :].strip()
            if said and said.lower() not in _EMPTY:
                items.append({"text": said, "type": kind})
    return items


def listed_items(text: str) -> list[Item]:
    """The items of a numbered or bulleted list without tags, all of them principles.

    >>> listed_items("Criteria:\\n- It is short.\\n* It is kind.")
    [{'text': 'It is short.', 'type': 'principle'}, {'text': 'It is kind.', 'type': 'principle'}]
    """
    found = [(line, listed) for line in text.splitlines() if (listed := _LISTED.match(line))]
    said = [line[listed.end() :].strip() for line, listed in found]
    return [{"text": one, "type": "principle"} for one in said if one]


def json_items(text: str) -> list[Item]:
    """The items of the last JSON object in the text that holds ``hard_rules``, ``principles``, ``rubrics`` or ``criteria``.

    >>> json_items('{"hard_rules": [{"criterion": "Short."}], "principles": ["Kind."]}')
    [{'text': 'Short.', 'type': 'hard_rule'}, {'text': 'Kind.', 'type': 'principle'}]
    """
    keys = ("hard_rules", "principles", "rubrics", "criteria")
    objects = [found.value for found in json_values(text) if isinstance(found.value, dict)]
    held = next((one for one in reversed(objects) if any(isinstance(one.get(key), list) for key in keys)), {})
    entries = [(key, entry) for key in keys for entry in _list(held.get(key))]
    return [
        {"text": said, "type": "hard_rule" if key == "hard_rules" or _is_hard(entry) else "principle"}
        for key, entry in entries
        if (said := item_text(entry))
    ]


def item_text(entry: Any, keys: Sequence[str] = ("criterion", "rule", "description", "principle", "text")) -> str:
    """What an entry of a generated rubric says: itself, or its first non-empty text under one of ``keys``; "" for nothing.

    >>> item_text({"rule": " Short. "}), item_text("Kind."), item_text(3)
    ('Short.', 'Kind.', '')
    """
    if isinstance(entry, str):
        return entry.strip()
    if not isinstance(entry, Mapping):
        return ""
    return next((said.strip() for key in keys if isinstance(said := entry.get(key), str) and said.strip()), "")


def rubric_items(text: str) -> list[Item]:
    """The items of a rubric in whichever of the known forms it is written: tagged list, sections, JSON, plain list; or nothing.

    >>> rubric_items("1. It is short. [Hard Rule]"), rubric_items("It is short.")
    ([{'text': 'It is short.', 'type': 'hard_rule'}], [])
    """
    for read in (tagged_items, sectioned_items, json_items, listed_items):
        items = read(text)
        if items:
            return items
    return []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_hard(entry: Any) -> bool:
    return isinstance(entry, Mapping) and any(
        str(entry.get(key, "")).lower() in ("hard", "hard_rule") for key in ("kind", "type")
    )
