"""Policy terms: what a reward that reads the model being trained owes beyond its value, its own gradient.

Where a reward R depends on the policy's parameters, the gradient of E[R] has two parts: that of the probability of what was
sampled, which every policy-gradient trainer follows, and that of R itself. A trainer can follow the second one if the reward
says of which log-probabilities it is made and how it changes with each: a :class:`PolicyTerm` per completion. Scores stay plain
numbers; nothing here computes with the model.

A reward owes a gradient if it has the method of :class:`OwesGradient`, which a leaf of the tree writes; :func:`owed` follows the
tree down to those leaves and multiplies by what the combinations above do to them.

Source: Likelihood-Based Reward Designs for General LLM Reasoning, arXiv 2602.03979, Lemma 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from guerdon.batch import Batch
from guerdon.combine import Combine, Part
from guerdon.errors import UserError
from guerdon.markers import resolve
from guerdon.models.lm import LogprobRequest, TokenScores
from guerdon.reward import Reward
from guerdon.scores import Floats, Scores

Derivative = Callable[[Sequence[TokenScores]], Sequence[Floats]]

# Central differences in float64: exact for linear rules, about 1e-9 for smooth ones.
_STEP = 1e-5


@dataclass(frozen=True, eq=False)
class PolicyTerm:
    """How one completion's value depends on the policy.

    Attributes:
        requests: what the value asks of the policy.
        derivative: their token scores, in order and under the weights of the moment -> for each request (T,) the change of the
            value per unit of each token's log-probability. It is called in every training step, with that step's
            log-probabilities; what it needs of siblings it holds from the reward's own pass. A request that failed has no
            tokens, and its slope none.
            :func:`guerdon.shaping.likelihood.likelihood_slope` is the derivative of the usual values of one request.

    >>> from guerdon.shaping.likelihood import likelihood_slope
    >>> term = PolicyTerm(
    ...     (LogprobRequest("2 + 2 =", "4"),), lambda found: [likelihood_slope(each.logprobs, "prob") for each in found]
    ... )
    >>> [slope.round(3).tolist() for slope in term.derivative([TokenScores(np.arange(2), np.log([0.5, 0.5]))])]
    [[0.25, 0.25]]
    """

    requests: tuple[LogprobRequest, ...]
    derivative: Derivative


@runtime_checkable
class OwesGradient(Protocol):
    """A reward whose value may depend on the policy's parameters."""

    def policy_terms(self, batch: Batch, scores: Scores) -> Sequence[PolicyTerm | None]:
        """One term per completion of ``batch``; None where the value does not depend on the policy (unscored, a constant).

        ``scores`` are those the reward itself gave this batch, with absolute paths in ``parts``. Where ``lm`` is not the policy
        every row is None.
        """
        ...


# -- through the tree -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Owed:
    """What one completion owes through one leaf of the tree: ``factor`` times the gradient of the term."""

    row: int
    factor: float
    term: PolicyTerm


def owes_gradient(reward: Reward) -> bool:
    """Whether anything in the tree reads the policy and can say how its value depends on it."""
    return any(isinstance(each, OwesGradient) and each.needs_policy for each in reward.walk())


def owed(reward: Reward, batch: Batch, scores: Scores) -> list[Owed]:
    """Every completion's terms, with the derivative of ``reward`` by the leaf they belong to.

    ``scores`` are what ``reward`` gave ``batch``. A combination is followed through any rule that looks at one completion at a
    time (sums, products, gates, clips, ...); its derivative is taken by central differences of the rule itself.

    Raises:
        UserError: a leaf stands under a rule whose value for one completion depends on others or on state, or is read through
            another reward that does not say how.
    """
    found: list[Owed] = []
    _follow(reward, np.ones(len(batch)), batch, scores, found)
    return found


def _follow(reward: Reward, factors: Floats, batch: Batch, scores: Scores, found: list[Owed]) -> None:
    if not reward.needs_policy or not factors.any():
        return
    if isinstance(reward, OwesGradient):
        rows = reward.policy_terms(batch, scores)
        if len(rows) != len(batch):
            raise UserError(f"reward {reward.name!r} gave {len(rows)} policy terms for {len(batch)} completions")
        pairs = zip(rows, factors.tolist(), strict=True)
        found += [Owed(i, factor, term) for i, (term, factor) in enumerate(pairs) if term is not None and factor]
        return
    if isinstance(reward, Part):
        if not isinstance(reward.whole, Combine) and reward.path == reward.whole.name:
            return _follow(reward.whole, factors, batch, scores, found)
        part = next((each for each in reward.whole.walk() if each.name == reward.path), None)
        if part is None:
            raise UserError(
                f"the gradient of part {reward.path!r} is not known; use the whole reward, or coefficient=0"
            )
        return _follow(part, factors, batch, scores, found)
    if not isinstance(reward, Combine):
        below = [child.name for child in reward.children if child.needs_policy]
        if below:
            raise UserError(
                f"reward {reward.name!r} reads {below} through the policy and does not say how its value changes with it; "
                "give it policy_terms(batch, scores), or train with likelihood_coefficient=0"
            )
        return
    for term, slope in zip(reward.terms, _slopes(reward, batch, scores), strict=True):
        _follow(term, factors * slope, batch, scores, found)


def _slopes(combination: Combine, batch: Batch, scores: Scores) -> list[Floats]:
    """For each term (N,) how much the combination changes with it; 0 where it is unscored."""
    rule = combination.law
    moving = [k for k, term in enumerate(combination.terms) if owes_gradient(term)]
    if moving and (rule.groups or rule.batch or rule.initial is not None or rule.steps == "rewrite"):
        raise UserError(
            f"rule {combination.rule!r} of {combination.name!r} stands above {combination.terms[moving[0]].name!r}, which reads "
            "the policy, and its value for one completion depends on others or on state: Lemma 1's second term has no form there. "
            "Use a rule that looks at one completion, or train with likelihood_coefficient=0"
        )
    values = np.stack([_values(term, batch, scores) for term in combination.terms])
    slopes = [np.zeros(len(batch)) for _ in combination.terms]
    for k in moving:
        steps = _STEP * np.maximum(1.0, np.abs(np.nan_to_num(values[k])))
        up, down = values.copy(), values.copy()
        up[k] += steps
        down[k] -= steps
        rise = _applied(combination, up, batch) - _applied(combination, down, batch)
        slopes[k] = np.nan_to_num(rise / (2 * steps), nan=0.0, posinf=0.0, neginf=0.0)
    return slopes


def _values(reward: Reward, batch: Batch, scores: Scores) -> Floats:
    """The values of a reward of the tree, from the parts of the whole."""
    if isinstance(reward, Combine) and reward.name not in scores.parts:
        return _applied(reward, np.stack([_values(term, batch, scores) for term in reward.terms]), batch)
    path = reward.path if isinstance(reward, Part) else reward.name
    return np.asarray(scores.parts[path], dtype=np.float64)


def _applied(combination: Combine, terms: Floats, batch: Batch) -> Floats:
    rule = combination.law
    given: dict[str, Any] = {
        name: resolve(value, batch, combination.name) for name, value in combination.options.items()
    }
    if rule.groups:
        given["groups"] = batch.groups
    return np.asarray(rule.function(terms[0] if rule.transform else terms, **given), dtype=np.float64)
