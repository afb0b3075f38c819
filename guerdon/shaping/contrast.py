"""Contrast: how much nearer something is to its own target than to the targets of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def softmax_contrast(similarity: ArrayLike, negatives: ArrayLike, *, temperature: float = 0.1) -> Floats:
    """exp(s / T) / (exp(s / T) + sum_k exp(s_k / T)): the share of a softmax that falls on the own pair.

    Args:
        similarity: (N,) of each sample and its own target.
        negatives: (N, K) or (K,) to the targets of others; NaN where a sample has fewer.
        temperature: T > 0.

    Returns:
        (N,) in [0, 1]; 1 without negatives. NaN where the similarity is.

    Raises:
        ValueError: a temperature that is not positive.

    >>> softmax_contrast([0.5], [0.5, 0.5, 0.5]).tolist(), softmax_contrast([0.2], []).tolist()
    ([0.25], [1.0])
    """
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be positive")
    own, others = _aligned(similarity, negatives)
    odds = np.where(
        np.isnan(others), 0.0, np.exp(np.minimum((np.nan_to_num(others) - own[:, None]) / temperature, 700.0))
    )
    return np.asarray(1.0 / (1.0 + odds.sum(axis=1)) + 0.0 * own)


def margin_contrast(similarity: ArrayLike, negatives: ArrayLike) -> Floats:
    """s - mean_k s_k: (N,), for cosines in [-2, 2]; s itself without negatives. Arguments as in :func:`softmax_contrast`.

    >>> margin_contrast([0.5, 0.5], [[0.25, float("nan")], [0.0, 0.5]]).tolist()
    [0.25, 0.25]
    """
    own, others = _aligned(similarity, negatives)
    counted = np.maximum((~np.isnan(others)).sum(axis=1), 1)
    return np.asarray(own - np.nan_to_num(others).sum(axis=1) / counted)


def _aligned(similarity: ArrayLike, negatives: ArrayLike) -> tuple[Floats, Floats]:
    own = np.asarray(similarity, dtype=np.float64)
    others = np.asarray(negatives, dtype=np.float64)
    return own, np.broadcast_to(others if others.ndim == 2 else others[None, :], (len(own), others.shape[-1]))
