"""Combine: the one class that carries the algebra of rewards, and the functions that build it.

``+``, ``*``, ``.then``, :func:`Gate`, :func:`Product`, :func:`Minimum`, :func:`Maximum`, :func:`FirstScored`, :func:`Ensemble`
and :func:`Router` all give a :class:`Combine`: terms under a registered rule.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import CompositionError, closest
from guerdon.frozen import FrozenDict, freeze
from guerdon.markers import Column, Schedule, follows_step, marked_columns, resolve
from guerdon.placement import chosen, linear, rewritten, stepwise
from guerdon.registry import register
from guerdon.reward import Reward, State
from guerdon.rule_ranges import ANY
from guerdon.rules import RULES, Rule, find_rule
from guerdon.scores import Floats, Note, Notes, Outcome, Scores

if TYPE_CHECKING:
    from guerdon.runtime import Evaluation

PLACEMENTS = ("", "values", "each")


@register("reward")
@dataclass(frozen=True, repr=False)
class Combine(Reward):
    """Terms under a rule.

    Attributes:
        terms: the rewards combined; equal rewards are evaluated once.
        rule: name of a registered rule, see :data:`guerdon.rules.RULES`.
        options: what the rule takes; :class:`~guerdon.markers.Column` and :class:`~guerdon.markers.Schedule` stand for
            values known only with a batch.
        placement: what becomes of step rewards under a rule that does not act on steps: ``"values"`` drops them,
            ``"each"`` applies a transform step by step; the default raises where a term has steps.

    NaN: as the rule says; the sum, the product and the extremes are unscored where a term is.

    >>> from guerdon.rewards import ExactMatch, Tags
    >>> ExactMatch(reference="answer") + 0.5 * Tags("think", "answer")
    Combine(terms=(ExactMatch(reference='answer'), Tags('think', 'answer')), rule='weighted_sum', options={'weights': (1.0, 0.5)})
    """

    terms: tuple[Reward, ...]
    rule: str
    options: Mapping[str, Any] = field(default_factory=FrozenDict)
    placement: str = ""

    transparent = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", freeze(list(self.terms)))
        object.__setattr__(self, "options", freeze(dict(self.options)))
        rule = self.law
        if not self.terms or not all(isinstance(term, Reward) for term in self.terms):
            raise CompositionError(f"terms={self.terms!r} must be rewards, at least one")
        if rule.transform and len(self.terms) != 1:
            raise CompositionError(f"rule {self.rule!r} takes one term, not {len(self.terms)}")
        if self.placement not in PLACEMENTS:
            raise CompositionError(f"placement={self.placement!r} is unknown; choices: {PLACEMENTS}")
        if self.placement == "each" and not (rule.transform and rule.steps == "each"):
            raise CompositionError(f"rule {self.rule!r} cannot be applied step by step; use placement='values'")
        rule.check(self.options)
        for counted in ("weights", "routes"):
            if counted in self.options and len(self.options[counted]) != len(self.terms):
                raise CompositionError(
                    f"{counted} has {len(self.options[counted])} entries for {len(self.terms)} terms; give one per term"
                )
        super().__post_init__()
        self.part_owners, self.siblings  # noqa: B018 - a composition that cannot work raises here

    def _default_name(self) -> str:
        names = [term.name for term in self.terms]
        if self.rule == "weighted_sum":
            full = "+".join(names)
        elif self.law.transform:
            full = f"{names[0]}.{self.rule}"
        else:
            full = f"{self.rule}({','.join(names)})"
        return full if len(full) <= 80 else f"{self.rule}_of_{len(names)}"

    @property
    def law(self) -> Rule:
        """The rule itself."""
        return find_rule(self.rule)

    @property
    def own_columns(self) -> dict[str, str]:
        return {c: f"option of rule {self.rule!r}" for v in self.options.values() for c in marked_columns(v)}

    @property
    def own_tie(self) -> str | None:
        return "batch" if self.law.batch else "group" if self.law.groups else None

    @property
    def own_parts(self) -> tuple[str, ...]:
        return () if self.name == self._default_name() else (self.name,)

    @cached_property
    def range(self) -> tuple[float, float]:
        """Lowest and highest value, as they follow from the terms."""
        if any(follows_step(value) for value in self.options.values()):
            return ANY
        known = {name: value for name, value in self.options.items() if not marked_columns(value)}
        try:
            return self.law.span([term.range for term in self.terms], known)
        except (KeyError, TypeError):
            return ANY

    def initial_state(self, rng: np.random.Generator) -> State | None:
        return None if self.law.initial is None else self.law.initial(**self._accepted(self.law.initial))

    def advanced_terms(self, state: State, terms: Floats) -> State:
        """The state after a training batch whose terms were these."""
        advance = self.law.advance
        if advance is None:
            return state
        return advance(terms[0] if self.law.transform else terms, state, **self._accepted(advance))

    def _accepted(self, function: Callable[..., Any]) -> dict[str, Any]:
        """The options that a function of the rule takes."""
        accepted = inspect.signature(function).parameters
        return {name: value for name, value in self.options.items() if name in accepted}

    # -- evaluation, called by the runtime ----------------------------------------------------------------------------

    async def combined(self, evaluation: Evaluation, view: Batch, rows: Any) -> Scores:
        """The scores of these rows, each term evaluated on the rows that need it."""
        rule = self.law
        options = {name: resolve(value, view, self.name) for name, value in self.options.items()}
        scored = await self._score_terms(evaluation, view, rows, options)
        terms = np.stack([scores.values for scores in scored])
        given: dict[str, Any] = dict(options)
        if rule.groups:
            given["groups"] = view.groups
        state = evaluation.state(self)
        if state is not None:
            given["state"] = state
            evaluation.seen[self.fingerprint] = (view, terms)
        if rule.steps == "rewrite":
            result = rewritten(self.name, scored, rule.function, options)
        else:
            values = np.asarray(rule.function(terms[0] if rule.transform else terms, **given), dtype=np.float64)
            result = self._placed(scored, terms, values, options)
        if rule.spread is not None:
            result = replace(result, uncertainty=rule.spread(terms, **options))
        parts, notes = merged(scored)
        if self.own_parts:
            parts[self.name] = result.values
        return replace(result, parts=parts, notes=notes)

    async def _score_terms(
        self, evaluation: Evaluation, view: Batch, rows: Any, options: Mapping[str, Any]
    ) -> list[Scores]:
        plan = self.law.plan
        if plan is None:
            return await evaluation.all([evaluation.scores(term, rows) for term in self.terms])
        known = np.full((len(self.terms), len(view)), np.nan)
        if not self.law.sequential:
            masks = [plan(k, known, len(view), **options) for k in range(len(self.terms))]
            return await evaluation.all(
                [evaluation.selected(term, rows, mask) for term, mask in zip(self.terms, masks, strict=True)]
            )
        scored = []
        for k, term in enumerate(self.terms):
            scores = await evaluation.selected(term, rows, plan(k, known, len(view), **options))
            known[k] = scores.values
            scored.append(scores)
        return scored

    def _placed(self, scored: list[Scores], terms: Floats, values: Floats, options: Mapping[str, Any]) -> Scores:
        rule = self.law
        if self.placement == "values":
            return Scores(values)
        if rule.steps == "choose" and rule.choose is not None:
            return chosen(scored, rule.choose(terms, **options), values)
        if rule.steps == "linear":
            weights = options.get("weights", (options.get("scale", 1.0),))
            return linear(self.name, scored, weights, values)
        if all(scores.steps is None and scores.tokens is None for scores in scored):
            return Scores(values)
        if self.placement == "each":
            return stepwise(scored[0], lambda steps: np.asarray(rule.function(steps, **options)))
        raise CompositionError(
            f"rule {self.rule!r} of {self.name!r} has no meaning on step rewards; "
            "say placement='values' to go on without steps"
            + (", or 'each' to apply it to every step" if rule.steps == "each" else "")
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class Part(Reward):
    """One named part of a reward, so that one judge call can feed a gate and an objective.

    ``path`` is a path of the reward's ``part_owners``; the reward's own name may be left out. NaN where the part is.

    Raises:
        CompositionError: the reward has no such part.
    """

    whole: Reward
    path: str

    transparent = True

    def __post_init__(self) -> None:
        owners = self.whole.part_owners
        if self.path not in owners:
            full = f"{self.whole.name}/{self.path}"
            if full not in owners:
                raise CompositionError(
                    f"reward {self.whole.name!r} has no part {self.path!r}; {closest(self.path, owners)}"
                )
            object.__setattr__(self, "path", full)
        super().__post_init__()

    def _default_name(self) -> str:
        return self.path

    @property
    def own_parts(self) -> tuple[str, ...]:
        return () if self.name == self.path else (self.name,)

    def picked(self, scores: Scores) -> Scores:
        """This part of the reward's scores."""
        values = scores.parts[self.path]
        parts = dict(scores.parts) | dict.fromkeys(self.own_parts, values)
        return Scores(values, parts=parts, notes=scores.notes)


