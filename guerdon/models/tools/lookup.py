"""A table of facts to look things up in: a small encyclopedia, recorded weather, prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guerdon.errors import UserError
from guerdon.frozen import FrozenDict, freeze
from guerdon.models.tool import Tool
from guerdon.registry import register
from guerdon.text.bm25 import BM25


@register("tool")
@dataclass(frozen=True)
class Lookup(Tool):
    """What a table says of a name, case and blanks aside; where it has no such name, the names that come closest.

    ``facts``: name -> text. ``title`` and ``about`` name the tool and say what the table holds, so that one judge can have
    several: recorded weather under "city, date", say. What is not in the table is not known: nothing is made up.

    >>> lookup = Lookup({"Alba": "A town led by Ann Lee."}, title="towns", about="towns and who leads them")
    >>> lookup.run({"name": " alba "}).text, lookup.run({"name": "Alba Longa"}).text
    ('A town led by Ann Lee.', 'There is no entry of this name. Close names: Alba.')
    """

    facts: Mapping[str, str] = field(default_factory=FrozenDict)
    title: str = "lookup"
    about: str = "facts"

    parameters = FrozenDict(
        {
            "properties": {"name": {"type": "string", "description": "what to look up", "maxLength": 500}},
            "required": ["name"],
        }
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", freeze(dict(self.facts)))
        if not self.title.isidentifier():
            raise UserError(f"title={self.title!r} must be a name of letters, digits and underscores")

    @property
    def called(self) -> str:
        """The name under which a model calls it."""
        return self.title

    @property
    def purpose(self) -> str:  # type: ignore[override]
        """One sentence for prompts."""
        return f"Looks up one name in a table of {self.about}."

    def answer(self, arguments: Mapping[str, Any]) -> str:
        wanted = _key(arguments["name"])
        found = next((fact for name, fact in self.facts.items() if _key(name) == wanted), None)
        if found is not None:
            return str(found)
        names = list(self.facts)
        close = ", ".join(names[i] for i, _ in BM25(names).search(arguments["name"], 5))
        return "There is no entry of this name." + (f" Close names: {close}." if close else "")


def _key(name: str) -> str:
    return " ".join(name.casefold().split())
