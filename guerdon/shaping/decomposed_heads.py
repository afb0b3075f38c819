"""Decomposed reward heads: the directions in which people's preferences differ, and one person's weights on them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats


class Heads(NamedTuple):
    """Directions (K, D), sign arbitrary, and the share of the variance each explains (K,); the mean direction (D,)."""

    directions: Floats
    explained: Floats
    mean: Floats


def decomposed_heads(differences: ArrayLike) -> Heads:
    """Principal components of centred embedding differences (N, D) of preferred minus other: K = min(N, D) heads.

    Centring takes away what everybody prefers: keep ``mean`` as one more head. Differences that are all equal explain nothing.

    Source: survey arXiv 2507.13158, section 4.1 (decomposed reward models).

    >>> heads = decomposed_heads([[1.0, 1.0], [1.0, -1.0]])
    >>> abs(heads.directions[0]).round(6).tolist(), heads.explained.tolist(), heads.mean.tolist()
    ([0.0, 1.0], [1.0, 0.0], [1.0, 0.0])
    """
    z = np.atleast_2d(np.asarray(differences, dtype=np.float64))
    mean = z.mean(axis=0)
    _, singular, directions = np.linalg.svd(z - mean, full_matrices=False)
    power = singular**2
    total = float(power.sum())
    return Heads(np.asarray(directions), np.asarray(power / total if total > 0 else np.zeros_like(power)), mean)


def user_weights(head_gaps: ArrayLike, *, ridge: float = 1e-2, iterations: int = 50) -> Floats:
    """One user's weights (K,) on heads by logistic regression on a few pairs: head_gaps (N, K), preferred minus other.

    min_u sum log(1 + exp(-g . u)) + ridge/2 |u|^2, by Newton's method.

    >>> user_weights([[1.0, 0.0], [1.0, 0.2], [0.8, -0.2]])[0].round(1).item() > 1
    True
    """
    g = np.atleast_2d(np.asarray(head_gaps, dtype=np.float64))
    u = np.zeros(g.shape[1])
    for _ in range(iterations):
        lost = np.exp(-np.logaddexp(0.0, g @ u))
        gradient = -(lost @ g) + ridge * u
        hessian = (g * (lost * (1.0 - lost))[:, None]).T @ g + ridge * np.eye(len(u))
        step = np.linalg.solve(hessian, gradient)
        u = u - step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-10:
            break
    return np.asarray(u)
