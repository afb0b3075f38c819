"""ARM-Thinker: variant ``"official"`` throughout."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, find_paper
from guerdon.text.instructions import check_instruction

PAPER = find_paper("arm-thinker")


def _score(task: str, response: str, ground_truth: Any, mode: str = "pair_rm") -> float:
    return float(
        PAPER.build("official", task=task).score(Batch([response], reference=[ground_truth], mode=[mode])).values[0]
    )


PARTS = {
    "pair_tool_reward": lambda response, ground_truth: _score("pair", response, ground_truth),
    "critic_reward_strict": lambda response, ground_truth: _score("critic_strict", response, ground_truth),
    "critic_reward_shaped": lambda response, ground_truth: _score("critic_shaped", response, ground_truth),
    "critic_reward_accuracy": lambda response, ground_truth: _score("critic_accuracy", response, ground_truth),
    "doc_tool_reward": lambda response, ground_truth, mode: _score("documents", response, ground_truth, mode),
    "instruction_check_reward": lambda response, ground_truth: _score("instructions", response, ground_truth),
    "pair_format_accuracy_reward": lambda response, ground_truth: _score("pair_format", response, ground_truth),
    "instruction_check_tool": lambda tool, text, args: check_instruction(tool, text, args),
}
