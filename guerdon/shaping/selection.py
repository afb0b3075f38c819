"""Choosing among samples by their values: best of n, sampling by advantage, groups worth training on, chosen and rejected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Bools, Floats, Ints, as_values, extremes, group_index, group_std, sibling_pairs

State = Mapping[str, Any]


def best_of_n(values: ArrayLike) -> int:
    """Position of the largest scored value, the first on ties.

    Raises:
        ValueError: no scored value.

    >>> best_of_n([0.2, 0.9, 0.9, float("nan")])
    1
    """
    v = as_values(values)
    if not (~np.isnan(v)).any():
        raise ValueError("values holds no scored sample to choose from")
    return int(np.nanargmax(v))


def best_of_n_kl_bound(n: int) -> float:
    """ln n - (n - 1) / n: the most that choosing the best of n can move the policy from the sampler, in nats.

    >>> round(best_of_n_kl_bound(4), 6)
    0.636294
    """
    if n < 1:
        raise ValueError(f"n={n} must be at least 1")
    return math.log(n) - (n - 1) / n


def selection_probabilities(values: ArrayLike, *, temperature: float) -> Floats:
    """softmax(v / temperature) over the scored values; all on the first largest for a temperature of 0 or below. NaN: chance 0.

    Source: SLATE 2026 (arXiv 2602.23440), selection of the surviving candidate.

    >>> selection_probabilities([1.0, 1.0, float("nan")], temperature=0.7).tolist()
    [0.5, 0.5, 0.0]
    """
    v = as_values(values)
    if not (~np.isnan(v)).any():
        raise ValueError("values holds no scored sample to choose from")
    if temperature <= 0:
        return np.asarray(np.arange(len(v)) == int(np.nanargmax(v)), dtype=np.float64)
    z = np.where(np.isnan(v), -np.inf, v)
    odds = np.exp((z - z.max()) / temperature)
    return np.asarray(odds / odds.sum())


def best_and_worst(values: ArrayLike, groups: ArrayLike, *, margin: float = 0.0) -> Ints:
    """(M, 2) positions of the best and the worst scored sample of each group that differ by more than ``margin``.

    In the order of the group numbers; the first on ties.

    >>> best_and_worst([0.1, 0.9, 0.5, 0.5, 0.5], [0, 0, 0, 1, 1]).tolist()
    [[1, 0]]
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    low, high = extremes(v, index, count)
    with np.errstate(invalid="ignore"):
        kept = np.flatnonzero(high - low > margin)
    best, worst = (_first_where(v == edge[index], index, count) for edge in (high, low))
    return np.stack([best[kept], worst[kept]], axis=1)


def chosen_and_rejected(values: ArrayLike, *, margin: float = 0.0) -> dict[str, int] | None:
    """Positions of the best and the worst scored sample, the first on ties; None where they differ by no more than ``margin``.

    >>> chosen_and_rejected([0.4, 0.4, 0.1]), chosen_and_rejected([0.4]), chosen_and_rejected([0.3, 0.3])
    ({'chosen': 0, 'rejected': 2}, None, None)
    """
    pairs = best_and_worst(values, np.zeros(np.size(values), dtype=np.int64), margin=margin).tolist()
    return {"chosen": pairs[0][0], "rejected": pairs[0][1]} if pairs else None


def ordered_pairs(values: ArrayLike, groups: ArrayLike, *, margin: float = 0.0) -> Ints:
    """(M, 2) positions (better, worse) of all pairs within a group whose values differ by more than ``margin``.

    >>> ordered_pairs([0.1, 0.9, 0.5], [0, 0, 0]).tolist()
    [[1, 0], [1, 2], [2, 0]]
    """
    v = as_values(values)
    group_index(groups, len(v))
    better, worse = sibling_pairs(groups, ~np.isnan(v))
    kept = v[better] - v[worse] > margin
    return np.stack([better[kept], worse[kept]], axis=1)


def by_difficulty(
    values: ArrayLike, count: int, *, mode: Literal["hard", "easy", "medium", "random"] = "hard", seed: int = 42
) -> Ints:
    """Positions of ``count`` prompts by the score of the policy's first answers, listed from high to low score: a stable sort.

    ``hard``: the lowest scores, ``easy``: the highest, ``medium``: the slice from (n - count) // 2 of the ascending order,
    ``random``: drawn without replacement. All scored prompts where ``count`` is at least n.

    Source: BLEUBERI 2025 (arXiv 2505.11080), difficulty selection.

    >>> by_difficulty([0.5, 0.1, 0.9, 0.3], 2).tolist()
    [3, 1]
    """
    v = as_values(values)
    if mode not in ("hard", "easy", "medium", "random"):
        raise ValueError(f"mode={mode!r} is unknown; choices: hard, easy, medium, random")
    scored = np.flatnonzero(~np.isnan(v))
    n = len(scored)
    ascending = scored[np.argsort(v[scored], kind="stable")]
    if count >= n:
        picked = scored
    elif mode == "random":
        picked = scored[np.random.RandomState(seed).choice(n, size=max(count, 0), replace=False)]
    else:
        start = {"hard": 0, "easy": n - count, "medium": (n - count) // 2}[mode]
        picked = np.sort(ascending[start : start + max(count, 0)])
    return np.asarray(picked[np.argsort(-v[picked], kind="stable")], dtype=np.int64)


# -- groups whose spread is worth an update ---------------------------------------------------------------------------


def spread_filter_initial() -> dict[str, Any]:
    """The state of :func:`spread_filter` before the first step.

    >>> spread_filter_initial()
    {'step': 0, 'ema': None}
    """
    return {"step": 0, "ema": None}


def spread_filter(
    values: ArrayLike, groups: ArrayLike, state: State, *, share: float = 0.5, after: int = 10, ddof: int = 1
) -> Bools:
    """Which samples belong to a group whose reward std is at least ``share`` of the running mean of stds.

    All, until ``after`` steps are over. The group's std is of raw rewards, before constant format terms.

    Source: RLPR 2025 (arXiv 2506.18254), filtering by the standard deviation.

    >>> spread_filter([0.0, 1.0, 0.5, 0.5], [0, 0, 1, 1], {"step": 11, "ema": 0.5}).tolist()
    [True, True, False, False]
    """
    std = group_std(values, groups, ddof=ddof)
    if state["ema"] is None or state["step"] <= after - 1:
        return np.ones(len(std), dtype=bool)
    return np.asarray(~(std < share * float(state["ema"])))


def spread_filter_update(
    state: State, values: ArrayLike, groups: ArrayLike, *, decay: float = 0.99, start: int = 6, ddof: int = 1
) -> dict[str, Any]:
    """The state after a batch: ema = decay ema + (1 - decay) mean std of its groups, from step ``start`` on.

    >>> spread_filter_update({"step": 5, "ema": None}, [0.0, 1.0], [0, 0], ddof=0)
    {'step': 6, 'ema': 0.5}
    """
    v = as_values(values)
    index, count = group_index(groups, len(v))
    std = group_std(v, groups, ddof=ddof)[_first_where(np.ones(len(v), dtype=bool), index, count)] if count else v[:0]
    step, ema = int(state["step"]) + 1, state["ema"]
    std = std[~np.isnan(std)]
    if step >= start and std.size:
        spread = float(std.mean())
        ema = spread if ema is None else decay * float(ema) + (1.0 - decay) * spread
    return {"step": step, "ema": ema}


def _first_where(found: Bools, index: Ints, count: int) -> Ints:
    first = np.full(count, len(index), dtype=np.int64)
    rows = np.flatnonzero(found)
    np.minimum.at(first, index[rows], rows)
    return first
