"""Constraints as a rule with state: a reward and its costs under multipliers that are learned from how often costs occur.

The equations are those of :mod:`guerdon.shaping.constraints`; here they take their options and the recent costs along.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.combine import as_terms
from guerdon.shaping.constraints import (
    Limit,
    constrained_reward,
    focus_log_reward,
    multiplier_initial,
    multiplier_update,
    multiplier_weights,
)
from guerdon.shaping.groups import Floats

State = Mapping[str, Any]


def rate_constraints(
    terms: ArrayLike,
    state: State,
    *,
    limits: Sequence[Limit],
    rate: float = 0.05,
    normalized: bool = True,
    bootstrap: int | None = None,
    initial: float = 0.02,
    window: int = 1024,
    cap: float | None = 5.0,
) -> Floats:
    """w_R r + sum_k s_k lambda_k c_k of the terms r, c_1, ..., c_K, with the weights of the state before this batch.

    Args:
        terms: the reward, then one cost in {0, 1} per limit; what should happen often is a cost with a lower limit.
        state: see :func:`rate_constraints_initial`.
        limits: per cost (low, None) or (None, high), rates.
        rate: learning rate of the multipliers, once per training batch.
        normalized, bootstrap: see :func:`guerdon.shaping.constraints.multiplier_weights`.
        initial: where the parameters start.
        window: over how many of the latest samples rates are taken.
        cap: parameters stay within [-cap, cap], against wind-up; None: no bound.

    NaN where the reward or a cost is.

    Source: Roy et al. 2022 (arXiv 2112.12228); window and cap are our defaults.

    >>> state = rate_constraints_initial([(None, 0.1)])
    >>> rate_constraints([[1.0, 1.0], [0.0, 1.0]], state, limits=[(None, 0.1)]).tolist()
    [0.5, 0.0]
    """
    t = as_terms(terms)
    if len(t) != len(limits) + 1:
        raise ValueError(f"there are {len(t)} terms for {len(limits)} limits; give the reward and one cost per limit")
    weight, signed = multiplier_weights(state, limits, normalized=normalized, bootstrap=bootstrap)
    return constrained_reward(t[0], t[1:].T, weight, signed)


def rate_constraints_initial(
    limits: Sequence[Limit], *, normalized: bool = True, initial: float = 0.02
) -> dict[str, Any]:
    """The state before anything was seen: parameters, moments, and no recent costs.

    >>> rate_constraints_initial([(None, 0.1)])["recent"].shape
    (0, 1)
    """
    recent = np.zeros((0, len(limits)))
    return {**multiplier_initial(len(limits), normalized=normalized, initial=initial), "recent": recent}


def rate_constraints_advance(
    terms: ArrayLike,
    state: State,
    *,
    limits: Sequence[Limit],
    rate: float = 0.05,
    normalized: bool = True,
    window: int = 1024,
    cap: float | None = 5.0,
) -> dict[str, Any]:
    """The state after a training batch: its costs join the recent ones, whose rates move the multipliers by one step.

    >>> state = rate_constraints_initial([(None, 0.1)])
    >>> later = rate_constraints_advance([[1.0, 1.0], [1.0, 1.0]], state, limits=[(None, 0.1)])
    >>> later["updates"], later["recent"].tolist(), bool(later["params"][1] > 0.02)
    (1, [[1.0], [1.0]], True)
    """
    costs = as_terms(terms)[1:].T
    recent = np.concatenate([np.asarray(state["recent"], dtype=np.float64), costs])[-max(window, len(costs), 1) :]
    moved = multiplier_update(state, recent, limits, rate=rate, normalized=normalized, cap=cap)
    return {**moved, "recent": recent}


def one_sided(costs: ArrayLike, limits: Sequence[Limit]) -> tuple[Floats, list[Limit]]:
    """Costs (B, K) and limits with every double bound as two constraints on one cost, the lower first.

    >>> costs, limits = one_sided([[1.0, 0.0]], [(0.2, 0.8), (None, 0.1)])
    >>> costs.tolist(), limits
    ([[1.0, 1.0, 0.0]], [(0.2, None), (None, 0.8), (None, 0.1)])
    """
    c = np.asarray(costs, dtype=np.float64)
    split: list[tuple[int, Limit]] = []
    for k, (low, high) in enumerate(limits):
        double = low is not None and high is not None
        split += [(k, (low, None)), (k, (None, high))] if double else [(k, (low, high))]
    return c[:, [k for k, _ in split]], [limit for _, limit in split]


def focus(
    terms: ArrayLike,
    *,
    directions: Sequence[Any],
    weights: ArrayLike | None = None,
    beta: float = 1.0,
    outside: float = -100.0,
    cosine: float = 0.98,
    border: float = 0.1,
) -> Floats:
    """beta ln(sum_k w_k r_k) + ln coefficient of the objectives r_1, ..., r_K near the wanted direction, ``outside`` elsewhere.

    ``directions``: one (K,) for all samples, or one each (N, K); a sample without one is NaN. See
    :func:`guerdon.shaping.constraints.focus_log_reward`.

    >>> focus([[1.0, 1.0], [1.0, 0.0]], directions=[1.0, 1.0]).round(4).tolist()
    [0.6931, -100.0]
    """
    objectives = as_terms(terms).T
    missing = [math.nan] * objectives.shape[1]
    rows = [missing if row is None else row for row in list(directions)]
    wanted = np.broadcast_to(np.asarray(rows, dtype=np.float64), objectives.shape)
    return focus_log_reward(
        objectives, wanted, weights=weights, beta=beta, outside=outside, cosine=cosine, border=border
    )
