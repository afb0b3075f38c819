"""Soft matching of two sets of token embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Mean = Literal["arithmetic", "harmonic"]

_ROWS = 1024  # of the similarity matrix at a time


@dataclass(frozen=True)
class TokenMatch:
    """How well two texts' tokens support each other: both directions and their mean."""

    score: float
    forward: float
    backward: float


def token_matching(
    response: ArrayLike,
    reference: ArrayLike,
    *,
    mean: Mean = "arithmetic",
    response_counts: ArrayLike | None = None,
    reference_counts: ArrayLike | None = None,
) -> TokenMatch:
    """Bidirectional max-mean of cosines between token embeddings ``response`` (n, d) and ``reference`` (m, d).

    forward = mean_i max_j cos(u_i, v_j), whether each response token is supported; backward = mean_j max_i, whether each
    reference token is covered; score their mean. In [-1, 1]; without tokens on a side all are 0, and a zero vector has cosine 0
    with all. The harmonic mean is 0 unless both directions are positive. ``..._counts`` say how often a token occurs.

    Token order is not seen. Memory: 1024 rows of the (n, m) matrix at a time; float64.

    Source: BMAS of Xu et al. 2025, Mixed-R1 (arXiv 2505.24164).

    >>> token_matching([[1, 0]], [[2, 0], [0, 3]])
    TokenMatch(score=0.75, forward=1.0, backward=0.5)
    """
    if mean not in ("arithmetic", "harmonic"):
        raise ValueError(f"mean={mean!r} must be 'arithmetic' or 'harmonic'")
    u, v = _unit_rows(response), _unit_rows(reference)
    if not len(u) or not len(v):
        return TokenMatch(0.0, 0.0, 0.0)
    supported, covered = np.empty(len(u)), np.full(len(v), -np.inf)
    for start in range(0, len(u), _ROWS):
        cosines = u[start : start + _ROWS] @ v.T
        supported[start : start + _ROWS] = cosines.max(axis=1)
        covered = np.maximum(covered, cosines.max(axis=0))
    forward, backward = _mean(supported, response_counts), _mean(covered, reference_counts)
    if mean == "arithmetic":
        score = (forward + backward) / 2
    else:
        score = 2 * forward * backward / (forward + backward) if min(forward, backward) > 0 else 0.0
    return TokenMatch(score, forward, backward)


def _mean(values: Floats, counts: ArrayLike | None) -> float:
    return float(np.average(values, weights=None if counts is None else np.asarray(counts, dtype=np.float64)))


def _unit_rows(vectors: ArrayLike) -> Floats:
    table = np.asarray(vectors, dtype=np.float64)
    if not table.size:
        return np.empty((0, 0))
    if table.ndim != 2:
        raise ValueError(f"token embeddings have shape {table.shape}; give (tokens, d)")
    norms = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(np.divide(table, norms, out=np.zeros_like(table), where=norms > 0))
