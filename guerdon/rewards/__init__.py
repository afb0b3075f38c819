"""The signals: one module per kind of evidence a reward looks at. Names are loaded when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guerdon.rewards.agreement import Agreement
    from guerdon.rewards.choice import Choice
    from guerdon.rewards.format import Tags
    from guerdon.rewards.given import Given
    from guerdon.rewards.judged import Judged
    from guerdon.rewards.language import Script
    from guerdon.rewards.length import Length, LengthFloor, LengthMatch, Overlong, Repetition
    from guerdon.rewards.match import ExactMatch, TokenF1
    from guerdon.rewards.overlap import RougeL
    from guerdon.rewards.semantic import Cosine
    from guerdon.rewards.sql import SchemaLinking, SQLNgram, SQLQuery
    from guerdon.rewards.sql_execution import SQLExecution, SQLSyntax
    from guerdon.rewards.votes import CrossVote, MajorityVote

_HOMES = {
    "Agreement": "agreement",
    "Choice": "choice",
    "Cosine": "semantic",
    "CrossVote": "votes",
    "ExactMatch": "match",
    "Given": "given",
    "Judged": "judged",
    "Length": "length",
    "LengthFloor": "length",
    "LengthMatch": "length",
    "MajorityVote": "votes",
    "Overlong": "length",
    "Repetition": "length",
    "RougeL": "overlap",
    "SchemaLinking": "sql",
    "Script": "language",
    "SQLExecution": "sql_execution",
    "SQLNgram": "sql",
    "SQLQuery": "sql",
    "SQLSyntax": "sql_execution",
    "Tags": "format",
    "TokenF1": "match",
}

__all__ = [
    "Agreement",
    "Choice",
    "Cosine",
    "CrossVote",
    "ExactMatch",
    "Given",
    "Judged",
    "Length",
    "LengthFloor",
    "LengthMatch",
    "MajorityVote",
    "Overlong",
    "Repetition",
    "RougeL",
    "SchemaLinking",
    "Script",
    "SQLExecution",
    "SQLNgram",
    "SQLQuery",
    "SQLSyntax",
    "Tags",
    "TokenF1",
]


def __getattr__(name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def register_all() -> None:
    """Import every module of this room, so that all its rewards are registered."""
    for home in sorted(set(_HOMES.values())):
        importlib.import_module(f"{__name__}.{home}")
