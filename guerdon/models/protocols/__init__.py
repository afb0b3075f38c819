"""Judge protocols: one module per way of asking and reading. Pure: prompts are built and replies parsed here, nothing is sent."""

from __future__ import annotations

import importlib

HOMES = (
    "acting",
    "action_comparison",
    "answer_check",
    "aspect_rating",
    "chain_of_rubrics",
    "checklist",
    "critique_then_score",
    "image_adherence",
    "key_arguments",
    "level_comparison",
    "listwise",
    "nuggets",
    "pairwise",
    "plan_ratings",
    "rating",
    "reference_comparison",
    "relevance",
    "retried",
    "rubric_comparison",
    "sampled",
    "score_of_max",
    "search_turn",
    "step_judgement",
    "tournament",
    "true_false",
)


def register_all() -> None:
    """Import every module of this room, so that all its protocols are registered."""
    for home in HOMES:
        importlib.import_module(f"{__name__}.{home}")
