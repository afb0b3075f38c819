"""SLATE: variant ``"official"``; the step reward is the default, with the grades in columns."""

from __future__ import annotations

from dataclasses import asdict, astuple
from typing import Any

from guerdon import Batch, find_paper
from guerdon.papers.slate import RetrievalGatedAnswer
from guerdon.shaping.advantages import step_advantage
from guerdon.shaping.clipped_surrogate import step_objective
from guerdon.shaping.selection import selection_probabilities
from guerdon.text.search_steps import loose_score, search_action, search_steps

PAPER = find_paper("slate")


def _reward(action: str, r_think: Any, r_action: Any, step: int, max_budget: int, lambda_bonus: float) -> float:
    return float(
        PAPER.build(budget=max_budget, bonus=lambda_bonus)
        .score(Batch([f"<think>t</think><{action}>a</{action}>"], r_think=[r_think], r_action=[r_action], turn=[step]))
        .values[0]
    )


PARTS = {
    "extract_score": lambda judge_output: loose_score(judge_output),
    "step_reward": _reward,
    "advantage": lambda rewards, epsilon: step_advantage(rewards, [0] * len(rewards), eps=epsilon),
    "selection_probabilities": lambda advantages, temperature: selection_probabilities(
        advantages, temperature=temperature
    ),
    "step_objective": lambda advantages, log_ratios, kl, clip_eps, kl_coef: step_objective(
        advantages, log_ratios, kl, clip=clip_eps, kl_weight=kl_coef
    ),
    "parse_trajectory": lambda trajectory: asdict(search_steps(trajectory)),
    "parse_action": lambda text: astuple(search_action(text)),
    "retrieval_gated_em": lambda trajectory, golden_answers: float(
        RetrievalGatedAnswer(variant="official").score(Batch([trajectory], golden_answers=[golden_answers])).values[0]
    ),
}
