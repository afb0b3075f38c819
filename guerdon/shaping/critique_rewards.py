"""Rewards of judges that write a critique: a verdict that is right, and whether its arguments are the decisive ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.shaping.groups import Floats


def argument_f1(matched: float, generated: float, reference: float) -> dict[str, float]:
    """Precision, recall and F1 of the arguments of a critique against those of a reference; 0 where undefined.

    Source: RM-NLHF 2026 (arXiv 2601.07349), process reward.

    >>> argument_f1(2, 3, 2)["f1"].__round__(2)
    0.8
    """
    precision = matched / generated if generated else 0.0
    recall = matched / reference if reference else 0.0
    f1 = 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def annotated(critiques: Sequence[Any]) -> NDArray[np.bool_]:
    """(N,) whether there is a critique: text that is not blank, a mapping that holds any, or a list.

    >>> annotated(["a", " ", None, {"strengths_A": None}]).tolist()
    [True, False, False, False]
    """

    def holds(value: Any) -> bool:
        if isinstance(value, str):
            return bool(value.strip())
        if hasattr(value, "values"):
            return any(map(holds, value.values()))
        return any(map(holds, value)) if isinstance(value, (list, tuple)) else False

    return np.array([holds(critique) for critique in critiques], dtype=bool)


def critique_reward(
    terms: ArrayLike,
    *,
    critiques: Sequence[Any],
    weight_process: float = 0.5,
    weight_rule: float = 1.0,
    weight_model: float = 0.5,
) -> Floats:
    """A verdict in {-1 malformed, 0 wrong, 1 right}, more for a right one whose critique is good.

    ``terms`` are the verdict, how good the critique is, and, if there is a third, a model's prediction m of the reward. Where
    there is a human critique a right verdict is worth 1 + weight_process * goodness; elsewhere
    weight_rule + weight_model * max(0, m - 1), or 1 without a model. What is not right stays as it is, whatever the others say.

    Source: RM-NLHF 2026 (arXiv 2601.07349), released code.

    >>> critique_reward([[1, 1, 0], [1, 0, 1], [9, 1.2, 9]], critiques=["c", None, "c"]).tolist()
    [1.5, 1.1, 0.0]
    """
    verdict, goodness, *predicted = np.asarray(terms, dtype=np.float64)
    model = weight_rule + weight_model * np.maximum(0.0, predicted[0] - 1.0) if predicted else np.ones_like(verdict)
    right = np.where(annotated(critiques), 1.0 + weight_process * goodness, model)
    return np.asarray(np.where(verdict >= 1.0, right, verdict))


def critique_plan(k: int, terms: Floats, size: int, *, critiques: Sequence[Any], **weights: float) -> NDArray[np.bool_]:
    """Which rows of term ``k`` are needed: of the critique's goodness those that are right and have a human critique, else all."""
    return annotated(critiques) & (terms[0] >= 1.0) if k == 1 else np.ones(size, dtype=bool)
