"""SearchLLM: variant ``"official"`` (what the source says of missing scores)."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, find_paper
from guerdon.shaping.advantages import grpo_advantage
from guerdon.shaping.bottom_line import behaviour_utility, bottom_line_gate
from guerdon.shaping.combine import mean

PAPER = find_paper("searchllm")
DDOF = {"unbiased": 1, "biased": 0}


def _rewards(group: list[dict[str, Any]], weights: list[float] | None, delta: float) -> list[float]:
    return list(
        PAPER.build("official", weights=weights, delta=delta)
        .score(
            Batch(
                [""] * len(group),
                constraint_scores=[one["constraint_scores"] for one in group],
                behaviour_scores=[one["behaviour_scores"] for one in group],
            )
        )
        .values
    )


def _linear(one: dict[str, Any], weights: list[float]) -> float:
    return float(
        mean(
            [[score] for score in (*one["constraint_scores"], *one["behaviour_scores"])],
            [*[1.0] * len(one["constraint_scores"]), *weights],
        )[0]
    )


def _group(
    group: list[dict[str, Any]], weights: list[float], delta: float = 0.01, std: str = "unbiased", eps: float = 1e-6
) -> dict[str, list[float]]:
    return {
        "gated_rewards": _rewards(group, weights, delta),
        "advantages": list(grpo_advantage(_rewards(group, weights, delta), [0] * len(group), ddof=DDOF[std], eps=eps)),
        "linear_rewards": [_linear(one, weights) for one in group],
    }


PARTS = {
    "bottom_line_gate": lambda constraint_scores, delta=0.01: bottom_line_gate(
        constraint_scores, delta=delta, missing="official"
    ),
    "behaviour_utility": lambda behaviour_scores, weights=None: behaviour_utility(
        behaviour_scores, weights, missing="official"
    ),
    "gated_reward": lambda constraint_scores, behaviour_scores, weights=None, delta=0.01: _rewards(
        [{"constraint_scores": constraint_scores, "behaviour_scores": behaviour_scores}], weights, delta
    )[0],
    "group_advantage": _group,
}
