"""IRL meets LLM post-training: what a reward can be had from, and how to use it without being fooled by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.combine import Combine
from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import ImplicitReward, LogRatio
from guerdon.shaping.combine import ensemble
from guerdon.shaping.groups import Floats
from guerdon.shaping.selection import best_of_n

PAPER = Paper(
    slug="irl-survey",
    title="Inverse Reinforcement Learning Meets Large Language Model Post-Training: Basics, Advances, and Opportunities",
    year=2025,
    arxiv="2507.13158",
    kind="reward",
    parts={
        "implicit reward, with the reference the survey's box leaves out": PUBLISHED,
        "ensembles: mean, worst case, mean minus variance": PUBLISHED,
        "best of n and its KL bound, with uncertainty": PUBLISHED,
        "losses: Bradley-Terry, classifier, DPO, prompt reward, ranked trajectories": PUBLISHED,
        "adversarial and f-divergence rewards, maximum margin": PUBLISHED,
        "choice of comparisons, decomposed heads, rollout values, redistribution": PUBLISHED,
        "overoptimisation gap, length bias": PUBLISHED,
        "weights of a user's heads by ridge logistic regression": OURS,
    },
    columns=("policy_logp", "reference_logp"),
    range=(float("-inf"), float("inf")),
    variants=("default", "ensemble"),
)

_REDUCTIONS = {"mean": {"reduce": "mean"}, "min": {"reduce": "min"}, "mean_minus_variance": {"spread": "variance"}}


def build(
    variant: str = "default",
    *,
    lm: Any = None,
    reference_lm: Any = None,
    beta: float = 0.1,
    tokens: bool = False,
    members: Sequence[Reward] = (),
    mode: str = "mean_minus_variance",
    penalty: float = 0.5,
) -> Reward:
    """The implicit reward beta log(pi / pi_ref), or ``"ensemble"``: several rewards of one thing, reduced to be on the safe side.

    Args:
        lm, reference_lm: a tuned model and the one it came from; without them columns ``policy_logp`` and ``reference_logp`` hold
            the log-probabilities of every completion's tokens.
        beta: the KL coefficient it was tuned with.
        tokens: whether every token's share is given.
        members: the rewards of the ensemble; their disagreement is ``Scores.uncertainty``.
        mode: ``"mean"``, ``"min"`` or ``"mean_minus_variance"``, with ``penalty`` times the variance.

    Raises:
        UserError: one model without the other, no members, or an unknown mode.
    """
    if variant == "ensemble":
        if not members:
            raise UserError("members=() is empty; give the rewards of the ensemble")
        return Combine(tuple(members), "ensemble", _reduction(mode, penalty))
    if (lm is None) != (reference_lm is None):
        raise UserError(f"lm={lm!r} and reference_lm={reference_lm!r}: give both, or neither and the columns instead")
    if lm is None:
        return Combine((LogRatio("policy_logp", "reference_logp"),), "affine", {"scale": beta}, name="implicit_reward")
    return ImplicitReward(lm, reference_lm, beta, tokens)


def ensemble_reward(rewards: ArrayLike, *, mode: str = "mean", penalty: float = 0.5) -> Floats:
    """One reward per sample of those of several members, (K, N) -> (N,): ``mean``, ``min``, or mean - penalty * variance.

    The variance is of the population of members; one member has none.

    Source: Coste et al. 2023 (arXiv 2310.02743); survey, section 4.5.

    >>> ensemble_reward([[1.0, 2.0], [3.0, 2.0]], mode="mean_minus_variance").tolist()
    [1.5, 2.0]
    """
    return ensemble(np.asarray(rewards, dtype=np.float64), **_reduction(mode, penalty))


def cautious_best_of_n(rewards: ArrayLike, *, mode: str = "mean_minus_variance", penalty: float = 0.5) -> int:
    """Position of the best of N samples by an ensemble's rewards (K, N), its disagreement counted against a sample; first on ties.

    >>> (
    ...     cautious_best_of_n([[1.0, 3.0], [1.0, 0.0]], mode="min"),
    ...     cautious_best_of_n([[1.0, 3.0], [1.0, 0.0]], mode="mean"),
    ... )
    (0, 1)
    """
    return best_of_n(ensemble_reward(rewards, mode=mode, penalty=penalty))


def _reduction(mode: str, penalty: float) -> dict[str, Any]:
    if mode not in _REDUCTIONS:
        raise UserError(f"mode={mode!r} is unknown; choices: {', '.join(_REDUCTIONS)}")
    return {**_REDUCTIONS[mode], **({"penalty": penalty} if mode == "mean_minus_variance" else {})}
