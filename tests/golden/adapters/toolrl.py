"""ToolRL: the released variants by name; "default" is the default."""

from __future__ import annotations

from guerdon import Batch, Scores, find_paper
from guerdon.papers.toolrl import CREDITS
from guerdon.rewards.tools import equal_lists, multiset_jaccard, tool_call_score

PAPER = find_paper("toolrl")


def _listed(scores: Scores) -> list[float]:
    """Total, format, correctness, length."""
    return [
        float(part[0])
        for part in (
            scores.values,
            scores.parts["format"],
            scores.parts["correctness"],
            scores.parts.get("length", [0.0]),
        )
    ]


PARTS = {
    "match_score": lambda list1, list2, variant: {"refined": equal_lists}.get(variant, multiset_jaccard)(list1, list2),
    "tool_call_reward": lambda gt_tools, pd_tools, max_reward, min_reward, variant: tool_call_score(
        gt_tools, pd_tools, low=min_reward, high=max_reward, credit=CREDITS.get(variant, "parts")
    ),
    "compute_score": lambda response, ground_truth, step, variant: _listed(
        PAPER.build(variant).score(Batch([response], reference=[ground_truth], step=step))
    ),
}
