"""Rules: the registered pure functions by which :class:`~guerdon.combine.Combine` makes one value of its terms.

The functions live in ``guerdon.shaping``; a :class:`Rule` says how many terms one takes, what else it must be given, which
range follows, and what it does to step rewards.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import guerdon.rule_ranges as spans
from guerdon.errors import CompositionError, closest
from guerdon.rule_ranges import ANY, UNIT, Range, Ranges
from guerdon.scores import Floats
from guerdon.shaping import advantages, combine, credit, length, normalize, schedules, transforms
from guerdon.shaping.adaptive_weight import adaptive_weights, adaptive_weights_in_order, outcome_ema_in_order
from guerdon.shaping.critique_rewards import critique_plan, critique_reward
from guerdon.shaping.gain import gain_range, shape_gain
from guerdon.shaping.missing import missing_as
from guerdon.shaping.pairwise import rank_rewards
from guerdon.shaping.rate_constraints import (
    focus,
    rate_constraints,
    rate_constraints_advance,
    rate_constraints_initial,
)
from guerdon.shaping.residual import format_ladder, residual
from guerdon.shaping.step_outcome import Mode
from guerdon.shaping.step_outcome import outcome_modulated as modulated


@dataclass(frozen=True)
class Rule:
    """One way to make (N,) values of terms.

    Attributes:
        function: ``f(values (N,), **options)`` for a transform, ``f(terms (K, N), **options)`` otherwise.
        transform: whether it takes exactly one term.
        groups: whether the function is given ``groups``; the composition is then tied to ``"group"``.
        batch: whether values depend on the whole batch.
        span: (ranges of the terms, options) -> range of the result.
        steps: what becomes of step rewards: ``"linear"`` acts on each and lets scalar terms join the last, ``"choose"`` takes
            those of the chosen term, ``"each"`` may be applied step by step on request, ``"rewrite"`` makes new steps of the first
            term's: ``f((steps (S,), values of the other terms (K - 1,)), **options) -> (S,)`` sample by sample, ``""`` has no
            meaning on steps.
        choose: for ``"choose"``: (terms, options) -> (N,) index of the chosen term, -1 none, -2 unscored.
        plan: (k, terms so far, options) -> (N,) which rows of term k are needed; absent: all.
        sequential: whether the plan of a term waits for the terms before it.
        spread: (terms, options) -> (N,) uncertainty the rule itself brings.
        initial, advance: for rules with state: (options) -> state, (values or terms, state, options) -> state.
    """

    name: str
    function: Callable[..., Any]
    transform: bool = True
    groups: bool = False
    batch: bool = False
    span: Callable[[Ranges, Mapping[str, Any]], Range] = lambda ranges, options: ANY
    steps: Literal["linear", "choose", "each", "rewrite", ""] = "each"
    choose: Callable[..., NDArray[np.int64]] | None = None
    plan: Callable[..., NDArray[np.bool_]] | None = None
    sequential: bool = True
    spread: Callable[..., Floats] | None = None
    initial: Callable[..., dict[str, Any]] | None = None
    advance: Callable[..., dict[str, Any]] | None = None

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """The options a user may give."""
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        return {p.name: p for p in parameters if p.name not in {"groups", "state"}}

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise where an option is unknown or a needed one is missing."""
        known = self.options
        for name in options:
            if name not in known:
                raise CompositionError(
                    f"rule {self.name!r} has no option {name!r}; {closest(name, known) if known else 'it takes none'}"
                )
        for name, parameter in known.items():
            if parameter.default is parameter.empty and name not in options:
                raise CompositionError(f"rule {self.name!r} needs {name}=...")


RULES: dict[str, Rule] = {}


def register_rule(rule: Rule) -> Rule:
    """Enter a rule under its name, so that compositions and specifications can use it.

    Raises:
        CompositionError: the name is taken.
    """
    if RULES.get(rule.name, rule) is not rule:
        raise CompositionError(f"rule {rule.name!r} is already registered")
    RULES[rule.name] = rule
    return rule


def find_rule(name: str) -> Rule:
    """The rule of a name.

    >>> find_rule("clip").transform
    True
    """
    try:
        return RULES[name]
    except KeyError:
        raise CompositionError(f"rule {name!r} is not registered; {closest(str(name), RULES)}") from None


# -- rules that choose a term -----------------------------------------------------------------------------------------


def _gate_choice(terms: Floats, *, at_least: float = 0.5, otherwise: float = 0.0) -> NDArray[np.int64]:
    condition = terms[0]
    return np.where(np.isnan(condition), -2, np.where(condition >= at_least, 1, -1))


def _gate_plan(k: int, terms: Floats, size: int, *, at_least: float = 0.5, otherwise: float = 0.0) -> NDArray[np.bool_]:
    return np.ones(size, dtype=bool) if k == 0 else np.asarray(terms[0] >= at_least)


def _routed(keys: Sequence[Any], routes: Sequence[Any], default: Any) -> list[Any]:
    known = frozenset(routes)
    return [key if key in known else default for key in keys]


