"""The exceptions guerdon raises. Each message names the argument, its value and the fix.

Only a user's mistake or a broken set-up raises. What the policy did wrong is a low score with a note, what an instrument
did wrong is NaN with a typed outcome (see :mod:`guerdon.scores`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GuerdonError(Exception):
    """Root of every exception raised on purpose by guerdon."""


class UserError(GuerdonError, ValueError):
    """An argument, column, file or composition that cannot work as given."""


class CompositionError(UserError):
    """Rewards put together in a way that has no meaning, such as two parts under one path."""


class SpecError(UserError):
    """A specification that names something unknown or is not of the documented form."""


class MissingColumn(UserError, KeyError):
    """A reward asks for a column that the batch does not have."""

    def __init__(self, reward: str, column: str, expected: str, present: Iterable[str]) -> None:
        self._said = reward, column, expected, sorted(present)
        columns = ", ".join(self._said[-1]) or "none"
        self.message = (
            f"reward {reward!r} needs column {column!r} ({expected}), which the batch does not have; "
            f"columns present: {columns}. Add it to the dataset or point the reward at another column."
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type[MissingColumn], tuple[object, ...]]:
        return type(self), self._said


class MissingExtra(GuerdonError, ImportError):
    """An optional dependency is not installed.

    >>> str(MissingExtra("rapidfuzz", extra="text"))
    "rapidfuzz is not installed; run: pip install 'guerdon[text]'"
    """

    def __init__(self, package: str, *, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'guerdon[{extra}]'")
        self.package, self.extra = package, extra

    def __reduce__(self) -> tuple[object, ...]:
        return _missing_extra, (self.package, self.extra)


class UnboundPolicy(GuerdonError, RuntimeError):
    """A reward reads the policy being trained, and no integration has bound one."""


class BlockedLoop(GuerdonError, RuntimeError):
    """A blocking call was made on the event loop that would have to serve it."""


class Overloaded(GuerdonError, RuntimeError):
    """More is waiting to be scored than may be held; try again later."""


def _missing_extra(package: str, extra: str) -> MissingExtra:
    return MissingExtra(package, extra=extra)


def closest(name: str, choices: Iterable[str]) -> str:
    """A hint naming what may have been meant, and all choices.

    >>> closest("cosin", ["cosine", "rouge_l"])
    "did you mean 'cosine'? Choices: cosine, rouge_l"
    """
    ordered = sorted(choices)
    match = difflib.get_close_matches(name, ordered, n=1)
    hint = f"did you mean {match[0]!r}? " if match else ""
    return f"{hint}Choices: {', '.join(ordered)}"
