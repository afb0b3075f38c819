"""Endogenous reward: the paper's formulas on full logits."""

from __future__ import annotations

from guerdon.shaping.preference import preference_probability
from guerdon.shaping.soft_bellman import endogenous_rewards, sequence_score

PARTS = {
    "token_rewards": lambda logits, token_ids, alpha=1.0, terminal_value="zero": endogenous_rewards(
        logits, token_ids, alpha=alpha, terminal=terminal_value
    )._asdict(),
    "sequence_score": lambda token_logprobs, aggregate, alpha=1.0, **weights: sequence_score(
        token_logprobs, aggregate, alpha=alpha, **weights
    ),
    "bt_preference": lambda reward_a, reward_b: float(preference_probability(reward_a, reward_b)),
}
