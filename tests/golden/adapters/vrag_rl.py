"""VRAG-RL: variant ``"official"`` throughout."""

from __future__ import annotations

from collections.abc import Sequence

from guerdon import Batch, find_paper
from guerdon.models.protocols.correctness import read_judge_tag
from guerdon.papers.vrag_rl import crop_box, extract_answer
from guerdon.rewards import Given, RetrievalNDCG, SearchPattern
from guerdon.shaping.ranking import dcg
from guerdon.text.edit_distance import anls

PAPER = find_paper("vrag-rl")
NDCG = RetrievalNDCG(variant="official")
PATTERN = SearchPattern(variant="official")


def _total(
    pattern: float, judge: float, retrieved: Sequence[str], relevant: Sequence[str], weights: dict[str, float]
) -> float:
    return float(
        PAPER.build(
            "official", outcome=Given("judge", name="judge"), pattern=Given("pattern", name="pattern"), weights=weights
        )
        .score(Batch([""], judge=[judge], pattern=[pattern], retrieved=[retrieved], relevant=[relevant]))
        .values[0]
    )


PARTS = {
    "retrieval_reward_ndcg": lambda retrieved, relevant: float(
        NDCG.score(Batch([""], retrieved=[retrieved], relevant=[relevant])).values[0]
    ),
    "dcg": dcg,
    "pattern_reward": lambda trajectory: float(PATTERN.score(Batch([trajectory])).values[0]),
    "extract_answer": extract_answer,
    "parse_judge": lambda judge_output: read_judge_tag(judge_output, variant="official"),
    "anls": lambda gold_answers, prediction, threshold: anls(prediction, gold_answers, threshold=threshold),
    "total_reward": _total,
    "crop_box": lambda bbox, shown_size, raw_size, eval_padding: crop_box(
        bbox, shown_size, raw_size, padding=28 * eval_padding
    ),
}
