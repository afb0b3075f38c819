"""Numbers that depend on the training step, and weights or temperatures that follow what training shows.

A schedule is a pure function of the step. What follows results takes a state, a plain dict, and gives the next one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal


def linear(step: float, *, start: float, end: float, steps: float, clamp: bool = True) -> float:
    """start + (end - start) step / steps, held at the ends outside [0, steps] unless ``clamp`` is off.

    ``steps=0`` is a jump: ``end`` from step 0 on.

    >>> linear(5, start=0.0, end=1.0, steps=10), linear(99, start=0.0, end=1.0, steps=10)
    (0.5, 1.0)
    """
    return start + (end - start) * _progress(step, steps, clamp)


def cosine(step: float, *, start: float, end: float, steps: float) -> float:
    """end + (start - end) (1 + cos(pi step / steps)) / 2, held at the ends.

    >>> cosine(5, start=1.0, end=0.0, steps=10)
    0.5
    """
    return end + 0.5 * (start - end) * (1.0 + math.cos(math.pi * _progress(step, steps, True)))


def exponential(step: float, *, start: float, end: float, steps: float) -> float:
    """start (end / start)^(step / steps), held at the ends; both must have one sign.

    >>> exponential(5, start=1.0, end=0.01, steps=10)
    0.1
    """
    if start * end <= 0:
        raise ValueError(f"start={start} and end={end} must both be positive or both negative")
    return start * math.pow(end / start, _progress(step, steps, True))


def piecewise(step: float, *, boundaries: Sequence[float], values: Sequence[float]) -> float:
    """values[i] between boundaries: ``values[0]`` before the first, ``values[i]`` from ``boundaries[i - 1]`` on.

    >>> piecewise(29, boundaries=(30,), values=(1.0, 3.0)), piecewise(30, boundaries=(30,), values=(1.0, 3.0))
    (1.0, 3.0)
    """
    if len(values) != len(boundaries) + 1:
        raise ValueError(f"values has {len(values)} entries for {len(boundaries)} boundaries; give one more than those")
    if any(b <= a for a, b in pairwise(boundaries)):
        raise ValueError(f"boundaries={tuple(boundaries)} must increase")
    return float(values[sum(step >= boundary for boundary in boundaries)])


def warmup(step: float, *, steps: float, value: float = 1.0) -> float:
    """value min(1, step / steps): 0 at step 0, ``value`` from ``steps`` on.

    >>> warmup(5, steps=10), warmup(0, steps=0)
    (0.5, 1.0)
    """
    return value * _progress(step, steps, True)


def warmup_cosine(step: float, *, warmup_steps: float, steps: float, peak: float = 1.0, end: float = 0.0) -> float:
    """Linear from 0 to ``peak`` over ``warmup_steps``, then cosine to ``end`` at ``steps``.

    >>> [round(warmup_cosine(step, warmup_steps=10, steps=20), 3) for step in (0, 5, 10, 15, 20)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if step < warmup_steps:
        return warmup(step, steps=warmup_steps, value=peak)
    if steps <= warmup_steps:
        return peak if step <= warmup_steps else end
    return cosine(step - warmup_steps, start=peak, end=end, steps=steps - warmup_steps)


def residual_weights(
    step: float,
    *,
    alpha: float = 0.8,
    beta: float = 0.2,
    kind: Literal["smart", "linear"] = "smart",
    warmup_steps: float = 200,
    decay_steps: float = 2000,
    floor: float = 0.02,
) -> tuple[float, float]:
    """Weights (alpha_t, beta_t) of the outcome and the intermediate reward; what beta loses, alpha gains.

    ``smart``: beta falls to 0.75 beta along (step / warmup_steps)^1.5, then by a cosine to ``floor`` over ``decay_steps``.
    ``linear``: beta (1 - step / warmup_steps), 0 from there on.

    Source: SubSearch 2026 (arXiv 2604.07415), released schedule.

    >>> [round(weight, 4) for weight in residual_weights(100)]
    [0.8177, 0.1823]
    """
    if kind == "linear":
        weight = linear(step, start=beta, end=0.0, steps=warmup_steps)
    elif kind != "smart":
        raise ValueError(f"kind={kind!r} is unknown; choices: smart, linear")
    elif step < warmup_steps:
        weight = beta - 0.25 * beta * _progress(step, warmup_steps, True) ** 1.5
    else:
        weight = cosine(step - warmup_steps, start=0.75 * beta, end=floor, steps=decay_steps)
    return alpha + (beta - weight), weight


def adaptive_weight_initial() -> dict[str, Any]:
    """The state of :func:`adaptive_weight` before any outcome.

    >>> adaptive_weight_initial()
    {'ema': None, 'slope': 0.0, 'mode': 'nothing'}
    """
    return {"ema": None, "slope": 0.0, "mode": "nothing"}


def adaptive_weight(
    weight: float,
    outcome: float,
    state: Mapping[str, Any],
    *,
    highest: float = 0.2,
    floor: float = 0.02,
    target: float = 0.65,
    tolerance: float = 5e-4,
    rate: float = 0.2,
    largest_step: float = 0.01,
    decay: float = 0.98,
) -> tuple[float, dict[str, Any]]:
    """The scheduled weight of an auxiliary reward, corrected by how outcomes go; and the next state.

    ema follows the outcomes, slope is its change. Low and flat (ema < target, |slope| <= tolerance) raises the weight by
    rate (target - ema) (highest - weight); high and rising (ema > target, slope > tolerance) lowers it by
    rate (ema - target) (weight - floor). The change is at most ``largest_step``, the result in [floor, highest]. The correction
    starts from the given weight each time: only the EMA is carried on. An unscored outcome (NaN) leaves the state as it is.

    Source: SubSearch 2026 (arXiv 2604.07415), adaptive gate.

    >>> adaptive_weight(0.15, 0.0, adaptive_weight_initial())
    (0.1565, {'ema': 0.0, 'slope': 0.0, 'mode': 'increase'})
    """
    last = state["ema"]
    if math.isnan(outcome):
        return min(max(weight, floor), highest), dict(state)
    ema = outcome if last is None else decay * last + (1.0 - decay) * outcome
    slope = 0.0 if last is None else ema - last
    change, mode = 0.0, "nothing"
    if ema < target and abs(slope) <= tolerance:
        change, mode = rate * (target - ema) * (highest - weight), "increase"
    elif ema > target and slope > tolerance:
        change, mode = -rate * (ema - target) * (weight - floor), "decrease"
    change = min(max(change, -largest_step), largest_step)
    return min(max(weight + change, floor), highest), {"ema": ema, "slope": slope, "mode": mode}


def adaptive_temperature(
    base: float,
    rewards: Sequence[float],
    *,
    window: int = 3,
    slope: float = 0.02,
    cooler: float = 0.9,
    hotter: float = 1.15,
    low: float = 0.3,
    high: float = 1.2,
) -> float:
    """Sampling temperature from the trend of the mean rewards: (last - first) / window of the last ``window`` of them.

    A trend above ``slope`` gives base * cooler, one below -slope gives base * hotter, within [low, high]. It starts from ``base``
    each time, so changes do not pile up; too short a history gives ``base``.

    Source: co-author's code of Pappone et al. 2025 (arXiv 2509.13081).

    >>> round(adaptive_temperature(0.7, [0.1, 0.2, 0.4]), 3), round(adaptive_temperature(0.7, [0.4, 0.3, 0.1]), 3)
    (0.63, 0.805)
    """
    if window < 1:
        raise ValueError(f"window={window} must be at least 1")
    if len(rewards) < window:
        return base
    trend = (rewards[-1] - rewards[-window]) / window
    factor = cooler if trend > slope else hotter if trend < -slope else 1.0
    return min(max(base * factor, low), high)


def has_plateaued(rewards: Sequence[float], *, min_delta: float = 0.01, patience: int = 5, after: int = 10) -> bool:
    """Whether the best mean reward of the last ``patience`` steps is not ``min_delta`` above the best before them.

    False up to step ``after``.

    Source: co-author's code of Pappone et al. 2025 (arXiv 2509.13081).

    >>> has_plateaued([0.5] * 11), has_plateaued([0.1 * i for i in range(11)])
    (True, False)
    """
    if len(rewards) <= max(after, patience):
        return False
    return max(rewards[-patience:]) < max(rewards[:-patience]) + min_delta


def _progress(step: float, steps: float, clamp: bool) -> float:
    if steps < 0:
        raise ValueError(f"steps={steps} must not be negative")
    if steps == 0:
        return 1.0 if step >= 0 else 0.0
    share = step / steps
    return min(max(share, 0.0), 1.0) if clamp else share
