"""What must hold multiplies, what is nice to have averages: a gate of constraints times a utility of behaviours.

Scores lie in [0, 1] and are clipped to it; NaN is a score that could not be had. ``missing="nan"`` leaves the result unscored,
``"official"`` takes a missing constraint for violated and goes on with the other behaviours.

Source: SearchLLM 2026 (arXiv 2603.10473), Eq. 1-3; edge cases are our design.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.combine import geometric_mean, mean

Missing = Literal["nan", "official"]


def bottom_line_gate(scores: ArrayLike, *, delta: float = 0.01, missing: Missing = "nan") -> float:
    """B = exp(mean_i ln((s_i + delta) / (1 + delta))) of m constraints, in (0, 1]: 1 only where all hold, also where there is none.

    One of m violated costs a factor (delta / (1 + delta))^(1/m): the more constraints, the weaker one failure.

    >>> round(bottom_line_gate([0] + [1] * 8), 4), bottom_line_gate([])
    (0.5988, 1.0)
    """
    values = _scores(scores, missing)
    if not values.size:
        return 1.0
    if missing == "official":
        values = np.where(np.isnan(values), 0.0, values)
    return float(geometric_mean(values[:, None], delta=delta)[0])


def behaviour_utility(scores: ArrayLike, weights: ArrayLike | None = None, *, missing: Missing = "nan") -> float:
    """U = sum_j w_j u_j / sum_j w_j, in [0, 1]; 1 where there is no behaviour, or none with a weight.

    Equal weights unless given; a behaviour of weight 0 is never looked at.

    Raises:
        ValueError: a negative weight, or not one per behaviour.

    >>> behaviour_utility([1, 0, 0.5]), behaviour_utility([0.2, 0.9], [0, 1]), behaviour_utility([])
    (0.5, 0.9, 1.0)
    """
    values = _scores(scores, missing)
    w = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64).reshape(-1)
    if len(w) != len(values) or not (w >= 0).all():
        raise ValueError(f"weights={w.tolist()} must be {len(values)} numbers, one per behaviour, none negative")
    counted = w > 0 if missing == "nan" else (w > 0) & ~np.isnan(values)
    return float(mean(values[counted, None], w[counted])[0]) if counted.any() else 1.0


@dataclass(frozen=True, slots=True)
class GatedUtility:
    """A reward gate * utility and its two factors."""

    value: float
    gate: float
    utility: float


def gated_utility(
    constraints: ArrayLike,
    behaviours: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    delta: float = 0.01,
    hard: float | None = None,
    missing: Missing = "nan",
) -> GatedUtility:
    """R = B U, see :func:`bottom_line_gate` and :func:`behaviour_utility`; 0 where a constraint is below ``hard``.

    The soft gate can be outweighed: one of nine violated with U = 1 is worth .599, a clean answer with U = .5 only .5.

    >>> gated_utility([1, 1], [0.9, 0.8]).value.__round__(4), gated_utility([0.2, 1], [1.0], hard=0.5).value
    (0.85, 0.0)
    """
    gate = bottom_line_gate(constraints, delta=delta, missing=missing)
    utility = behaviour_utility(behaviours, weights, missing=missing)
    if hard is not None and not np.isnan(gate):
        gate = gate * bool((np.nan_to_num(_scores(constraints, missing)) >= hard).all())
    return GatedUtility(gate * utility, gate, utility)


def _scores(scores: ArrayLike, missing: Missing) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if missing not in ("nan", "official"):
        raise ValueError(f"missing={missing!r} is unknown; choices: nan, official")
    return np.clip(np.asarray(scores, dtype=np.float64).reshape(-1), 0.0, 1.0)
