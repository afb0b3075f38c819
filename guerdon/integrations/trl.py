"""TRL: a reward is already a ``reward_funcs`` entry of GRPOTrainer, RLOOTrainer and the async trainer.

This module adds what one function cannot express: the terms of a weighted sum apart, for trainers that normalise each before
summing (``multi_objective_aggregation="normalize_then_sum"``, GDPO).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from guerdon.combine import Combine
from guerdon.errors import UserError
from guerdon.markers import follows_step
from guerdon.reward import Reward
from guerdon.runtime import score_all
from guerdon.scores import Scores
from guerdon.trainer_call import log, optional, trainer_batch

__all__ = ["reward_functions"]


@dataclass
class _Terms:
    """The terms of a sum, evaluated together once per trainer batch and asked for one by one."""

    reward: Combine
    batch: Any = field(default=None, repr=False)
    scores: list[Scores] = field(default_factory=list, repr=False)

    def scored(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[Scores]:
        if completions is not self.batch:
            batch, own = trainer_batch(self.reward, prompts, completions, **columns)
            scores = score_all(self.reward.terms, batch)
            self.scores = scores if own is None else [each.select(own) for each in scores]
            self.batch = completions
        return self.scores

    def __getstate__(self) -> dict[str, Any]:
        return {"reward": self.reward, "batch": None, "scores": []}


@dataclass
class Term:
    """One term of a sum as a reward function of its own."""

    terms: _Terms
    index: int

    @property
    def __name__(self) -> str:
        return self.terms.reward.terms[self.index].name

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        *,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        scores = self.terms.scored(prompts, completions, **columns)[self.index]
        log(self.__name__, scores, log_extra, log_metric)
        return optional(scores.values)


def reward_functions(reward: Reward) -> tuple[list[Callable[..., list[float | None]]], list[float]]:
    """The terms of a weighted sum as separate reward functions, and their weights, for ``reward_weights``.

    The terms are evaluated together, so that what they share is computed once. Any other reward is one function of weight 1.

    Raises:
        UserError: weights follow a schedule, or a term keeps state.

    >>> from guerdon.rewards import ExactMatch, Tags
    >>> functions, weights = reward_functions(ExactMatch() + 0.5 * Tags("answer"))
    >>> [function.__name__ for function in functions], weights
    (['exact_match', 'tags'], [1.0, 0.5])
    """
    if reward.stateful:
        raise UserError(f"reward {reward.name!r} keeps state in training; pass reward.scorer() as one reward function")
    if not isinstance(reward, Combine) or reward.rule != "weighted_sum":
        return [reward], [1.0]
    weights = reward.options["weights"]
    if follows_step(weights):
        raise UserError(
            f"the weights of {reward.name!r} follow a schedule, which TRL's reward_weights cannot; pass the reward whole"
        )
    names = [term.name for term in reward.terms]
    if len(set(names)) < len(names):
        raise UserError(f"terms of {reward.name!r} share a name: {names}; give them name=...")
    terms = _Terms(reward)
    return [Term(terms, k) for k in range(len(names))], [float(weight) for weight in weights]
