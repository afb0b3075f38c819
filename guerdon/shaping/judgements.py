"""Repeated yes-or-no judgements of one thing: which are kept to train on, what they say together; and balanced labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from guerdon.shaping.classification import label_scores


@dataclass(frozen=True, slots=True)
class Sampled:
    """Positions of the judgements that are kept, and the share of all that were right."""

    kept: tuple[int, ...]
    pass_rate: float


def rejection_sampled(
    judgements: Sequence[int | None],
    label: int,
    *,
    most: int | None = None,
    lengths: Sequence[float] | None = None,
    seed: int | None = None,
    too_easy: bool = True,
) -> Sampled:
    """The judgements that say the label. None, an unreadable one, is wrong.

    At most ``most`` are kept: the shortest by ``lengths``, else random ones with a ``seed``, else the first. With
    ``too_easy=False`` none is where all are right.

    Source: Libra 2025 (arXiv 2507.21645), rejection sampling for fine-tuning.

    >>> rejection_sampled([1, 0, 1, None], 1), rejection_sampled([1, 1, 1], 1, most=1, lengths=[9, 3, 5]).kept
    (Sampled(kept=(0, 2), pass_rate=0.5), (1,))
    """
    right = [i for i, said in enumerate(judgements) if said is not None and said == label]
    rate = len(right) / len(judgements) if judgements else 0.0
    if not too_easy and judgements and rate == 1.0:
        return Sampled((), rate)
    if most is not None and len(right) > most:
        if lengths is not None:
            right = sorted(right, key=lambda i: lengths[i])[:most]
        else:
            right = right[:most] if seed is None else Random(seed).sample(right, most)
    return Sampled(tuple(sorted(right)), rate)


def mean_judgement(judgements: Sequence[float | None], *, silent: float = math.nan) -> float:
    """The mean of the judgements that could be read; ``silent`` where none could.

    Source: Libra 2025 (arXiv 2507.21645), with ``silent=0``.

    >>> mean_judgement([1, None, 0, 1]).__round__(3), mean_judgement([None], silent=0.0)
    (0.667, 0.0)
    """
    read = [float(said) for said in judgements if said is not None]
    return sum(read) / len(read) if read else silent


def truth_metrics(predicted: Sequence[int | None], gold: Sequence[int | None]) -> dict[str, float]:
    """Accuracy, and the mean F1 of the two classes 0 and 1; an unread judgement (None) is wrong, an undefined F1 is 0.

    NaN without judgements.

    >>> truth_metrics([1, 1, None, 0], [1, 1, 1, 1])["accuracy"]
    0.5
    """
    if not len(gold):
        return {"accuracy": math.nan, "macro_f1": math.nan}
    accuracy = sum(p is not None and p == g for p, g in zip(predicted, gold, strict=True)) / len(gold)
    return {
        "accuracy": accuracy,
        "macro_f1": sum(label_scores(predicted, gold, label)["f1"] for label in (0, 1)) / 2.0,
    }


def subset_accuracies(subsets: Mapping[str, Mapping[str, Sequence[int | None]]]) -> dict[str, float]:
    """Accuracy of each named subset, ``{"pred": ..., "gold": ...}``, and their unweighted mean as ``average``.

    >>> subset_accuracies({"easy": {"pred": [1, 0], "gold": [1, 1]}, "hard": {"pred": [0], "gold": [0]}})["average"]
    0.75
    """
    found = {name: truth_metrics(one["pred"], one["gold"])["accuracy"] for name, one in subsets.items()}
    return {**found, "average": sum(found.values()) / len(found) if found else math.nan}


def balanced_counts(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """How many right and how many wrong responses of each generator are kept: the smaller of its counts.

    Source: Libra 2025 (arXiv 2507.21645): otherwise who wrote a response tells whether it is right.

    >>> balanced_counts({"large": {"correct": 60, "incorrect": 4}})
    {'large': 4}
    """
    return {name: min(count.get("correct", 0), count.get("incorrect", 0)) for name, count in counts.items()}