def _route_choice(
    terms: Floats, *, keys: Sequence[Any], routes: Sequence[Any], default: Any = None
) -> NDArray[np.int64]:
    index = {route: k for k, route in enumerate(routes)}
    return np.array([index.get(key, -2) for key in _routed(keys, routes, default)], dtype=np.int64)


def _route_plan(
    k: int, terms: Floats, size: int, *, keys: Sequence[Any], routes: Sequence[Any], default: Any = None
) -> NDArray[np.bool_]:
    return np.array([key == routes[k] for key in _routed(keys, routes, default)], dtype=bool)


def route(terms: Floats, *, keys: Sequence[Any], routes: Sequence[Any], default: Any = None) -> Floats:
    """The term whose route equals the sample's key; where no route has it, that of ``default``, NaN without one."""
    choice = _route_choice(terms, keys=keys, routes=routes, default=default)
    picked = terms[np.maximum(choice, 0), np.arange(terms.shape[1])]
    return np.where(choice < 0, np.nan, picked)


def _first_choice(terms: Floats) -> NDArray[np.int64]:
    scored = ~np.isnan(terms)
    return np.where(scored.any(axis=0), scored.argmax(axis=0), -2)


def _first_plan(k: int, terms: Floats, size: int) -> NDArray[np.bool_]:
    return np.ones(size, dtype=bool) if k == 0 else np.asarray(np.isnan(terms[:k]).all(axis=0))


def gate(terms: Floats, *, at_least: float = 0.5, otherwise: float = 0.0) -> Floats:
    """The second term where the first reaches ``at_least``, elsewhere ``otherwise``; NaN where the first is NaN."""
    return combine.gate(terms[0], terms[1], at_least=at_least, otherwise=otherwise)


def soft_gate(terms: Floats, *, center: float = 0.5, sharpness: float = 10.0) -> Floats:
    """The second term times a sigmoid of the first."""
    return combine.soft_gate(terms[0], terms[1], center=center, sharpness=sharpness)


def renorm(terms: tuple[Floats, Floats], *, mu: float = 1.0, invalid: Literal["nan", "zero", "skip"] = "nan") -> Floats:
    """Process rewards of the steps before the last, each plus the outcome minus ``mu``; the last step is worth the outcome."""
    steps, others = terms
    return credit.renorm(steps[:-1], float(others[0]), mu=mu, invalid=invalid)


def outcome_modulated(
    terms: tuple[Floats, Floats],
    *,
    mode: Mode = "prm_orm",
    right: float = 1.6,
    false: float = 0.8,
    unfinished: float = 0.9,
    malformed: float = -0.9,
    answer: float = 2.0,
    digits: int | None = None,
) -> Floats:
    """Steps multiplied by how the trajectory ended; other terms: whether it is correct, and 1 answered, 0 not, -1 malformed."""
    steps, (correct, end) = terms
    factors = {"right": right, "false": false, "unfinished": unfinished, "malformed": malformed, "answer": answer}
    if end == 0:
        return modulated(steps, "fail", mode=mode, digits=digits, **factors)
    return modulated(steps[:-1], "done" if end > 0 else "wrong", float(correct), mode=mode, digits=digits, **factors)


def minus(values: Floats, *, reference: Any) -> Floats:
    """The value minus a reference, a number or one per sample."""
    return np.asarray(values - np.asarray(reference, dtype=np.float64))


def group_length_penalty(
    terms: Floats,
    groups: NDArray[np.int64],
    *,
    largest: float = 0.5,
    tolerance: float = 0.5,
    side: Literal["both", "long", "short"] = "both",
) -> Floats:
    """What the first term (a length) costs beside the lengths of the siblings that the second term calls correct."""
    return length.group_length_penalty(terms[0], terms[1], groups, largest=largest, tolerance=tolerance, side=side)


def adaptive_quantile(
    values: Floats,
    groups: NDArray[np.int64],
    state: Mapping[str, Any],
    *,
    low: float = 0.05,
    high: float = 0.95,
    window: int = 512,
    min_history: int = 64,
) -> Floats:
    """The value between two quantiles of what was seen in training, in [0, 1]; with little history, of its own group."""
    return normalize.adaptive_quantile(values, groups, state, low=low, high=high, min_history=min_history)


def _window(values: Floats, state: Mapping[str, Any], *, window: int = 512) -> dict[str, Any]:
    return normalize.window_update(state, values, size=window)


def running_zscore(values: Floats, state: Mapping[str, Any], *, decay: float = 1.0, min_count: int = 2) -> Floats:
    """The value centred and scaled by the moments of what was seen in training."""
    return normalize.running_zscore(values, state, min_count=min_count)


def _moments(values: Floats, state: Mapping[str, Any], *, decay: float = 1.0) -> dict[str, Any]:
    return normalize.running_update(state, values, decay=decay)


