"""Search-Gen-V: variant ``"official"`` (a label that does not occur counts 1 in F1, what is no label is passed over)."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, find_paper
from guerdon.papers.search_gen_v import max_support
from guerdon.shaping.classification import verifier_metrics
from guerdon.text.label_list import parse_labels, reasoning_format

REWARD = find_paper("search-gen-v").build("official")


def _reward(completion: str, **row: Any) -> float:
    return float(REWARD.score(Batch([completion], columns={name: [value] for name, value in row.items()})).values[0])


PARTS = {
    "verifier_reward": lambda completion, gold_labels_text, nuggets_count, format_hint: _reward(
        completion, gold_labels_text=gold_labels_text, nuggets_count=nuggets_count, format_hint=format_hint
    ),
    "parse_labels": lambda text: parse_labels(text),
    "reasoning_format": lambda completion: reasoning_format(completion),
    "max_support_aggregation": lambda predictions: max_support(predictions),
    "verifier_metrics": lambda y_true, y_pred: verifier_metrics(y_true, y_pred),
}
