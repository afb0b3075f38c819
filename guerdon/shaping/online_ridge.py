"""Ridge regression that goes on learning: exponentially weighted sums of what was seen, solved when asked.

A state holds ``gram`` (d, d), ``moment`` (d,), the sums of x x' and x y; with a constant feature the head has a bias.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats

State = Mapping[str, Any]


def ridge_initial(dimension: int) -> dict[str, Any]:
    """The state before anything was seen.

    >>> ridge_initial(2)["moment"].tolist()
    [0.0, 0.0]
    """
    return {"gram": np.zeros((dimension, dimension)), "moment": np.zeros(dimension)}


def ridge_update(state: State, features: ArrayLike, targets: ArrayLike, *, decay: float = 1.0) -> dict[str, Any]:
    """The state after a batch: what was seen before counts ``decay`` as much. Features (N, d), targets (N,); no rows: unchanged.

    >>> ridge_update(ridge_initial(1), [[1.0], [1.0]], [1.0, 3.0])["moment"].tolist()
    [4.0]
    """
    x, y = np.asarray(features, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    gram, moment = (np.asarray(state[name], dtype=np.float64) for name in ("gram", "moment"))
    if not len(y):
        return {"gram": gram, "moment": moment}
    return {"gram": decay * gram + x.T @ x, "moment": decay * moment + x.T @ y}


def ridge_predict(state: State, features: ArrayLike, *, penalty: float = 1.0) -> Floats:
    """(N,) predictions x'w with w = (gram + penalty I)^-1 moment; 0 before anything was seen.

    >>> state = ridge_update(ridge_initial(1), [[1.0], [1.0]], [1.0, 3.0])
    >>> ridge_predict(state, [[1.0]], penalty=1e-9).round(3).tolist()
    [2.0]
    """
    gram = np.asarray(state["gram"], dtype=np.float64)
    weights = np.linalg.solve(gram + penalty * np.eye(len(gram)), np.asarray(state["moment"], dtype=np.float64))
    return np.asarray(np.asarray(features, dtype=np.float64) @ weights)


def random_projection(dimension: int, size: int, *, seed: int = 0) -> Floats:
    """(dimension, size) Gaussian matrix that keeps inner products on average.

    >>> random_projection(3, 2).shape
    (3, 2)
    """
    return np.asarray(np.random.default_rng(seed).normal(scale=size**-0.5, size=(dimension, size)))
