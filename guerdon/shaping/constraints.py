"""Rates as limits instead of weights: multipliers that are learned, and a region of reward directions to stay in.

A constraint says how often a cost may occur: E[c_k] <= high or >= low, with c_k in {0, 1} per sample, so that a limit is a
rate one can state ("at most 1 % of answers overrun"). State is a plain dict; nothing given is changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Bools, Floats, as_values

State = Mapping[str, Any]
Limit = tuple[float | None, float | None]


def limit_signs(limits: Sequence[Limit]) -> tuple[Floats, Floats]:
    """Per constraint its sign, +1 for a lower and -1 for an upper limit, and the limit.

    Raises:
        ValueError: both or neither end given; two limits on one cost are two constraints.

    >>> [array.tolist() for array in limit_signs([(None, 0.1), (0.99, None)])]
    [[-1.0, 1.0], [0.1, 0.99]]
    """
    for k, (low, high) in enumerate(limits):
        if (low is None) == (high is None):
            raise ValueError(
                f"limits[{k}]={(low, high)} must have one of (low, None) and (None, high); give two constraints"
            )
    signs = [-1.0 if low is None else 1.0 for low, _ in limits]
    return np.array(signs), np.array([high if low is None else low for low, high in limits], dtype=np.float64)


def multiplier_initial(count: int, *, normalized: bool = True, initial: float = 0.02) -> dict[str, Any]:
    """The state of the multipliers of ``count`` constraints: parameters and the moments of Adam.

    Normalised multipliers have one parameter more, the first, for the reward.

    >>> multiplier_initial(2)["params"].tolist()
    [0.02, 0.02, 0.02]
    """
    if count < 1:
        raise ValueError(f"count={count} must be at least 1")
    size = count + 1 if normalized else count
    return {"params": np.full(size, float(initial)), "m": np.zeros(size), "v": np.zeros(size), "updates": 0}


def multiplier_weights(
    state: State, limits: Sequence[Limit], *, normalized: bool = True, bootstrap: int | None = None
) -> tuple[float, Floats]:
    """Weight of the reward, and the signed weight s_k lambda_k of every cost.

    Normalised: lambda = softmax(params)[1:] and w_R = 1 - sum lambda, so that the effective reward stays bounded. Otherwise
    lambda = max(params, 0) and w_R = 1. ``bootstrap`` is the constraint, a lower limit on success, that lends the reward its
    weight: w_R = max(lambda_bootstrap, 1 - sum lambda).

    Source: Roy et al. 2022 (arXiv 2112.12228), direct behaviour specification.

    >>> weight, costs = multiplier_weights(multiplier_initial(1), [(None, 0.1)])
    >>> weight, costs.tolist()
    (0.5, [-0.5])
    """
    signs, _ = limit_signs(limits)
    params = _params(state, limits, normalized)
    if not normalized:
        return 1.0, signs * np.maximum(params, 0.0)
    shares = _softmax(params)
    weight, multipliers = float(shares[0]), shares[1:]
    if bootstrap is not None:
        if not 0 <= bootstrap < len(signs):
            raise ValueError(f"bootstrap={bootstrap} must be the index of one of {len(signs)} constraints")
        weight = max(float(multipliers[bootstrap]), weight)
    return weight, signs * multipliers


def multiplier_update(
    state: State,
    costs: ArrayLike,
    limits: Sequence[Limit],
    *,
    rate: float,
    normalized: bool = True,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-5,
    cap: float | None = None,
) -> dict[str, Any]:
    """The state after one Adam step down sum_k s_k lambda_k (mean cost_k - limit_k), from costs (B, K).

    A violated limit gains weight, a kept one loses it. Unscored costs (NaN) are left out of the mean; a cost never scored moves
    nothing. An unnormalised multiplier that is at 0 is not pushed further down, so it comes back at once when needed. ``cap``
    keeps parameters within [-cap, cap] against wind-up.

    Source: Roy et al. 2022 (arXiv 2112.12228).

    >>> state = multiplier_update(multiplier_initial(1), [[1.0], [0.0], [1.0], [1.0]], [(None, 0.1)], rate=0.1)
    >>> round(multiplier_weights(state, [(None, 0.1)])[0], 4)
    0.4502
    """
    signs, bounds = limit_signs(limits)
    params = _params(state, limits, normalized)
    c = np.asarray(costs, dtype=np.float64)
    if c.ndim != 2 or c.shape[1] != len(signs):
        raise ValueError(f"costs has shape {c.shape} for {len(signs)} constraints; give one column per constraint")
    scored = ~np.isnan(c)
    n = scored.sum(axis=0)
    gaps = np.where(n > 0, np.where(scored, c, 0.0).sum(axis=0) / np.maximum(n, 1) - bounds, 0.0)
    slopes = signs * gaps
    if normalized:
        shares = _softmax(params)
        full = np.append(0.0, slopes)
        gradient = shares * (full - float(shares @ full))
    else:
        gradient = np.where((params <= 0.0) & (slopes > 0.0), 0.0, slopes)
    updates = int(state["updates"]) + 1
    m = betas[0] * np.asarray(state["m"]) + (1.0 - betas[0]) * gradient
    v = betas[1] * np.asarray(state["v"]) + (1.0 - betas[1]) * gradient**2
    moved = (m / (1.0 - betas[0] ** updates)) / (np.sqrt(v / (1.0 - betas[1] ** updates)) + eps)
    params = params - rate * moved
    return {"params": params if cap is None else np.clip(params, -cap, cap), "m": m, "v": v, "updates": updates}


def constrained_reward(values: ArrayLike, costs: ArrayLike, reward_weight: float, cost_weights: ArrayLike) -> Floats:
    """w_R r + sum_k w_k c_k with the signed weights of :func:`multiplier_weights`; NaN where the reward or a cost is.

    >>> constrained_reward([1.0, 1.0], [[0.0], [1.0]], 0.5, [-0.5]).tolist()
    [0.5, 0.0]
    """
    v, c = as_values(values), np.asarray(costs, dtype=np.float64)
    w = np.asarray(cost_weights, dtype=np.float64)
    if c.shape != (len(v), len(w)):
        raise ValueError(f"costs has shape {c.shape} for {len(v)} values and {len(w)} weights; give shape (N, K)")
    return np.asarray(reward_weight * v + c @ w)


def focus_coefficient(
    rewards: ArrayLike, directions: ArrayLike, *, cosine: float = 0.98, border: float = 0.1
) -> tuple[Floats, Bools]:
    """How well reward vectors (B, K) point along wanted directions (B, K): coefficient in [0, 1], and whether inside the region.

    cos^g with g = ln(border) / ln(cosine) where the cosine similarity is at least ``cosine``, else 0: 1 on the axis, ``border`` at
    the edge (1 makes the region hard). A zero vector is outside. NaN where a reward is.

    Raises:
        ValueError: ``cosine`` outside (0, 1), ``border`` outside (0, 1].

    Source: Roy et al. 2023 (arXiv 2306.04620), goal-conditioned focus region.

    >>> focus_coefficient([[1.0, 1.0], [1.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]])[0].round(6).tolist()
    [1.0, 0.0]
    """
    if not 0.0 < cosine < 1.0:
        raise ValueError(f"cosine={cosine} must lie in (0, 1)")
    if not 0.0 < border <= 1.0:
        raise ValueError(f"border={border} must lie in (0, 1]")
    r, d = np.asarray(rewards, dtype=np.float64), np.asarray(directions, dtype=np.float64)
    length = np.linalg.norm(r, axis=-1) * np.linalg.norm(d, axis=-1)
    alike = np.where(length > 0, (r * d).sum(axis=-1) / np.where(length > 0, length, 1.0), 0.0)
    alike = np.minimum(np.where(np.isnan(length), np.nan, alike), 1.0)
    inside = alike >= cosine
    exponent = math.log(border) / math.log(cosine)
    coefficient = np.where(inside, np.where(inside, alike, 1.0) ** exponent, 0.0)
    return np.where(np.isnan(alike), np.nan, coefficient), np.asarray(inside)


def focus_log_reward(
    rewards: ArrayLike,
    directions: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    beta: float = 1.0,
    outside: float = -100.0,
    cosine: float = 0.98,
    border: float = 0.1,
) -> Floats:
    """beta ln(sum_k w_k r_k) + ln coefficient inside the focus region, ``outside`` elsewhere. Weights are 1 unless given.

    Source: Roy et al. 2023 (arXiv 2306.04620).

    >>> focus_log_reward([[1.0, 1.0], [1.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]).round(4).tolist()
    [0.6931, -100.0]
    """
    r = np.asarray(rewards, dtype=np.float64)
    coefficient, inside = focus_coefficient(r, directions, cosine=cosine, border=border)
    size = (r * (1.0 if weights is None else np.asarray(weights, dtype=np.float64))).sum(axis=-1)
    good = inside & (size > 0)
    logs = beta * np.log(np.where(good, size, 1.0)) + np.log(np.where(good, coefficient, 1.0))
    return np.asarray(np.where(np.isnan(coefficient), np.nan, np.where(good, logs, outside)))


def _params(state: State, limits: Sequence[Limit], normalized: bool) -> Floats:
    params = np.asarray(state["params"], dtype=np.float64)
    if len(params) != len(limits) + normalized:
        raise ValueError(
            f"the state has {len(params)} parameters for {len(limits)} limits with normalized={normalized}; "
            "start with multiplier_initial of the same"
        )
    return params


def _softmax(params: Floats) -> Floats:
    odds = np.exp(params - params.max())
    return np.asarray(odds / odds.sum())
