"""T-REG: the default variant."""

from __future__ import annotations

from typing import Any

from guerdon.papers.t_reg import build
from guerdon.shaping.selection import chosen_and_rejected
from guerdon.shaping.token_contrast import contrast_token_rewards
from guerdon.training.losses.direct_preference import implicit_token_rewards, token_similarity


def _loss(beta: float, alpha: float, **given: Any) -> dict[str, float]:
    return {
        part: float(value)
        for part, value in build(beta=beta, alpha=alpha)(
            given["policy_logps_chosen"],
            given["ref_logps_chosen"],
            given["policy_logps_rejected"],
            given["ref_logps_rejected"],
            given["token_rewards_chosen"],
            given["token_rewards_rejected"],
        ).items()
    }


PARTS = {
    "token_reward": lambda logprobs_better, logprobs_worse: contrast_token_rewards(logprobs_better, logprobs_worse),
    "implicit_token_reward": lambda policy_logps, ref_logps, beta: implicit_token_rewards(
        policy_logps, ref_logps, beta=beta
    ),
    "token_similarity": lambda policy_logps, ref_logps, token_rewards, beta: token_similarity(
        policy_logps, ref_logps, token_rewards, beta=beta
    ),
    "dpo_reg_loss": _loss,
    "best_worst_pair": lambda rewards: chosen_and_rejected(rewards),
}
