"""Libra: the default variant; an unread mean is 0, as the paper has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from guerdon import Batch, find_paper
from guerdon.shaping.judgements import (
    balanced_counts,
    mean_judgement,
    rejection_sampled,
    subset_accuracies,
    truth_metrics,
)
from guerdon.text.boxed_truth import boxed_truth


def _reward(correct: bool, n_tokens: int, max_tokens: int, buffer_tokens: int) -> float:
    """The reward of a judge that says right, of a response that is or is not."""
    return float(
        find_paper("libra")
        .build(limit=max_tokens, buffer=buffer_tokens)
        .score(Batch(["\\boxed{1}"], completion_ids=[range(n_tokens)], label=[int(correct)]))
        .values[0]
    )


def _sampled(judgements: list[int | None], label: int) -> dict[str, Any]:
    return asdict(rejection_sampled(judgements, label))


PARTS = {
    "parse_judgement": lambda completion: boxed_truth(completion),
    "judge_reward": _reward,
    "libra_bench_metrics": lambda pred, gold: truth_metrics(pred, gold),
    "libra_bench_macro": lambda subsets: subset_accuracies(subsets),
    "balance_by_generator": lambda counts: balanced_counts(counts),
    "rejection_sampling": _sampled,
    "mean_judgement_reward": lambda judgements: mean_judgement(judgements, silent=0.0),
}
