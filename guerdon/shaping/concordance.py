"""How well predicted scores order things as the gold scores do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal


def weighted_concordance(
    predicted: Mapping[str, Any], gold: Mapping[str, Any], *, variant: Literal["default", "official"] = "default"
) -> float:
    """1 - sum(penalty) / sum(weight) over the pairs of names in both; weight 1 + |gold gap|, in [0, 1].

    The penalty is the weight for a pair in the wrong order, half of it for a false tie; a pair whose gold scores are equal is free.
    Values that do not read as numbers are skipped. 0 where no pair can be compared; ``variant="official"`` gives 1 to fewer than
    two common names, which rewards a judge for naming a single one.

    Source: RewardAnything 2025 (arXiv 2506.03637), released code.

    >>> round(weighted_concordance({"a": 4, "b": 5, "c": 1}, {"a": 5, "b": 4, "c": 1}), 3)
    0.818
    >>> weighted_concordance({"a": 5}, {"a": 5, "b": 1}), weighted_concordance({"a": 5}, {"a": 5}, variant="official")
    (0.0, 1.0)
    """
    names = [name for name in predicted if name in gold]
    if len(names) < 2 and variant == "official":
        return 1.0
    values = [(said, true) for said, true in ((_number(predicted[n]), _number(gold[n])) for n in names)]
    penalty = total = 0.0
    for i, (s, g) in enumerate(values):
        for t, h in values[i + 1 :]:
            if not all(map(math.isfinite, (s, g, t, h))):
                continue
            weight = 1.0 + abs(g - h)
            total += weight
            if (s - t) * (g - h) < 0:
                penalty += weight
            elif s == t and g != h:
                penalty += 0.5 * weight
    return max(0.0, 1.0 - penalty / total) if total else 0.0


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
