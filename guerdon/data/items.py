"""Items: the facts behind the demonstration data, written by hand, one question with its explanation each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import yaml

HOME = Path(__file__).parent / "items"
SUBJECTS = ("biology", "chemistry", "physics", "mathematics", "logic")


@dataclass(frozen=True)
class Item:
    """One fact.

    Attributes:
        id: its name, the same for all questions made from it.
        subject: one of :data:`SUBJECTS`.
        language: ``"en"`` or ``"it"``.
        ask: phrasings of the question.
        right: the right option.
        wrong: plausible wrong options; the first is the most tempting one.
        why: the expert's explanation.
    """

    id: str
    subject: str
    language: str
    ask: tuple[str, ...]
    right: str
    wrong: tuple[str, ...]
    why: str


@cache
def items() -> Mapping[str, Item]:
    """Every item by id, the English subjects first.

    >>> items()["bio-ribosome"].right
    'Ribosome'
    """
    found: dict[str, Item] = {}
    for name in (*SUBJECTS, "italian"):
        for entry in yaml.safe_load((HOME / f"{name}.yaml").read_text(encoding="utf-8")):
            subject, language = (entry["subject"], "it") if name == "italian" else (name, "en")
            item = Item(
                entry["id"], subject, language, tuple(entry["ask"]), entry["right"], tuple(entry["wrong"]), entry["why"]
            )
            found[item.id] = item
    return MappingProxyType(found)
