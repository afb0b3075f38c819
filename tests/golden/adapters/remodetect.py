"""ReMoDetect: the default variant, which is the released code's."""

from __future__ import annotations

from typing import Any

from guerdon.papers.remodetect import build, detection
from guerdon.shaping.schedules import warmup_cosine
from guerdon.text.detokenize import detokenized
from guerdon.training.losses.reward_ranking import anchor_loss


def _ranking(rewards_llm: Any, rewards_mixed: Any, rewards_human: Any, l2_coefficient: float, **given: Any) -> float:
    return float(
        build(pair_weights=given["pair_weights_llm_mixed__llm_human__mixed_human"], l2=l2_coefficient)(
            rewards_llm, rewards_mixed, rewards_human
        )["ranking"]
    )


PARTS = {
    "ranking_loss": _ranking,
    "anchor_loss": lambda teacher_rewards, student_rewards, coefficient: float(
        anchor_loss(teacher_rewards, student_rewards, coefficient=coefficient)
    ),
    "auroc": lambda scores_human, scores_llm: detection(scores_human, scores_llm)["auroc"],
    "pr_auc": lambda scores_human, scores_llm: detection(scores_human, scores_llm)["pr_auc"],
    "process_spaces": lambda text: detokenized(text),
    "lr_schedule": lambda base_lr, warmup_steps, total_steps, step: warmup_cosine(
        step, warmup_steps=warmup_steps, steps=total_steps, peak=base_lr
    ),
}
