"""How well labels were predicted: F1 of each, averages over labels, and measures that do not hide what was not predicted."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

Label = Hashable
Counts = Mapping[str, float]


def label_scores(predicted: Sequence[Label], gold: Sequence[Label], label: Label) -> dict[str, float]:
    """Precision, recall and F1 of one label against the rest, position by position; 0 where undefined.

    >>> label_scores(["a", "b", "a"], ["a", "a", "b"], "a")
    {'precision': 0.5, 'recall': 0.5, 'f1': 0.5}
    """
    _check(predicted, gold)
    hits = sum(p == g == label for p, g in zip(predicted, gold, strict=True))
    said, true = sum(p == label for p in predicted), sum(g == label for g in gold)
    precision, recall = hits / said if said else 0.0, hits / true if true else 0.0
    f1 = 2.0 * precision * recall / (precision + recall) if hits else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def macro_f1(
    predicted: Sequence[Label],
    gold: Sequence[Label],
    labels: Sequence[Label],
    *,
    absent: Literal["skip", "one"] = "skip",
) -> float:
    """Mean over labels of their F1; a label that stands in neither is left out, or with ``absent="one"`` counts 1.

    0 where nothing is left.

    Source: Search-Gen-V 2025 (arXiv 2510.14660), released, with ``"one"``.

    >>> gold, said = ["support", "not", "partial"], ["support", "not", "not"]
    >>> (
    ...     round(macro_f1(said, gold, ["support", "not", "partial"]), 4),
    ...     macro_f1(["not"], ["support"], ["support", "not", "partial"]),
    ... )
    (0.5556, 0.0)
    """
    _check(predicted, gold)
    present = {*predicted, *gold}
    scores = [label_scores(predicted, gold, label)["f1"] if label in present else 1.0 for label in labels]
    kept = [s for s, label in zip(scores, labels, strict=True) if absent == "one" or label in present]
    return sum(kept) / len(kept) if kept else 0.0


def averaged_scores(predicted: Sequence[Label], gold: Sequence[Label]) -> dict[str, float]:
    """``micro_f1`` (the accuracy) and macro precision, recall and F1 over the labels of either side; {} without any.

    >>> averaged_scores(["a", "b"], ["a", "a"])["macro_recall"]
    0.25
    """
    _check(predicted, gold)
    if not len(gold):
        return {}
    found = [label_scores(predicted, gold, label) for label in dict.fromkeys([*gold, *predicted])]
    means = {
        f"macro_{name}": math.fsum(one[name] for one in found) / len(found) for name in ("precision", "recall", "f1")
    }
    return {"micro_f1": sum(p == g for p, g in zip(predicted, gold, strict=True)) / len(gold), **means}


def verifier_metrics(
    gold: Sequence[Label], predicted: Sequence[Label | None], *, error: Label = "error"
) -> dict[str, object]:
    """Scores of labels of which some are missing.

    ``valid``: over those that were predicted; ``all``: with what was not predicted as labels of its own (None as "_none",
    ``error`` as "_error"); ``validity_rate``: the share that was predicted.

    Source: Search-Gen-V 2025 (arXiv 2510.14660), evaluation.

    >>> verifier_metrics(["a", "a"], ["a", None])["validity_rate"]
    0.5
    """
    _check(predicted, gold)
    valid = [(p, g) for p, g in zip(predicted, gold, strict=True) if p is not None and p != error]
    named: list[Label] = ["_none" if p is None else "_error" if p == error else p for p in predicted]
    return {
        "validity_rate": len(valid) / len(gold) if len(gold) else 0.0,
        "valid": averaged_scores([p for p, _ in valid], [g for _, g in valid]),
        "all": averaged_scores(named, gold),
    }


def _check(predicted: Sequence[object], gold: Sequence[object]) -> None:
    if len(predicted) != len(gold):
        raise ValueError(
            f"there are {len(predicted)} predicted and {len(gold)} gold labels; give one for each position"
        )
