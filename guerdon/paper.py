"""Paper: what a paper module says of itself, and the list of all of them."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from guerdon.errors import SpecError, UserError, closest

KINDS = ("reward", "judge", "reward_model", "objective", "benchmark", "data", "rollout", "environment")
RELEASED, PUBLISHED, OURS = "released code", "paper", "our design where unpublished"
SOURCES = (RELEASED, PUBLISHED, OURS)
ROOM = "guerdon.papers"


@dataclass(frozen=True)
class Paper:
    """Metadata of one paper module.

    Attributes:
        slug: its name in specifications, ``paper:<slug>``.
        title, year, arxiv: where to read it.
        kind: what ``build()`` returns, one of :data:`KINDS`.
        parts: what is implemented -> its source, one of :data:`SOURCES`.
        columns: batch columns the default build reads.
        range: lowest and highest value of the default build, or None.
        variants: names ``build(variant=...)`` accepts.

    Raises:
        UserError: an unknown kind or source.
    """

    slug: str
    title: str
    year: int
    arxiv: str
    kind: str
    parts: Mapping[str, str]
    columns: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    variants: tuple[str, ...] = field(default=("default",))

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"paper {self.slug!r}: kind={self.kind!r} is unknown; {closest(self.kind, KINDS)}")
        for part, source in self.parts.items():
            if source not in SOURCES:
                raise UserError(
                    f"paper {self.slug!r}: the source of {part!r} is {source!r}; choices: {', '.join(SOURCES)}"
                )

    @property
    def module(self) -> ModuleType:
        """The module that builds it."""
        return importlib.import_module(f"{ROOM}.{self.slug.replace('-', '_')}")

    def build(self, variant: str = "default", **options: Any) -> Any:
        """What the paper describes: a reward, a judge protocol, an objective, ... (see ``kind``)."""
        if variant not in self.variants:
            raise UserError(f"paper {self.slug!r} has no variant {variant!r}; {closest(variant, self.variants)}")
        build: Callable[..., Any] = self.module.build
        return build(variant, **options)


def all_papers() -> Iterator[Paper]:
    """Every implemented paper, by slug.

    >>> "shaping-explanations" in [paper.slug for paper in all_papers()]
    True
    """
    for slug in slugs():
        yield find_paper(slug)


def slugs() -> tuple[str, ...]:
    """The slugs of all paper modules."""
    room = importlib.util.find_spec(ROOM)
    places = list(room.submodule_search_locations or ()) if room else []
    return tuple(sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(places) if not m.name.startswith("_")))


def find_paper(slug: str) -> Paper:
    """The paper of a slug.

    Raises:
        SpecError: there is none; the message offers the closest.
    """
    known = slugs()
    if slug not in known:
        raise SpecError(f"paper {slug!r} is not implemented; {closest(slug, known)}")
    paper: Paper = importlib.import_module(f"{ROOM}.{slug.replace('-', '_')}").PAPER
    return paper