def merged(scored: Sequence[Scores]) -> tuple[dict[str, Floats], dict[str, Notes]]:
    """The parts and notes of all terms. A part seen on different rows is filled up, skipped rows last."""
    parts: dict[str, Floats] = {}
    notes: dict[str, Notes] = {}
    for scores in scored:
        for path, part in scores.parts.items():
            before = parts.get(path)
            parts[path] = part if before is None or before is part else np.where(np.isnan(before), part, before)
        for path, rows in scores.notes.items():
            known = notes.get(path)
            if known is None or known is rows:
                notes[path] = rows
            else:
                notes[path] = tuple(_fuller(a, b) for a, b in zip(known, rows, strict=True))
    return parts, notes


def _fuller(left: Note | None, right: Note | None) -> Note | None:
    if left is None or right is None:
        skipped = left or right
        return None if skipped is None or skipped.outcome is Outcome.SKIPPED else skipped
    return right if left.outcome is Outcome.SKIPPED else left


# -- builders ---------------------------------------------------------------------------------------------------------


def add(left: Reward, right: Any) -> Any:
    """``left + right``: a weighted sum, flattened; a number shifts."""
    if isinstance(right, (int, float)) and not isinstance(right, bool):
        return left if right == 0 else left.then("affine", shift=float(right))
    if not isinstance(right, Reward):
        return NotImplemented
    terms: list[Reward] = []
    weights: list[Any] = []
    for side in (left, right):
        if _is_plain_sum(side):
            terms += side.terms
            weights += side.options["weights"]
        else:
            terms.append(side)
            weights.append(1.0)
    return Combine(tuple(terms), "weighted_sum", {"weights": tuple(weights)})


