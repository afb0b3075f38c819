"""Mixed-R1: each sample gets the reward that fits its kind of answer."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Router, Sum
from guerdon.models.encoders import CharNGramEncoder
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import BMAS, BoxIoU, ChartAnswer, ShortAnswer, Tags
from guerdon.shaping.token_matching import Mean

PAPER = Paper(
    slug="mixed-r1",
    title="Mixed-R1: Unified Reward Perspective For Reasoning Capability in Multimodal Large Language Models",
    year=2025,
    arxiv="2505.24164",
    kind="reward",
    parts={
        "routing by task type, four rewards and a format term": PUBLISHED,
        "BMAS": PUBLISHED,
        "normalisation, tolerance, several boxes, mean of directions, weight 1": OURS,
    },
    columns=("reference", "task_type"),
    range=(-1.0, 2.0),
)

TAGS = ("think", "answer")


def build(
    variant: str = "default",
    *,
    encoder: Any = None,
    tokenizer: str = "words",
    reference: str = "reference",
    task_type: str = "task_type",
    tolerance: float = 0.05,
    graded: bool = False,
    mean: Mean = "arithmetic",
    weight: float = 1.0,
) -> Reward:
    """R = R_task + weight * R_format, R_task by column ``task_type``: matching, chart, grounding or open.

    A sample of another type is not scored. Give every prompt's group one type, so that scales do not mix in a normalisation.

    Args:
        encoder: of single tokens, for BMAS; the paper takes the initial input embeddings of the policy. Default: character n-grams.
        tokenizer: what cuts texts into tokens.
        reference: column with the right answer, the gold boxes or the reference text.
        tolerance, graded: of chart answers.
        mean: of the two directions of BMAS.
        weight: of the form, one think and one answer block.
    """
    routes: dict[Any, Reward] = {
        "matching": ShortAnswer(reference=reference, name="matching"),
        "chart": ChartAnswer(reference=reference, tolerance=tolerance, graded=graded, name="chart"),
        "grounding": BoxIoU(reference=reference, name="grounding"),
        "open": BMAS(
            reference=reference, encoder=encoder or CharNGramEncoder(), tokenizer=tokenizer, mean=mean, name="open"
        ),
    }
    return Sum(Router(task_type, routes, name="task"), Tags(*TAGS, name="format"), weights=(1.0, weight))
