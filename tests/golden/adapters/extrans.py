"""ExTrans: the default and the light variant; the card's levels and weights are ours, no code is public."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, find_paper
from guerdon.papers.extrans import format_split
from guerdon.text.level import last_level

PAPER = find_paper("extrans")
FORMS = ("translation", "<think>thought</think>translation")


def _total(
    format: int, comparison_level: Any, thought_level: Any, qe_score: Any, alpha_thought: float, beta_qe: float
) -> float:
    return float(
        PAPER.build(alpha_thought=alpha_thought, beta_qe=beta_qe)
        .score(
            Batch(
                [FORMS[format]],
                comparison_level=[comparison_level],
                thought_level=[thought_level],
                qe_score=[qe_score],
            )
        )
        .values[0]
    )


def _light(format: int, detected_language: Any, target_language: Any) -> float:
    return float(
        PAPER.build("light", detected_language="detected")
        .score(Batch([FORMS[format]], detected=[detected_language], target_language=[target_language]))
        .values[0]
    )


PARTS = {
    "format_split": lambda completion: format_split(completion),
    "parse_comparison_level": lambda judge_reply, low, high: last_level(judge_reply, low=low, high=high),
    "total_reward": _total,
    "lightweight_reward": _light,
}
