"""Coding rate: how many bits a set of embeddings takes, and which few of them take most of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, Ints


def coding_rate(embeddings: ArrayLike, eps: float = 0.1, *, energy: float = 0.95) -> float:
    """sum log(1 + s_i^2 / (eps^2 n) + 1e-8) in nats over the largest singular values s_i of (n, d) unit rows that hold ``energy``
    of sum s^2.

    Rows are brought to length 1 (a zero row stays). 0 without rows. Duplicates add little, orthogonal rows most; rotation changes
    nothing.

    Source: ARR 2026 (arXiv 2605.08354), released code: divides by n alone, without the factor d of the usual definition.

    >>> round(coding_rate([[1.0, 0.0], [0.0, 1.0]]), 4), round(coding_rate([[1.0, 0.0], [1.0, 0.0]]), 4)
    (7.8637, 4.6151)
    """
    x = _unit(embeddings)
    if not x.size:
        return 0.0
    if eps <= 0 or not 0 < energy <= 1:
        raise ValueError(f"eps={eps} must be positive and energy={energy} in (0, 1]")
    squares = np.linalg.svd(x, compute_uv=False) ** 2
    total = float(squares.sum())
    if total <= 0:
        return 0.0
    kept = int(np.searchsorted(np.cumsum(squares) / total, energy - 1e-12)) + 1
    return float(np.log(1.0 + squares[:kept] / (eps**2 * len(x)) + 1e-8).sum())


def diverse_subset(
    embeddings: ArrayLike,
    *,
    most: int = 100,
    batch: int = 5,
    least_gain: float = 1e-3,
    patience: int = 3,
    eps: float = 0.1,
) -> Ints:
    """Positions of a diverse subset, in the order they were picked: farthest first, in batches, while the coding rate grows.

    The first is the one nearest to the mean; each next is the one least similar to any picked so far, the first on ties. After
    ``patience`` batches in a row that each raise the coding rate by less than ``least_gain``, these batches are taken back and
    picking ends.

    Source: ARR 2026 (arXiv 2605.08354): greedy batches of 5 by a distance heuristic, stop after 3 small gains, at most 100.

    >>> diverse_subset([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], batch=1, patience=1).tolist()
    [0, 2]
    """
    x = _unit(embeddings)
    if batch < 1 or most < 1 or patience < 1:
        raise ValueError(f"most={most}, batch={batch} and patience={patience} must be at least 1")
    if not len(x):
        return np.zeros(0, dtype=np.int64)
    picked = [int(np.argmax(np.round(x @ x.mean(axis=0), 12)))]
    nearest = x @ x[picked[0]]
    rate, poor = coding_rate(x[picked], eps), 0
    sizes = [1]
    while len(picked) < min(most, len(x)) and poor < patience:
        for _ in range(min(batch, most - len(picked), len(x) - len(picked))):
            nearest[picked] = np.inf
            picked.append(int(np.argmin(np.round(nearest, 12))))
            nearest = np.maximum(nearest, x @ x[picked[-1]])
        grown = coding_rate(x[picked], eps)
        poor = poor + 1 if grown - rate < least_gain else 0
        rate = grown
        sizes.append(len(picked))
    kept = sizes[-1 - poor] if poor >= patience else len(picked)
    return np.array(picked[:kept], dtype=np.int64)


def _unit(embeddings: ArrayLike) -> Floats:
    x = np.asarray(embeddings, dtype=np.float64)
    if x.size == 0:
        return np.zeros((0, 0))
    if x.ndim != 2:
        raise ValueError(f"embeddings has shape {x.shape}; it must be (n, d)")
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(lengths > 0, lengths, 1.0))
