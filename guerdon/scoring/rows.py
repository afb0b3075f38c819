"""Rows: what a source of data yields, one record after another, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

#: A longer row is not read into memory: it is rejected.
LONGEST_ROW = 64 * 2**20
#: A more deeply nested row is rejected.
DEEPEST_ROW = 64


class Place(NamedTuple):
    """Where reading has come: ``number`` lines or rows are read, the next one starts at ``offset``."""

    number: int = 0
    offset: int = 0


START = Place()


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the data, or the reason why there is none.

    Attributes:
        after: where the next row starts; ``after.number`` is this row's own number, counted from 1.
        record: column -> value; empty where the row is no record.
        fault: why the row cannot be scored, empty for a good one.
        text: the beginning of an unreadable row as it stands in the file.
        size: bytes it takes up, roughly.
        origin: the Arrow record batch and index it came from, so that its types survive.
    """

    after: Place
    record: Mapping[str, Any]
    fault: str = ""
    text: str = ""
    size: int = 0
    origin: tuple[Any, int] | None = None

    def rejected(self, fault: str) -> Row:
        """This row with a reason why it cannot be scored."""
        return replace(self, fault=fault)


class Source(Protocol):
    """Data that can be read from any place on, again and again, in the same order."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    @property
    def unit(self) -> str:
        """What its rows are: ``"line"`` or ``"row"``."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns, where the data itself declares them."""

    @property
    def schema(self) -> Any:
        """The Arrow schema, where the data has one."""

    @property
    def path(self) -> Any:
        """The file that is read, if it is one."""

    def fingerprint(self) -> str:
        """A hash of all that the data holds."""

    def rows(self, start: Place = START) -> Iterator[Row]:
        """Every row from a place on."""

    def share(self, place: Place) -> float | None:
        """How much of the data lies before a place, 0 to 1; None where that is not known."""
