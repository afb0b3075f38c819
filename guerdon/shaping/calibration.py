"""Whether a number can be trusted: confidences against what was right, scores against labels.

Items with a NaN on either side are left out. ``labels`` and ``correct`` are 0 or 1.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values, group_rank


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, *, bins: int = 10) -> float:
    """sum_b (n_b / n) |accuracy_b - mean confidence_b| over equal-width bins of [0, 1], closed on the right, the first at 0 too.

    NaN without items.

    Raises:
        ValueError: a confidence outside [0, 1].

    >>> expected_calibration_error([0.5, 0.5], [1, 0])
    0.0
    """
    if bins < 1:
        raise ValueError(f"bins={bins} must be at least 1")
    p, y = _paired(confidence, correct, "confidence", "correct")
    if np.any((p < 0) | (p > 1)):
        raise ValueError(f"confidence must lie in [0, 1], not in [{p.min()}, {p.max()}]")
    if not p.size:
        return math.nan
    index = np.maximum(np.searchsorted(np.linspace(0.0, 1.0, bins + 1), p, side="left") - 1, 0)
    gaps = np.bincount(index, weights=y, minlength=bins) - np.bincount(index, weights=p, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def brier_score(confidence: ArrayLike, correct: ArrayLike) -> float:
    """mean (confidence - correct)^2, 0 is best; NaN without items.

    >>> brier_score([1.0, 0.5], [1, 0])
    0.125
    """
    p, y = _paired(confidence, correct, "confidence", "correct")
    return float(((p - y) ** 2).mean()) if p.size else math.nan


def auroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Chance that a random positive scores above a random negative, ties half; 0.5 says nothing.

    Raises:
        ValueError: all labels are the same, so that there is no pair to compare.

    >>> auroc([0.1, 0.4, 0.4, 0.9], [0, 0, 1, 1])
    0.875
    """
    s, y = _both_classes(scores, labels)
    positives = y > 0
    count = int(positives.sum())
    ranks = group_rank(s, np.zeros(len(s), dtype=np.int64))
    return float((ranks[positives].sum() - count * (count + 1) / 2.0) / (count * (len(s) - count)))


def precision_recall_auc(
    scores: ArrayLike, labels: ArrayLike, *, method: Literal["trapezoid", "average_precision"] = "trapezoid"
) -> float:
    """Area under precision over recall, one point per distinct score, equal scores falling together.

    ``trapezoid`` joins the points by lines, starting at (recall 0, precision 1); ``average_precision`` is the step sum
    sum (R_k - R_{k-1}) P_k, which is never the higher for interpolating.

    Raises:
        ValueError: all labels are the same.

    >>> precision_recall_auc([0.5, 0.5, 0.5], [0, 1, 1]).__round__(4)
    0.8333
    """
    if method not in ("trapezoid", "average_precision"):
        raise ValueError(f"method={method!r} is unknown; choices: trapezoid, average_precision")
    hits, _, called, total = _curve(scores, labels)
    recall, precision = np.append(0.0, hits / total), np.append(1.0, hits / called)
    height = precision[1:] if method == "average_precision" else (precision[1:] + precision[:-1]) / 2.0
    return float((np.diff(recall) * height).sum())


def true_positive_rate_at(scores: ArrayLike, labels: ArrayLike, *, false_positive_rate: float) -> float:
    """Largest share of positives above a threshold that lets at most ``false_positive_rate`` of the negatives through.

    Raises:
        ValueError: all labels are the same, or a rate outside [0, 1].

    >>> true_positive_rate_at([0.1, 0.6, 0.5, 0.9], [0, 0, 1, 1], false_positive_rate=0.0)
    0.5
    """
    if not 0.0 <= false_positive_rate <= 1.0:
        raise ValueError(f"false_positive_rate={false_positive_rate} must lie in [0, 1]")
    hits, false, _, total = _curve(scores, labels)
    allowed = false / max(float(false[-1]), 1.0) <= false_positive_rate
    return float(hits[allowed].max() / total) if allowed.any() else 0.0


def false_positive_threshold(negatives: ArrayLike, *, false_positive_rate: float) -> float:
    """The lowest score above which lie at most ``false_positive_rate`` of the scores of negatives. NaN scores are left out.

    Raises:
        ValueError: no score, or a rate outside [0, 1].

    >>> false_positive_threshold([0.0, 1.0, 2.0, 3.0], false_positive_rate=0.25)
    2.0
    """
    if not 0.0 <= false_positive_rate <= 1.0:
        raise ValueError(f"false_positive_rate={false_positive_rate} must lie in [0, 1]")
    v = as_values(negatives, "negatives")
    v = np.sort(v[~np.isnan(v)])
    if not v.size:
        raise ValueError("negatives holds no score to choose a threshold from")
    return float(v[max(len(v) - 1 - math.floor(false_positive_rate * len(v) + 1e-9), 0)])


def best_threshold(scores: ArrayLike, labels: ArrayLike) -> float:
    """The cut, among midpoints of neighbouring distinct scores and the two ends, that calls most items right (score >= cut).

    The lowest on ties. Choose it on other rows than it is reported on.

    >>> best_threshold([0.1, 0.4, 0.6], [0, 1, 1])
    0.25
    """
    s, y = _paired(scores, labels, "scores", "labels")
    if not s.size:
        raise ValueError("scores holds no item to choose a threshold from")
    levels = np.unique(s)
    cuts = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]) / 2.0, [np.inf]])
    order = np.argsort(s, kind="stable")
    ordered = y[order]
    below = np.searchsorted(s[order], cuts, side="left")
    negatives_below = np.append(0.0, np.cumsum(1.0 - ordered))[below]
    positives_above = ordered.sum() - np.append(0.0, np.cumsum(ordered))[below]
    return float(cuts[int(np.argmax(negatives_below + positives_above))])


def _curve(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats, Floats, float]:
    """At each distinct score, from the highest: positives, negatives and items called; and the number of positives."""
    s, y = _both_classes(scores, labels)
    order = np.argsort(-s, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(s[order]) != 0, True))
    hits = np.cumsum(y[order])[ends]
    called: Floats = (ends + 1).astype(np.float64)
    return hits, called - hits, called, float(y.sum())


def _paired(first: ArrayLike, second: ArrayLike, *names: str) -> tuple[Floats, Floats]:
    a, b = as_values(first, names[0]), as_values(second, names[1])
    if len(a) != len(b):
        raise ValueError(f"{names[0]} has {len(a)} entries and {names[1]} {len(b)}; give one of each per item")
    kept = ~(np.isnan(a) | np.isnan(b))
    a, b = a[kept], b[kept]
    if np.any((b != 0) & (b != 1)):
        raise ValueError(f"{names[1]} must be 0 or 1")
    return a, b


def _both_classes(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    s, y = _paired(scores, labels, "scores", "labels")
    if not 0 < y.sum() < len(y):
        raise ValueError(f"labels hold {int(y.sum())} positives among {len(y)} items; both classes are needed")
    return s, y
