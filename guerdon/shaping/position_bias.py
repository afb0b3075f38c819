"""Comparisons of two models by a judge that sees their answers in one order or the other: who wins, and if the order decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

SHOWN = ("first", "second", "tie")


class PositionBias(NamedTuple):
    """How often model A won in each order, and the test whether order and outcome are independent.

    Attributes:
        rate_given: percent of all comparisons in the given order that A won; NaN without one.
        rate_swapped: percent of all comparisons with both swapped that A won; NaN without one.
        chi2: Pearson's statistic of order (2) x outcome (A, B, tie), NaN where one order is missing.
        p_value: its probability under independence; below 0.01 the judge's bias is significant, below 0.05 possible.
    """

    rate_given: float
    rate_swapped: float
    chi2: float
    p_value: float


def outcome_counts(preferences: Sequence[str | None], swapped: Sequence[bool]) -> Counts:
    """(2, 3) counts: rows as given and swapped, columns A wins, B wins, ties.

    ``preferences`` say what was preferred as shown: "first", "second" or "tie", None for a comparison that failed, which is left
    out; ``swapped`` whether the first shown was B's.

    Raises:
        ValueError: lengths that differ, an unknown preference.

    >>> outcome_counts(["first", "first", "tie"], [False, True, True]).tolist()
    [[1, 0, 0], [0, 1, 1]]
    """
    if len(preferences) != len(swapped):
        raise ValueError(
            f"preferences has {len(preferences)} entries and swapped {len(swapped)}; give one per comparison"
        )
    table = np.zeros((2, 3), dtype=np.int64)
    for preference, turned in zip(preferences, swapped, strict=True):
        if preference is None:
            continue
        if preference not in SHOWN:
            raise ValueError(f"preference {preference!r} is none of {', '.join(SHOWN)}, None")
        place = SHOWN.index(preference)
        table[int(turned), 1 - place if turned and place < 2 else place] += 1
    return table


def net_win_rate(preferences: Sequence[str | None], swapped: Sequence[bool]) -> float:
    """100 (A wins - B wins) / all comparisons, ties among them, in [-100, 100]; NaN without a comparison.

    >>> net_win_rate(["first", "first", "second", "tie"], [False, False, False, False])
    25.0
    """
    table = outcome_counts(preferences, swapped)
    wins, losses, _ = table.sum(axis=0).tolist()
    return _percent(wins - losses, int(table.sum()))


def position_bias(preferences: Sequence[str | None], swapped: Sequence[bool]) -> PositionBias:
    """Whether who wins depends on who is shown first: Pearson's chi-square without correction, outcomes that never came left out.

    A judge without bias prefers A as often in one order as in the other. With one outcome only, nothing depends on the order
    (chi2 0, p 1).

    Source: DenseAlignBench of PromptEcho 2026 (arXiv 2604.12652), released code.

    >>> always_first = position_bias(["first"] * 20, [False] * 10 + [True] * 10)
    >>> always_first.rate_given, always_first.rate_swapped, always_first.chi2
    (100.0, 0.0, 20.0)
    """
    table = outcome_counts(preferences, swapped)
    totals = table.sum(axis=1)
    given, turned = (_percent(int(row[0]), int(total)) for row, total in zip(table, totals, strict=True))
    if not totals.all():
        return PositionBias(given, turned, math.nan, math.nan)
    seen = table[:, table.sum(axis=0) > 0]
    expected = np.outer(totals, seen.sum(axis=0)) / totals.sum()
    chi2 = float(((seen - expected) ** 2 / expected).sum())
    return PositionBias(given, turned, chi2, _upper_tail(chi2, seen.shape[1] - 1))


def _percent(part: int, total: int) -> float:
    return 100.0 * part / total if total else math.nan


def _upper_tail(chi2: float, freedom: int) -> float:
    """P(X >= chi2) of a chi-square variable with at most two degrees of freedom."""
    if freedom == 0:
        return 1.0
    return math.erfc(math.sqrt(chi2 / 2.0)) if freedom == 1 else math.exp(-chi2 / 2.0)
