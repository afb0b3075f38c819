"""The range of a composition, as it follows from the ranges of its terms and the options of its rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Range = tuple[float, float]
Ranges = Sequence[Range]
ANY: Range = (-math.inf, math.inf)
UNIT: Range = (0.0, 1.0)


def scaled(span: Range, weight: float) -> Range:
    """The range times a weight."""

    low, high = (weight * edge if weight else 0.0 for edge in span)
    return min(low, high), max(low, high)


def of_sum(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """Of a weighted sum; wider where unscored terms are left out."""

    spans = [scaled(span, weight) for span, weight in zip(ranges, options["weights"], strict=True)]
    if options.get("missing", "nan") != "nan":
        total = sum(abs(weight) for weight in options["weights"])
        reach = total * max((max(abs(low), abs(high)) for low, high in ranges), default=0.0)
        return -reach, reach
    return sum(low for low, _ in spans), sum(high for _, high in spans)


def of_product(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """Of a product."""

    low, high = 1.0, 1.0
    for span in ranges:
        edges = [a * b if a and b else 0.0 for a in (low, high) for b in span]
        low, high = min(edges), max(edges)
    return low, high


def hull(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """From the lowest to the highest of the terms."""

    return min(low for low, _ in ranges), max(high for _, high in ranges)


def hull_with_otherwise(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """The hull with the option ``otherwise``."""

    low, high = hull(ranges, options)
    otherwise = float(options.get("otherwise", 0.0))
    return min(low, otherwise), max(high, otherwise)


def of_mean(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """Of a mean."""

    return hull_with_otherwise(ranges, {}) if options.get("missing") == "zero" else hull(ranges, options)


def through(function: Callable[..., Any]) -> Callable[[Ranges, Mapping[str, Any]], Range]:
    """The range of a monotone transform of one term: what it makes of the two ends."""

    def span(ranges: Ranges, options: Mapping[str, Any]) -> Range:
        if not all(math.isfinite(edge) for edge in ranges[0]):
            return ANY
        ends = function(np.array(ranges[0]), **options)
        return float(np.min(ends)), float(np.max(ends))

    return span


def between_floor_and_highest(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """Between two options of an adaptive weight."""

    ends = float(options.get("floor", 0.02)), float(options.get("highest", 0.2))
    return min(ends), max(ends)


def of_residual(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """Of an outcome with evidence for what it leaves open."""

    weights = ranges[2] if len(ranges) > 2 else (float(options.get("weight", 1.0)),) * 2
    if not all(math.isfinite(edge) for edge in (*weights, *(end for span in ranges[:2] for end in span))):
        return ANY
    corners = [r + w * s * (1.0 - r) for r in ranges[0] for s in ranges[1] for w in weights]
    return min(corners), max(corners)


def of_ladder(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """Of a value with its form."""

    return UNIT if options.get("ladder", "default") == "default" else (0.0, max(1.0, ranges[0][1]))


def of_rate_constraints(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """Of a reward and its signed costs, whose weights sum to 1; a bootstrap may add to the reward's."""

    if not options.get("normalized", True):
        return ANY
    ends = [
        ranges[0],
        *(scaled(r, -1.0 if low is None else 1.0) for r, (low, _) in zip(ranges[1:], options["limits"], strict=False)),
    ]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if options.get("bootstrap") is None:
        return low, high
    return min(low, low + min(0.0, ranges[0][0])), max(high, high + max(0.0, ranges[0][1]))


def of_outcome_modulated(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """Of step rewards modulated by their outcome."""

    if not all(math.isfinite(edge) for edge in ranges[0]):
        return ANY
    factors = [
        float(options.get(name, default)) for name, default in (("right", 1.6), ("false", 0.8), ("unfinished", 0.9))
    ]
    ends = [float(options.get("malformed", -0.9)), float(options.get("answer", 2.0)), 0.0]
    reached = [edge * factor for edge in ranges[0] for factor in (*factors, 1.0)]
    return min(*reached, *ends), max(*reached, *ends)


def of_critique_reward(ranges: Ranges, options: Mapping[str, Any]) -> Range:
    """Of a verdict with its critique; without bound where a model predicts the reward."""

    process = scaled(ranges[1], float(options.get("weight_process", 0.5)))
    ends = [*ranges[0], 1.0, 1.0 + process[0], 1.0 + process[1]]
    if len(ranges) > 2:
        rule = float(options.get("weight_rule", 1.0))
        ends += [rule, math.inf] if options.get("weight_model", 0.5) > 0 else [rule]
    return min(ends), max(ends)
