"""How good a ranked list or a set of found things is: gains discounted by rank, and recall balanced with precision."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike


def dcg(relevance: ArrayLike) -> float:
    """Discounted cumulative gain sum_i (2^s_i - 1) / log2(i + 1), i from 1, of graded relevance in the order of the list.

    Source: Burges et al. 2005, the exponential form of Järvelin and Kekäläinen 2002.

    >>> round(dcg([3, 2, 0, 1]), 6)
    9.323466
    """
    gains = np.exp2(np.asarray(relevance, dtype=np.float64).reshape(-1)) - 1.0
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())


def ndcg(retrieved: Sequence[Hashable], relevant: Sequence[Hashable], *, repeats: bool = False) -> float:
    """DCG of what was retrieved, in order of arrival, over the DCG of all that is relevant standing first; 1 only then.

    0 where nothing is relevant. What is listed twice counts once, where it came first, so that the value lies in [0, 1]. With
    ``repeats`` every entry of both lists counts, and a relevant page retrieved twice gives more than 1.

    Source: VRAG-RL 2025 (arXiv 2505.22019), retrieval efficiency; ``repeats`` as released.

    >>> round(ndcg(["b", "a"], ["a"]), 4), ndcg(["a", "b"], ["a"]), ndcg([], ["a"])
    (0.6309, 1.0, 0.0)
    >>> round(ndcg(["a", "a"], ["a"], repeats=True), 4), ndcg(["a", "a"], ["a"])
    (1.6309, 1.0)
    """
    wanted = set(relevant)
    listed = retrieved if repeats else list(dict.fromkeys(retrieved))
    ideal = dcg(np.ones(len(relevant) if repeats else len(wanted)))
    return dcg([one in wanted for one in listed]) / ideal if ideal else 0.0


def f_beta(found: Collection[Hashable], wanted: Collection[Hashable], *, beta: float = 1.0) -> float:
    """(1 + beta^2) P R / (beta^2 P + R) of two sets, in [0, 1]; recall weighs beta times as much as precision.

    0 where they share nothing, also where one is empty.

    Source: van Rijsbergen 1979.

    >>> round(f_beta({1, 2, 3}, {1, 3}, beta=2), 4), f_beta({1}, set())
    (0.9091, 0.0)
    """
    if not beta > 0:
        raise ValueError(f"beta={beta} must be positive")
    hits = len(set(found) & set(wanted))
    if not hits:
        return 0.0
    precision, recall = hits / len(set(found)), hits / len(set(wanted))
    return (1.0 + beta**2) * precision * recall / (beta**2 * precision + recall)
