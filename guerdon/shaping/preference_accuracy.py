"""How often a judge or reward model prefers the better one: over pairs, and over sets of one right and several wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import as_values


def pair_accuracy(chosen: ArrayLike, rejected: ArrayLike, *, tie: float = 0.0) -> float:
    """Share of pairs in which the chosen one scores higher; a tie counts ``tie``, a pair with a missing score (NaN) 0.

    ``chosen`` and ``rejected`` (N,). NaN without pairs.

    Raises:
        ValueError: not one chosen per rejected, or a ``tie`` outside [0, 1].

    Source: Themis 2023 (arXiv 2310.01045), released evaluation, with ``tie=0``.

    >>> pair_accuracy([0.9, 0.5, float("nan")], [0.1, 0.5, 0.2]).__round__(3)
    0.333
    """
    good, bad = as_values(chosen, "chosen"), as_values(rejected, "rejected")
    if len(good) != len(bad):
        raise ValueError(f"chosen and rejected have {len(good)} and {len(bad)} scores; give one of each per pair")
    if not 0.0 <= tie <= 1.0:
        raise ValueError(f"tie={tie} must lie in [0, 1]")
    return float(np.mean((good > bad) + tie * (good == bad))) if len(good) else float("nan")


@dataclass(frozen=True, slots=True)
class DistractorAccuracy:
    """Share of (instance, distractor) pairs won, and share of instances whose right candidate beats every distractor."""

    pairwise: float
    best_of_n: float


def distractor_accuracy(wins: Any) -> DistractorAccuracy:
    """From ``wins``, one row per instance: 1 where the right candidate is preferred to that distractor, else 0 or NaN.

    Pairwise is the mean over all pairs, best-of-n the mean over instances of the product of the row. Rows may differ in length;
    NaN without rows, and best-of-n never exceeds pairwise where they do not.

    Source: WebPRMBench of WebArbiter 2026 (arXiv 2601.21872).

    >>> distractor_accuracy([[1, 1, 1, 0], [1, 1, 1, 1]])
    DistractorAccuracy(pairwise=0.875, best_of_n=0.5)
    """
    rows = [np.nan_to_num(np.array(row, dtype=np.float64)).reshape(-1) for row in wins]
    rows = [row for row in rows if len(row)]
    if not rows:
        return DistractorAccuracy(float("nan"), float("nan"))
    return DistractorAccuracy(float(np.concatenate(rows).mean()), float(np.mean([row.prod() for row in rows])))


def macro_distractor_accuracy(wins_by_environment: Mapping[Any, Any]) -> DistractorAccuracy:
    """The unweighted mean over environments of :func:`distractor_accuracy`; environments without instances are left out.

    >>> macro_distractor_accuracy({"a": [[1, 1]] * 3, "b": [[0, 1]]})
    DistractorAccuracy(pairwise=0.75, best_of_n=0.5)
    """
    found = [distractor_accuracy(wins) for wins in wins_by_environment.values()]
    found = [one for one in found if one.pairwise == one.pairwise]
    if not found:
        return DistractorAccuracy(float("nan"), float("nan"))
    return DistractorAccuracy(
        float(np.mean([one.pairwise for one in found])), float(np.mean([one.best_of_n for one in found]))
    )
