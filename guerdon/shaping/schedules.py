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
    alpha: float | None = None,
    beta: float = 0.2,
    kind: Literal["smart", "linear"] = "smart",
    warmup_steps: float = 200,
    decay_steps: float = 2000,
    floor: float = 0.02,
) -> tuple[float, float]:
    """Weights (alpha_t, beta_t) of the outcome and of other evidence, alpha_t = 1 - beta_t; both in [0, 1].

    ``smart``: beta falls to 0.75 beta along (step / warmup_steps)^1.5, then by a cosine to ``floor`` (at most beta) over
    ``decay_steps``. ``linear``: beta (1 - step / warmup_steps), 0 from there on. A negative step counts as 0, fewer than one
    smart step as one. An ``alpha`` that is not 1 - beta moves towards 1 - beta_t during the warm-up.

    Source: SubSearch 2026 (arXiv 2604.07415), released schedule.

    >>> [round(weight, 4) for weight in residual_weights(100)]
    [0.8177, 0.1823]
    """
    at, first = max(0.0, step), 1.0 - beta if alpha is None else alpha
    if kind == "linear":
        share = _progress(at, max(0.0, warmup_steps), True)
        return first + (1.0 - first) * share, beta * (1.0 - share)
    if kind != "smart":
        raise ValueError(f"kind={kind!r} is unknown; choices: smart, linear")
    warm, low = max(1.0, warmup_steps), max(0.0, min(floor, beta))
    middle = max(low, 0.75 * beta)
    if at < warm:
        share = (at / warm) ** 1.5
        weight = beta + (middle - beta) * share
        own = first + (min(1.0, max(first, 1.0 - middle)) - first) * share
    else:
        weight = cosine(at - warm, start=middle, end=low, steps=max(1.0, decay_steps))
        own = 1.0 - weight
    return min(max(own, 0.0), 1.0), min(max(weight, 0.0), 1.0)


def residual_weight(
    step: float,
    *,
    beta: float = 0.2,
    kind: Literal["smart", "linear"] = "smart",
    warmup_steps: float = 200,
    decay_steps: float = 2000,
    floor: float = 0.02,
) -> float:
    """The weight beta_t of :func:`residual_weights`.

    >>> residual_weight(0), residual_weight(9999)
    (0.2, 0.02)
    """
    return residual_weights(
        step, beta=beta, kind=kind, warmup_steps=warmup_steps, decay_steps=decay_steps, floor=floor
    )[1]


def adaptive_weight_initial() -> dict[str, Any]:
    """The state of :func:`adaptive_weight` before any outcome.

    >>> adaptive_weight_initial()
    {'ema': None, 'slope': 0.0, 'mode': 'nothing'}
    """
    return {"ema": None, "slope": 0.0, "mode": "nothing"}


def outcome_ema(outcomes: Sequence[float], state: Mapping[str, Any], *, decay: float = 0.98) -> dict[str, Any]:
    """The state after a batch of outcomes, whatever their order: ema' = d^n ema + (1 - d^n) mean, slope = (ema' - ema) / n.

    Outcomes are cut to [0, 1]; the first batch sets the EMA to its mean, with slope 0. Unscored ones (NaN) do not count.

    >>> outcome_ema([1.0, 0.0], {"ema": 0.5})["ema"], outcome_ema([1.0, 0.0], adaptive_weight_initial())["ema"]
    (0.5, 0.5)
    """
    seen = [min(max(float(outcome), 0.0), 1.0) for outcome in outcomes if not math.isnan(outcome)]
    if not seen:
        return dict(state)
    mean, last, kept = sum(seen) / len(seen), state["ema"], min(max(decay, 0.0), 0.9999) ** len(seen)
    if last is None:
        return {**state, "ema": mean, "slope": 0.0}
    ema = kept * last + (1.0 - kept) * mean
    return {**state, "ema": ema, "slope": (ema - last) / len(seen)}


def adapted_weight(
    weight: float,
    state: Mapping[str, Any],
    *,
    highest: float = 0.2,
    floor: float = 0.02,
    target: float = 0.65,
    tolerance: float = 5e-4,
    rate: float = 0.2,
    largest_step: float = 0.01,
) -> tuple[float, str]:
    """The scheduled weight of other evidence, corrected by how outcomes go; and what was done: increase, decrease or nothing.

    Low and flat (ema < target, |slope| <= tolerance) raises it by rate (target - ema) (highest - weight); high and rising
    (ema > target, slope > tolerance) lowers it by rate (ema - target) (weight - floor). The change is at most
    ``largest_step``, the result in [floor, highest]. It starts from the given weight each time. Without an EMA nothing is done.

    Source: SubSearch 2026 (arXiv 2604.07415), adaptive gate.

    >>> adapted_weight(0.15, {"ema": 0.0, "slope": 0.0})
    (0.1565, 'increase')
    """
    low, high = min(floor, highest), max(floor, highest)
    ema, slope = state["ema"], state["slope"]
    change, mode = 0.0, "nothing"
    if ema is not None and ema < target and abs(slope) <= tolerance:
        change, mode = rate * (target - ema) * (high - weight), "increase"
    elif ema is not None and ema > target and slope > tolerance:
        change, mode = -rate * (ema - target) * (weight - low), "decrease"
    limit = max(0.0, largest_step)
    return min(max(weight + min(max(change, -limit), limit), low), high), mode


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
    """:func:`adapted_weight` after one more outcome has entered the EMA; and the next state.

    Only the EMA is carried on. An unscored outcome (NaN) leaves the state as it is.

    Source: SubSearch 2026 (arXiv 2604.07415), adaptive gate, sample by sample.

    >>> adaptive_weight(0.15, 0.0, adaptive_weight_initial())
    (0.1565, {'ema': 0.0, 'slope': 0.0, 'mode': 'increase'})
    """
    if math.isnan(outcome):
        return min(max(weight, min(floor, highest)), max(floor, highest)), dict(state)
    after = outcome_ema([outcome], state, decay=decay)
    corrected, mode = adapted_weight(
        weight,
        after,
        highest=highest,
        floor=floor,
        target=target,
        tolerance=tolerance,
        rate=rate,
        largest_step=largest_step,
    )
    return corrected, {**after, "mode": mode}


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
