"""LongTraceRL: variant ``"official"`` throughout; ``group_reward`` names the ablations by mode."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, find_paper
from guerdon.models.protocols.correctness import JudgedOutcome, outcome_of_replies
from guerdon.rewards import ChunkFBeta, EntityRecall, Given
from guerdon.shaping.advantages import grpo_advantage
from guerdon.text.entities import normal_form

PAPER = find_paper("longtracerl")
VARIANTS = {"positive_only": "official", "both": "both", "negative_only": "negative"}


def _recall(
    history: list[dict[str, Any]], rubrics: list[str], use_reasoning_content: bool = False, use_content: bool = True
) -> float:
    return float(
        EntityRecall(content=use_content, reasoning=use_reasoning_content, tokenizer="ascii", variant="official")
        .score(Batch([history], rubrics=[rubrics]))
        .values[0]
    )


def _outcome(judged: JudgedOutcome) -> dict[str, Any]:
    return {"outcome_reward": judged.outcome, "judge_calls": judged.calls}


def _group(
    outcome_rewards: list[float],
    rubric_rewards: list[float],
    eta: float = 0.3,
    normalize_by_group_max: bool = True,
    mode: str = "positive_only",
) -> list[float]:
    return list(
        PAPER.build(
            VARIANTS[mode],
            outcome=Given("outcome", name="outcome"),
            recall=Given("rubric", name="rubric"),
            eta=eta,
            normalize=normalize_by_group_max,
        )
        .score(
            Batch(
                [""] * len(outcome_rewards),
                groups=[0] * len(outcome_rewards),
                outcome=outcome_rewards,
                rubric=rubric_rewards,
            )
        )
        .values
    )


PARTS = {
    "normalize_string": normal_form,
    "entity_rubric_reward": _recall,
    "chunk_fbeta_baseline": lambda response, gold_chunks, beta=2.0: float(
        ChunkFBeta(beta=beta, of="whole").score(Batch([response], gold_chunks=[gold_chunks])).values[0]
    ),
    "judge_outcome_reward": lambda response, scripted_judge_outputs: _outcome(
        outcome_of_replies(response, scripted_judge_outputs, variant="official")
    ),
    "group_reward": _group,
    "grpo_advantage": lambda rewards, eps=1e-6, ddof=1: list(
        grpo_advantage(rewards, [0] * len(rewards), eps=eps, ddof=ddof)
    ),
}
