"""Which comparisons to have labelled next: information about a linear reward, and what is uncertain or far apart."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, Ints

Criterion = Literal["d_optimal", "uncertainty", "gap"]


def preference_information(weights: ArrayLike, differences: ArrayLike) -> Floats:
    """Fisher information sum_i p_i (1 - p_i) d_i d_i^T of comparisons, (D, D); p = sigmoid(w . d), d = phi(y1) - phi(y2), (N, D).

    Source: survey arXiv 2507.13158, section 4.1 (with d where it prints the same embedding twice).

    >>> preference_information([0.0, 0.0], [[1.0, 0.0], [0.0, 2.0]]).tolist()
    [[0.25, 0.0], [0.0, 1.0]]
    """
    d, spread = _spread(weights, differences)
    return np.asarray((d * spread[:, None]).T @ d)


def log_determinant(information: ArrayLike, *, ridge: float = 1e-3) -> float:
    """log det(I + ridge * identity): how much a set of comparisons tells in all directions at once.

    >>> round(log_determinant([[1.0, 0.0], [0.0, 1.0]], ridge=0.0), 6)
    0.0
    """
    matrix = np.asarray(information, dtype=np.float64)
    return float(np.linalg.slogdet(matrix + ridge * np.eye(len(matrix)))[1])


def select_comparisons(
    weights: ArrayLike, differences: ArrayLike, count: int, *, criterion: Criterion = "d_optimal", ridge: float = 1e-3
) -> Ints:
    """Positions of the ``count`` comparisons to label, in the order they are picked; the first on ties.

    * ``d_optimal``: greedily the one that raises log det of the information most.
    * ``uncertainty``: |p - 1/2| smallest.
    * ``gap``: |w . d| largest.

    Source: survey arXiv 2507.13158, section 4.1.

    >>> select_comparisons([0.0, 0.0], [[1.0, 0.0], [0.9, 0.0], [0.0, 0.5]], 2).tolist()
    [0, 2]
    """
    d, spread = _spread(weights, differences)
    count = min(count, len(d))
    if criterion in ("uncertainty", "gap"):
        margin = np.abs(d @ np.asarray(weights, dtype=np.float64))
        return np.asarray(np.argsort(margin if criterion == "uncertainty" else -margin, kind="stable")[:count])
    if criterion != "d_optimal":
        raise ValueError(f"criterion={criterion!r} is unknown; choices: d_optimal, uncertainty, gap")
    rows = d * np.sqrt(spread)[:, None]
    inverse = np.eye(d.shape[1]) / ridge
    picked: list[int] = []
    free = np.ones(len(rows), dtype=bool)
    for _ in range(count):
        # det(A + v v^T) = det(A) (1 + v^T A^-1 v), and A^-1 follows by Sherman-Morrison.
        gains = np.where(free, np.einsum("nd,de,ne->n", rows, inverse, rows), -np.inf)
        best = int(np.argmax(gains))
        step = inverse @ rows[best]
        inverse = inverse - np.outer(step, step) / (1.0 + gains[best])
        free[best] = False
        picked.append(best)
    return np.array(picked, dtype=np.int64)


def _spread(weights: ArrayLike, differences: ArrayLike) -> tuple[Floats, Floats]:
    d, w = np.atleast_2d(np.asarray(differences, dtype=np.float64)), np.asarray(weights, dtype=np.float64)
    if d.ndim != 2 or d.shape[1] != len(w):
        raise ValueError(f"differences have shape {d.shape} for {len(w)} weights; give (N, {len(w)})")
    p = np.exp(-np.logaddexp(0.0, -(d @ w)))
    return d, np.asarray(p * (1.0 - p))
