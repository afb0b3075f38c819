"""Reward specification: the multipliers see the last batch only and are unbounded, as in the released loop."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np

from guerdon import Batch
from guerdon.rewards import GivenSteps, Potential
from guerdon.shaping.constraints import focus_coefficient, multiplier_weights
from guerdon.shaping.demonstrations import asaf_loss, episode_windows, prediction_kl
from guerdon.shaping.rate_constraints import one_sided, rate_constraints_advance, rate_constraints_initial

LOOP = {"window": 1, "cap": None}


def _states(costs: Any, limits: Any, normalized: bool, updates: int, rate: float, initial: float) -> list[Any]:
    return list(
        accumulate(
            range(updates),
            lambda state, _: rate_constraints_advance(
                np.vstack([np.zeros(len(costs)), costs.T]),
                state,
                limits=limits,
                rate=rate,
                normalized=normalized,
                **LOOP,
            ),
            initial=rate_constraints_initial(limits, normalized=normalized, initial=initial),
        )
    )


def _trace(states: list[Any], limits: Any, normalized: bool, bootstrap: int | None) -> dict[str, Any]:
    return {
        "reward_weight": [
            multiplier_weights(s, limits, normalized=normalized, bootstrap=bootstrap)[0] for s in states[:-1]
        ],
        "constraint_weights": [
            multiplier_weights(s, limits, normalized=normalized, bootstrap=bootstrap)[1].tolist() for s in states[:-1]
        ],
        "final_params": states[-1]["params"].tolist(),
    }


def _lagrangian(
    costs: Any,
    thresholds: Any,
    updates: int,
    multiplier_lr: float,
    normalized: bool = True,
    bootstrap_index: int | None = None,
    initial_param: float = 0.02,
    optimizer: str = "",
) -> dict[str, Any]:
    return _trace(
        _states(*one_sided(costs, thresholds), normalized, updates, multiplier_lr, initial_param),
        one_sided(costs, thresholds)[1],
        normalized,
        bootstrap_index,
    )


def _shaped(rewards: list[float], potentials: list[float], gamma: float = 1.0) -> list[float]:
    return (
        (GivenSteps(closing=False) + Potential(gamma=gamma, ends=False))
        .score(Batch([""], process_rewards=[rewards], potentials=[potentials]))
        .steps[0]
        .values.tolist()
    )


PARTS = {
    "asaf_loss": lambda learner_new_logp, learner_old_logp, expert_new_logp, expert_old_logp: asaf_loss(
        learner_new_logp, learner_old_logp, expert_new_logp, expert_old_logp
    ),
    "asaf_windows": lambda not_done_mask, window_size: dict(
        zip(("starts", "ends"), map(np.ndarray.tolist, episode_windows(not_done_mask, window_size)), strict=True)
    ),
    "lagrangian_weights": _lagrangian,
    "focus_coefficient": lambda rewards, goal_directions, cosine_threshold=0.98, limit_coefficient=0.1: dict(
        zip(
            ("coefficient", "in_region"),
            map(
                np.ndarray.tolist,
                focus_coefficient(rewards, goal_directions, cosine=cosine_threshold, border=limit_coefficient),
            ),
            strict=True,
        )
    ),
    "team_prediction_kl": lambda real, predicted: prediction_kl(real, predicted),
    "potential_shaping": _shaped,
}