def multiply(left: Reward, right: Any) -> Any:
    """``left * right``: a number or a schedule scales, a reward gives a product."""
    if isinstance(right, Reward):
        return Product(left, right)
    if isinstance(right, Schedule):
        return Combine((left,), "weighted_sum", {"weights": (right,)})
    if isinstance(right, bool) or not isinstance(right, (int, float)) or not math.isfinite(right):
        return NotImplemented
    if _is_plain_sum(left) and not follows_step(left.options["weights"]):
        return Combine(left.terms, left.rule, {"weights": tuple(w * right for w in left.options["weights"])})
    return Combine((left,), "weighted_sum", {"weights": (float(right),)})


def _is_plain_sum(reward: Reward) -> TypeGuard[Combine]:
    return (
        isinstance(reward, Combine)
        and reward.rule == "weighted_sum"
        and set(reward.options) == {"weights"}
        and not reward.own_parts
    )


def Sum(
    *terms: Reward, weights: Sequence[float | Schedule] | None = None, missing: str = "nan", name: str = ""
) -> Combine:
    """Weighted sum of terms; ``missing`` says what an unscored term does (``"nan"``, ``"drop"`` or ``"zero"``)."""
    options = {"weights": tuple(weights) if weights is not None else (1.0,) * len(terms)}
    return Combine(terms, "weighted_sum", options if missing == "nan" else options | {"missing": missing}, name=name)


def Product(*terms: Reward, name: str = "") -> Combine:
    """Product of terms."""
    return Combine(terms, "product", name=name)


def Minimum(*terms: Reward, name: str = "") -> Combine:
    """Smallest of the terms."""
    return Combine(terms, "minimum", name=name)


def Maximum(*terms: Reward, name: str = "") -> Combine:
    """Largest of the terms."""
    return Combine(terms, "maximum", name=name)


def Gate(
    condition: Reward, objective: Reward, *, at_least: float = 0.5, otherwise: float = 0.0, name: str = ""
) -> Combine:
    """``objective`` where ``condition`` reaches ``at_least``, elsewhere ``otherwise``; scored only where it is needed."""
    return Combine((condition, objective), "gate", {"at_least": at_least, "otherwise": otherwise}, name=name)


def FirstScored(*terms: Reward, name: str = "") -> Combine:
    """The first term that has a value; later terms are scored only where the earlier have none."""
    return Combine(terms, "first_scored", name=name)


def Router(column: str, routes: Mapping[Any, Reward], *, default: Any = None, name: str = "") -> Combine:
    """For each sample the reward that ``routes`` names for its value of ``column``; NaN where none does.

    A value without a route takes that of ``default`` where one is named.

    >>> from guerdon.rewards import ExactMatch, RougeL
    >>> sorted(Router("domain", {"math": ExactMatch(), "chat": RougeL()}).columns)
    ['domain', 'reference']
    """
    if default is not None and default not in routes:
        raise CompositionError(
            f"default={default!r} is no route; {closest(str(default), [str(key) for key in routes])}"
        )
    options = {"keys": Column(column), "routes": tuple(routes)} | ({} if default is None else {"default": default})
    return Combine(tuple(routes.values()), "route", options, name=name)


def Ensemble(*terms: Reward, reduce: str = "mean", penalty: float = 0.0, name: str = "") -> Combine:
    """Several scorers of one thing: ``reduce`` is mean, median or min; minus ``penalty`` standard deviations between them, which
    are the result's uncertainty."""
    return Combine(terms, "ensemble", {"reduce": reduce, "penalty": penalty}, name=name)


def rule_name(rule: str | Callable[..., Any]) -> str:
    """The name under which a rule, given by name or by its function, is registered."""
    if isinstance(rule, str):
        return rule
    for known in RULES.values():
        if known.function is rule:
            return known.name
    raise CompositionError(f"{getattr(rule, '__name__', rule)!r} is no registered rule; {closest(str(rule), RULES)}")
