"""Accuracy of a scorer on pairs whose sides are written in several styles, from against the style to helped by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from guerdon.shaping.groups import Floats

STYLES = ("concise", "detailed_plain", "detailed_markdown")
DOMAINS = ("chat", "math", "code", "safety")


def style_matrix(chosen: Any, rejected: Any) -> Floats:
    """(S, S) share of items in which the chosen response in style i beats the rejected one in style j; ties lose.

    ``chosen`` and ``rejected`` are (N, S) scores. NaN without items.

    >>> style_matrix([[3, 2]], [[2, 2]]).tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    a, b = np.asarray(chosen, dtype=np.float64), np.asarray(rejected, dtype=np.float64)
    if not len(a):
        return np.full((len(STYLES),) * 2, np.nan)
    return np.asarray((a[:, :, None] > b[:, None, :]).mean(axis=0))


def style_accuracies(matrix: Any) -> dict[str, float]:
    """``hard_acc``, ``normal_acc`` and ``easy_acc``: means of the upper triangle, the diagonal and the lower triangle.

    >>> style_accuracies([[1, 0, 0], [1, 1, 0], [1, 1, 1]])
    {'hard_acc': 0.0, 'normal_acc': 1.0, 'easy_acc': 1.0}
    """
    m = np.asarray(matrix, dtype=np.float64)
    upper, lower = np.triu_indices(len(m), 1), np.tril_indices(len(m), -1)
    return {
        "hard_acc": float(m[upper].mean()),
        "normal_acc": float(np.diag(m).mean()),
        "easy_acc": float(m[lower].mean()),
    }


def styled_pairs_accuracy(pairs: Sequence[Mapping[str, Any]], styles: Sequence[str] = STYLES) -> dict[str, float]:
    """:func:`style_accuracies` of pairs with ``score_chosen`` and ``score_rejected`` in the order of ``styles``.

    Where pairs have a ``domain``: the mean of the three for each of chat, math, code and safety, to which every domain belongs
    that begins so, the means of the three over the four, and ``total_avg_acc``. NaN for a domain without pairs.

    Source: RM-Bench, released metric, as RM-R1 2025 (arXiv 2505.02387) uses it.

    >>> styled_pairs_accuracy([{"score_chosen": [3, 3, 3], "score_rejected": [1, 2, 4]}])["hard_acc"].__round__(2)
    0.33
    """
    order = [list(styles).index(style) for style in STYLES]

    def found(kept: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        sides = [
            np.array([pair[side] for pair in kept], dtype=np.float64) for side in ("score_chosen", "score_rejected")
        ]
        shaped = [side.reshape(len(kept), -1)[:, order] if len(kept) else side for side in sides]
        return style_accuracies(style_matrix(*shaped))

    if not any("domain" in pair for pair in pairs):
        return found(pairs)
    by_domain = {
        name: found([pair for pair in pairs if str(pair.get("domain", "")).startswith(name)]) for name in DOMAINS
    }
    averages = {name: float(np.mean(list(one.values()))) for name, one in by_domain.items()}
    levels = {
        level: float(np.mean([one[level] for one in by_domain.values()]))
        for level in ("hard_acc", "normal_acc", "easy_acc")
    }
    return {**averages, **levels, "total_avg_acc": float(np.mean(list(averages.values())))}
