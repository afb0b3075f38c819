"""Where a reward goes: from turns to tokens, from an outcome to the steps before it, and from steps to one number.

Each function works on one sample: values (K,) of its steps, token vectors (T,).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, Ints, as_values


def place_at(values: ArrayLike, positions: ArrayLike, length: int) -> Floats:
    """(length,) zeros with each value added at its position; values at one position add up.

    Raises:
        ValueError: not one position per value, or one outside [0, length).

    >>> place_at([0.5, 1.0], [1, 3], 5).tolist()
    [0.0, 0.5, 0.0, 1.0, 0.0]
    """
    v = as_values(values)
    at = np.asarray(positions, dtype=np.int64).reshape(-1)
    if len(at) != len(v):
        raise ValueError(f"positions has {len(at)} entries for {len(v)} values; give one per value")
    if at.size and (at.min() < 0 or at.max() >= length):
        raise ValueError(f"positions {at.tolist()} must lie in [0, {length})")
    tokens = np.zeros(length)
    np.add.at(tokens, at, v)
    return tokens


def place_at_ends(values: ArrayLike, mask: ArrayLike) -> Floats:
    """(T,) zeros with the k-th value at the k-th 1 of the mask, which marks the last token of each turn.

    With fewer values than marks the last marks stay 0.

    Raises:
        ValueError: more values than marks.

    >>> place_at_ends([0.5, 1.0], [0, 0, 1, 0, 1, 0, 0, 1]).tolist()
    [0.0, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0]
    """
    v, marks = as_values(values), np.flatnonzero(np.asarray(mask))
    if len(v) > len(marks):
        raise ValueError(f"mask marks {len(marks)} turn ends for {len(v)} values")
    return place_at(v, marks[: len(v)], len(np.asarray(mask)))


def place_on_spans(values: ArrayLike, spans: ArrayLike, length: int, *, split: bool = False) -> Floats:
    """(length,) zeros with each value on every token of its span [start, end); ``split`` shares it out, so that the sum is kept.

    A value of an empty span is lost, unless ``split``: then it is an error.

    >>> place_on_spans([1.0, 4.0], [(0, 1), (1, 3)], 4).tolist()
    [1.0, 4.0, 4.0, 0.0]
    >>> place_on_spans([1.0, 4.0], [(0, 1), (1, 3)], 4, split=True).tolist()
    [1.0, 2.0, 2.0, 0.0]
    """
    v = as_values(values)
    edges: Ints = np.asarray(spans, dtype=np.int64).reshape(-1, 2)
    if len(edges) != len(v):
        raise ValueError(f"spans has {len(edges)} rows for {len(v)} values; give one per value")
    tokens = np.zeros(length)
    for value, (start, end) in zip(v.tolist(), edges.tolist(), strict=True):
        if not 0 <= start <= end <= length or (split and start == end):
            raise ValueError(f"span {(start, end)} must be ordered within [0, {length}]{' and not empty' * split}")
        tokens[start:end] += value / (end - start) if split else value
    return tokens


def place_turns(process: ArrayLike, outcome: float, turn_ends: ArrayLike, *, valid_length: int | None = None) -> Floats:
    """(T,) token rewards: process rewards at the ends of the turns before the last, the outcome at the last valid token.

    ``turn_ends`` (T,) is 1 at the last token of each turn. Add :func:`renorm` first to centre them.

    Raises:
        ValueError: more process rewards than turns before the last.

    Source: PPR 2025 (arXiv 2509.25598).

    >>> place_turns([0.75], 1.0, [0, 1, 0, 1, 0, 0], valid_length=4).tolist()
    [0.0, 0.75, 0.0, 1.0, 0.0, 0.0]
    """
    marks = np.asarray(turn_ends).reshape(-1)
    length = len(marks) if valid_length is None else valid_length
    if not 0 < length <= len(marks):
        raise ValueError(f"valid_length={valid_length} must lie in [1, {len(marks)}], the number of tokens")
    before = marks.copy()
    before[np.flatnonzero(marks)[-1:]] = 0
    tokens = place_at_ends(process, before)
    tokens[length - 1] += outcome
    return tokens


def broadcast(value: float, mask: ArrayLike) -> Floats:
    """The value on every token of the mask (what the policy wrote), 0 elsewhere.

    >>> broadcast(0.5, [1, 1, 0, 1]).tolist()
    [0.5, 0.5, 0.0, 0.5]
    """
    return np.asarray(np.where(np.asarray(mask).astype(bool), value, 0.0))


def renorm(
    process: ArrayLike, outcome: float, *, mu: float = 1.0, invalid: Literal["nan", "zero", "skip"] = "nan"
) -> Floats:
    """(K,) rewards of K - 1 turns and the answer: p_k + outcome - mu, then the outcome itself.

    With p and outcome in [0, 1] and mu 1, no turn of a failed trajectory earns more than 0 and none of a solved one less. A turn
    without a valid process reward (NaN) stays NaN; ``"zero"`` counts it as p = 0, as the release does; ``"skip"`` gives it 0.

    Source: PPR 2025 (arXiv 2509.25598), ReNorm.

    >>> renorm([1.0, 0.8], 0.0).round(6).tolist()
    [0.0, -0.2, 0.0]
    """
    if invalid not in ("nan", "zero", "skip"):
        raise ValueError(f"invalid={invalid!r} is unknown; choices: nan, zero, skip")
    p = as_values(process, "process")
    filled = np.where(np.isnan(p), 0.0, p) if invalid == "zero" else p
    turns = filled + outcome - mu
    if invalid == "skip":
        turns = np.where(np.isnan(p), 0.0, turns)
    return np.append(turns, outcome)


def turn_rewards(
    process: ArrayLike,
    outcome: float,
    turn_ends: ArrayLike,
    *,
    valid_length: int | None = None,
    mu: float | None = 1.0,
    invalid: Literal["nan", "zero", "skip"] = "nan",
    variant: Literal["default", "official"] = "default",
) -> Floats:
    """(T,) token rewards: :func:`renorm` at the ends of the turns before the last, the outcome at the last valid token.

    ``turn_ends`` (T,) is 1 at the last token of each turn; ``mu=None`` places the process rewards as they are.
    ``variant="official"`` counts invalid and missing process rewards as 0, and the outcome as 0 within :func:`renorm` where the
    last turn does not end at the last valid token, as the release does.

    Raises:
        ValueError: not one process reward per turn before the last (official: more than that), or a wrong ``valid_length``.

    Source: PPR 2025 (arXiv 2509.25598), released code.

    >>> turn_rewards([0.75], 1.0, [0, 1, 0, 1, 0]).tolist()
    [0.0, 0.75, 0.0, 0.0, 1.0]
    >>> turn_rewards([0.75], 1.0, [0, 1, 0, 1, 0], variant="official").tolist()
    [0.0, -0.25, 0.0, 0.0, 1.0]
    """
    p, marks = as_values(process, "process"), np.asarray(turn_ends).reshape(-1)
    ends = np.flatnonzero(marks)
    turns, length = max(len(ends) - 1, 0), len(marks) if valid_length is None else valid_length
    seen = outcome
    if variant == "official":
        p = np.append(np.nan_to_num(p, nan=0.0), np.zeros(max(0, turns - len(p))))
        seen = outcome if len(ends) and ends[-1] == length - 1 else 0.0
    if len(p) != turns:
        raise ValueError(f"process has {len(p)} rewards for {turns} turns before the last; give one per turn")
    if mu is not None:
        p = renorm(p, seen, mu=mu, invalid=invalid)[:-1]
    return place_turns(p, outcome, marks, valid_length=length)


def rewards_to_go(rewards: ArrayLike, *, gamma: float = 1.0) -> Floats:
    """sum_{s >= t} gamma^(s - t) r_s for every t.

    >>> rewards_to_go([1.0, 0.0, 4.0], gamma=0.5).tolist()
    [2.0, 2.0, 4.0]
    """
    r = as_values(rewards, "rewards")
    if gamma == 1.0:
        return np.asarray(np.cumsum(r[::-1])[::-1])
    result, later = np.zeros(len(r)), 0.0
    for t in range(len(r) - 1, -1, -1):
        later = r[t] + gamma * later
        result[t] = later
    return result


def discount_back(outcome: float, count: int, *, gamma: float = 1.0) -> Floats:
    """gamma^(K - 1 - k) outcome for each of K steps: the last gets all, earlier ones less.

    >>> discount_back(1.0, 3, gamma=0.5).tolist()
    [0.25, 0.5, 1.0]
    """
    return np.asarray(outcome * gamma ** np.arange(count - 1, -1, -1, dtype=np.float64))


def redistribute(outcome: float, attention: ArrayLike, *, mix: float = 1.0) -> Floats:
    """outcome a_t / sum a per step, the rest (1 - mix) on the last; the sum is kept. Without any attention: all on the last.

    Raises:
        ValueError: negative attention, no step, or ``mix`` outside [0, 1].

    Source: Chan et al. 2024 (arXiv 2402.00782), attention-based redistribution.

    >>> redistribute(2.0, [1.0, 3.0]).tolist()
    [0.5, 1.5]
    """
    a = as_values(attention, "attention")
    if not a.size or np.any(a < 0):
        raise ValueError(f"attention={a.tolist()} must hold at least one step and nothing negative")
    if not 0.0 <= mix <= 1.0:
        raise ValueError(f"mix={mix} must lie in [0, 1]")
    total = float(a.sum())
    shares = a / total if total > 0 else np.append(np.zeros(len(a) - 1), 1.0)
    rewards = mix * outcome * shares
    rewards[-1] += (1.0 - mix) * outcome
    return np.asarray(rewards)


def rollout_values(successes: ArrayLike, rollouts: ArrayLike, *, hard: bool = False) -> Floats:
    """Value of a step from K continuations sampled after it: successes / K, or with ``hard`` whether any succeeded.

    NaN without continuations.

    >>> rollout_values([2, 0], [8, 8]).tolist(), rollout_values([2, 0], [8, 8], hard=True).tolist()
    ([0.25, 0.0], [1.0, 0.0])
    """
    s, k = np.asarray(successes, dtype=np.float64), np.asarray(rollouts, dtype=np.float64)
    if np.any(s > k) or np.any(s < 0):
        raise ValueError(f"successes={s.tolist()} must lie between 0 and rollouts={k.tolist()}")
    shares = s / np.where(k > 0, k, np.nan)
    return np.asarray(np.where(np.isnan(shares), np.nan, (shares > 0).astype(np.float64)) if hard else shares)


def reduce_steps(
    values: ArrayLike,
    how: Literal["sum", "mean", "min", "max", "last", "product", "discounted"] = "sum",
    *,
    gamma: float = 1.0,
) -> float:
    """Steps to one number; ``discounted`` is sum_k gamma^k v_k. NaN where a step is.

    No steps: 0 for sums, 1 for the product, NaN for the rest.

    >>> reduce_steps([1.0, 0.5], "product"), reduce_steps([1.0, 0.5], "discounted", gamma=0.5)
    (0.5, 1.25)
    """
    v = as_values(values)
    if how == "sum":
        return float(v.sum())
    if how == "product":
        return float(v.prod())
    if how == "discounted":
        return float((v * gamma ** np.arange(len(v), dtype=np.float64)).sum())
    if how not in ("mean", "min", "max", "last"):
        raise ValueError(f"how={how!r} is unknown; choices: sum, mean, min, max, last, product, discounted")
    if not v.size:
        return float("nan")
    return float({"mean": v.mean(), "min": v.min(), "max": v.max(), "last": v[-1]}[how])
