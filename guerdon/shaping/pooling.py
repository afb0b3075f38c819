"""From the hidden states of a sequence to one value."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

Pooling = Literal["last", "mean"]
Padding = Literal["masked", "left"]


def pooled_value(
    hidden: ArrayLike,
    attention_mask: ArrayLike,
    weights: ArrayLike,
    *,
    way: Pooling = "last",
    padding: Padding = "masked",
) -> float:
    """v . h of a sequence: a value head without bias on the last hidden state, or on the mean of all.

    Args:
        hidden: (T, D) states.
        attention_mask: (T,), 1 where a token stands, 0 for padding.
        weights: (D,) of the head.
        way: ``"last"``, the last token that the mask keeps, or ``"mean"`` of those it keeps.
        padding: ``"left"`` takes position T - 1 as the last, as released code does: wrong where padding stands on the right.

    Returns:
        the value; NaN where the mask keeps nothing.

    Raises:
        ValueError: shapes that do not fit, an unknown ``way``.

    Source: Themis 2023 (arXiv 2310.01045).

    >>> (
    ...     pooled_value([[1.0, 2.0], [9.0, 9.0]], [1, 0], [1.0, -1.0]),
    ...     pooled_value([[1.0], [3.0]], [1, 1], [1.0], way="mean"),
    ... )
    (-1.0, 2.0)
    """
    h, v = np.asarray(hidden, dtype=np.float64), np.asarray(weights, dtype=np.float64).reshape(-1)
    kept = np.asarray(attention_mask, dtype=np.float64).reshape(-1) > 0
    if h.ndim != 2 or h.shape != (len(kept), len(v)):
        raise ValueError(f"hidden has shape {h.shape}; give ({len(kept)}, {len(v)}) for this mask and these weights")
    if way not in ("last", "mean"):
        raise ValueError(f"way={way!r} is unknown; choose 'last' or 'mean'")
    if not kept.any():
        return float("nan")
    if way == "mean":
        return float(h[kept].mean(axis=0) @ v)
    return float(h[-1 if padding == "left" else int(np.flatnonzero(kept)[-1])] @ v)
