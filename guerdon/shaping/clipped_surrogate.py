"""The clipped surrogate of PPO and GRPO, as a number: the quantity a policy update maximises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats


def clipped_terms(advantages: ArrayLike, log_ratios: ArrayLike, *, clip: float = 0.2) -> Floats:
    """min(rho A, clip(rho, 1 - ``clip``, 1 + ``clip``) A) with rho = exp(log ratio); entry by entry.

    >>> clipped_terms([1.0, -1.0], [1.0, -1.0]).tolist()
    [1.2, -0.8]
    """
    a, rho = np.asarray(advantages, dtype=np.float64), np.exp(np.asarray(log_ratios, dtype=np.float64))
    return np.asarray(np.minimum(rho * a, np.clip(rho, 1.0 - clip, 1.0 + clip) * a))


def step_objective(
    advantages: Sequence[ArrayLike],
    log_ratios: Sequence[ArrayLike],
    kl: Sequence[Any] | None = None,
    *,
    clip: float = 0.2,
    kl_weight: float = 0.001,
    reduction: Literal["mean", "sum"] = "mean",
) -> float:
    """Over steps, the mean (or sum) of [mean over the step's candidates of the clipped term - ``kl_weight`` KL]; to be maximised.

    ``advantages`` and ``log_ratios`` hold a row per step, one entry per candidate; ``kl`` a number or a row per step. 0 without
    steps. The mean counts every step alike, the sum every question.

    Raises:
        ValueError: rows that do not fit.

    Source: SLATE 2026 (arXiv 2602.23440): the sum is the paper's, the mean the released code's.

    >>> round(step_objective([[1.0, -1.0, 1.0, -1.0]], [[0.5, 0.5, -0.5, -0.5]]), 4)
    -0.1605
    """
    if len(advantages) != len(log_ratios) or (kl is not None and len(kl) != len(advantages)):
        raise ValueError("advantages, log_ratios and kl must hold one row per step")
    divergence = [0.0] * len(advantages) if kl is None else [float(np.mean(row)) for row in kl]
    steps = [
        float(clipped_terms(a, r, clip=clip).mean()) - kl_weight * d
        for a, r, d in zip(advantages, log_ratios, divergence, strict=True)
    ]
    total = float(np.sum(steps))
    return total / len(steps) if steps and reduction == "mean" else total
