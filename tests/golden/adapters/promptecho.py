"""PromptEcho: the default variant of the reward, the released scoring of DenseAlignBench."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from guerdon.papers.promptecho import parse_model_pairs, preference_shown
from guerdon.rewards.prompt_echo import echo_likelihood
from guerdon.shaping.normalize import group_center
from guerdon.shaping.position_bias import net_win_rate, position_bias
from guerdon.text.json_reply import json_reply

Comparisons = Sequence[dict[str, Any]]


def _preferences(comparisons: Comparisons) -> tuple[list[str | None], list[bool]]:
    return [preference_shown(c["comparison"]["preference"]) for c in comparisons], [c["shuffled"] for c in comparisons]


def _bias(comparisons: Comparisons) -> dict[str, float]:
    return dict(
        zip(
            ("A_rate_not_shuffled", "A_rate_shuffled", "chi2", "p_value"),
            position_bias(*_preferences(comparisons)),
            strict=True,
        )
    )


PARTS = {
    "echo_reward": lambda logits, input_ids, caption_mask, reduction: echo_likelihood(
        logits, input_ids, caption_mask, reduction=reduction
    ),
    "group_advantage": lambda rewards: group_center(rewards, np.zeros(len(rewards), dtype=int)),
    "judge_json": lambda text: json_reply(text, None),
    "position_bias": _bias,
    "net_win_rate": lambda comparisons: net_win_rate(*_preferences(comparisons)),
    "parse_model_pairs": lambda spec, models: parse_model_pairs(spec, models),
}
