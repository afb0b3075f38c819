"""Themis: the released tools, parser, losses and metric; pooling with ``padding="left"``, as released."""

from __future__ import annotations

from typing import Any

from guerdon.papers.themis import calendar_observation
from guerdon.shaping.pooling import pooled_value
from guerdon.shaping.preference_accuracy import pair_accuracy
from guerdon.text.react import Acted, cut_before_observation, parse_actions
from guerdon.text.worked_steps import WorkedSteps, check_worked_steps
from guerdon.training.losses.joint_reward import JointReward

FIELDS = {
    "action": ("kind", "tool", "tool_input"),
    "rationale": ("kind", "text"),
    "finish": ("kind", "text"),
    "none": ("kind",),
}


def _acted(acted: Acted) -> dict[str, str]:
    return {name: getattr(acted, name) for name in FIELDS[acted.kind]}


def _checked(found: WorkedSteps) -> dict[str, Any]:
    return {"steps": found.steps, "answer": found.answer}


def _named(parts: dict[str, Any]) -> dict[str, Any]:
    return {"rm_loss": parts["ranking"], "lm_loss": parts["language"], "total": parts["loss"]}


PARTS = {
    "calculator_verdict": lambda tool_input, judged_text: _checked(check_worked_steps(tool_input, judged_text)),
    "calendar_observation": lambda action, tool_input: calendar_observation(action, tool_input),
    "parse_actions": lambda generation: _acted(parse_actions(generation)),
    "cut_before_observation": lambda generation: cut_before_observation(generation),
    "loss": lambda chosen_rewards, rejected_rewards, logits, labels, rm_weight: _named(
        {
            "language": None,
            **{
                name: part.item()
                for name, part in JointReward(rm_weight)(chosen_rewards, rejected_rewards, logits, labels).items()
            },
        }
    ),
    "pool_reward": lambda hidden, attention_mask, way, value_weight: pooled_value(
        hidden, attention_mask, value_weight, way=way, padding="left"
    ),
    "pairwise_accuracy": lambda chosen_scores, rejected_scores: pair_accuracy(chosen_scores, rejected_scores),
}