for _rule in (
    Rule("weighted_sum", combine.weighted_sum, False, span=spans.of_sum, steps="linear"),
    Rule("mean", combine.mean, False, span=spans.of_mean, steps=""),
    Rule("product", combine.product, False, span=spans.of_product, steps=""),
    Rule("minimum", combine.minimum, False, span=spans.hull, steps=""),
    Rule("maximum", combine.maximum, False, span=spans.hull, steps=""),
    Rule("log_sum_exp", combine.log_sum_exp, False, steps=""),
    Rule("harmonic_mean", combine.harmonic_mean, False, span=spans.hull, steps=""),
    Rule("geometric_mean", combine.geometric_mean, False, span=lambda *_: UNIT, steps=""),
    Rule("ensemble", combine.ensemble, False, steps="", spread=lambda terms, **_: combine.ensemble_spread(terms)),
    Rule("soft_gate", soft_gate, False, span=lambda ranges, _: spans.of_product([UNIT, ranges[1]], {}), steps=""),
    Rule(
        "gate",
        gate,
        False,
        span=lambda r, o: spans.hull_with_otherwise(r[1:], o),
        steps="choose",
        choose=_gate_choice,
        plan=_gate_plan,
    ),
    Rule(
        "route", route, False, span=spans.hull, steps="choose", choose=_route_choice, plan=_route_plan, sequential=False
    ),
    Rule(
        "first_scored",
        combine.first_scored,
        False,
        span=spans.hull,
        steps="choose",
        choose=_first_choice,
        plan=_first_plan,
    ),
    Rule("affine", transforms.affine, span=spans.through(transforms.affine), steps="linear"),
    Rule("minus", minus),
    Rule("missing_as", missing_as, span=lambda r, o: spans.hull([*r, (float(o.get("value", 0.0)),) * 2], {})),
    Rule(
        "group_length_penalty",
        group_length_penalty,
        False,
        groups=True,
        span=lambda _, o: (-float(o.get("largest", 0.5)), 0.0),
        steps="",
    ),
    Rule("clip", transforms.clip, span=lambda _, o: (float(o["low"]), float(o["high"]))),
    Rule("threshold", transforms.threshold, span=lambda *_: UNIT),
    Rule("threshold_rescale", transforms.threshold_rescale, span=spans.through(transforms.threshold_rescale)),
    Rule("log_sigmoid", transforms.log_sigmoid, span=lambda *_: (-math.inf, 0.0)),
    Rule("sigmoid", transforms.sigmoid, span=lambda *_: UNIT),
    Rule("power", transforms.power, span=spans.through(transforms.power)),
    Rule("shape_gain", shape_gain, span=lambda r, o: gain_range(str(o["shape"]), *r[0])),
    Rule("discretize", transforms.discretize, span=spans.through(transforms.discretize)),
    Rule("short_penalty", length.short_penalty, span=lambda *_: (-math.inf, 0.0)),
    Rule("log_mean_exp", advantages.group_log_mean_exp, groups=True, span=spans.hull, steps=""),
    Rule("jepo", advantages.jepo_advantage, groups=True, steps=""),
    Rule("rank", transforms.rank, groups=True, span=lambda *_: UNIT, steps=""),
    Rule("zscore", normalize.group_zscore, groups=True, steps=""),
    Rule("center", normalize.group_center, groups=True, steps=""),
    Rule(
        "max_ratio", normalize.group_max_ratio, groups=True, span=lambda r, _: UNIT if r[0] == UNIT else ANY, steps=""
    ),
    Rule(
        "rank_rewards",
        rank_rewards,
        groups=True,
        span=lambda _, o: (float(o.get("worst", -0.1)), float(o.get("best", 1.0))),
        steps="",
    ),
    Rule("minmax", normalize.group_minmax, groups=True, span=lambda *_: UNIT, steps=""),
    Rule("batch_zscore", normalize.batch_zscore, batch=True, steps=""),
    Rule("running_zscore", running_zscore, steps="", initial=normalize.running_initial, advance=_moments),
    Rule(
        "adaptive_quantile",
        adaptive_quantile,
        groups=True,
        span=lambda *_: UNIT,
        steps="",
        initial=normalize.window_initial,
        advance=_window,
    ),
    Rule("renorm", renorm, False, steps="rewrite"),
    Rule("outcome_modulated", outcome_modulated, False, span=spans.of_outcome_modulated, steps="rewrite"),
    Rule("critique_reward", critique_reward, False, span=spans.of_critique_reward, steps="", plan=critique_plan),
    Rule("residual", residual, False, span=spans.of_residual, steps=""),
    Rule("format_ladder", format_ladder, False, span=spans.of_ladder, steps=""),
    Rule(
        "adaptive_weight",
        adaptive_weights,
        span=spans.between_floor_and_highest,
        steps="",
        initial=schedules.adaptive_weight_initial,
        advance=schedules.outcome_ema,
    ),
    Rule("focus", focus, False, steps=""),
    Rule(
        "rate_constraints",
        rate_constraints,
        False,
        span=spans.of_rate_constraints,
        steps="",
        initial=rate_constraints_initial,
        advance=rate_constraints_advance,
    ),
    Rule(
        "adaptive_weight_in_order",
        adaptive_weights_in_order,
        batch=True,
        span=spans.between_floor_and_highest,
        steps="",
        initial=schedules.adaptive_weight_initial,
        advance=outcome_ema_in_order,
    ),
):
    register_rule(_rule)
