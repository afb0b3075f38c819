"""An outcome first, other evidence only for what the outcome leaves open, and a floor for good form."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.combine import as_terms
from guerdon.shaping.groups import Floats

Ladder = Literal["default", "monotone", "official"]


def residual(terms: ArrayLike, *, weight: float = 1.0) -> Floats:
    """r + w s (1 - r) of the terms outcome r, other evidence s and, if there is a third, weight w per sample.

    Where r = 1 the evidence is not looked at, so that it may be unscored.

    Raises:
        ValueError: not two or three terms.

    Source: SubSearch 2026 (arXiv 2604.07415), adaptive residual.

    >>> residual([[1.0, 0.0, 0.5], [0.5, 0.5, 0.5]], weight=0.5).tolist()
    [1.0, 0.25, 0.625]
    """
    t = as_terms(terms)
    if len(t) not in (2, 3):
        raise ValueError(f"residual takes an outcome, other evidence and maybe a weight: 2 or 3 terms, not {len(t)}")
    weights = t[2] if len(t) == 3 else weight
    return np.asarray(np.where(t[0] == 1.0, 1.0, t[0] + weights * t[1] * (1.0 - t[0])))


def format_ladder(
    terms: ArrayLike, *, structure: float = 0.2, final: float = 0.1, retrieval: float = 0.1, ladder: Ladder = "default"
) -> Floats:
    """A value with its form: terms value v, answered, valid form and gold in evidence (the last three 0 or 1).

    A worthless answer stands on the floor f: ``structure`` in valid form, ``retrieval`` more with the gold in its evidence, and
    ``final`` in invalid form; a perfect one reaches t = 1, or 1 - ``structure`` in invalid form. Without an answer: f in valid
    form, else 0. In between:

    * ``"default"``: f + (t - f) v, v cut to [.., 1], at least 0: rises with v everywhere (our design).
    * ``"official"``: f where v <= 0; else v, ``retrieval`` more with the gold in evidence (at most 1), or max(0, v - structure) in
      invalid form. A little value is then worth less than none: 0.1 < f.
    * ``"monotone"``: the larger of f and the official value, so that values below f make no difference.

    Raises:
        ValueError: not four terms, or an unknown ``ladder``.

    Source: SubSearch 2026 (arXiv 2604.07415), released code.

    >>> format_ladder([[0.1, 1.0], [1, 1], [1, 0], [0, 0]]).round(3).tolist()
    [0.28, 0.8]
    >>> format_ladder([[0.1, 0.0], [1, 1], [1, 1], [0, 0]], ladder="official").tolist()
    [0.1, 0.2]
    """
    t = as_terms(terms)
    if len(t) != 4:
        raise ValueError(f"format_ladder takes value, answered, valid form and gold in evidence: 4 terms, not {len(t)}")
    if ladder not in ("default", "monotone", "official"):
        raise ValueError(f"ladder={ladder!r} is unknown; choose 'default', 'monotone' or 'official'")
    value, answered, valid, evidence = t[0], t[1] >= 0.5, t[2] >= 0.5, t[3] >= 0.5
    formed = np.where(valid & evidence, structure + retrieval, structure)
    floor = np.where(valid, formed, final)
    if ladder == "default":
        top = np.where(valid, 1.0, 1.0 - structure)
        reached = np.maximum(floor + (top - floor) * np.minimum(value, 1.0), 0.0)
    else:
        kept = np.where(valid & evidence, np.minimum(value + retrieval, 1.0), value)
        kept = np.where(valid, kept, np.maximum(value - structure, 0.0))
        reached = np.where(value > 0, np.maximum(kept, floor) if ladder == "monotone" else kept, floor)
        reached = np.where(np.isnan(value), np.nan, reached)
    result = np.where(answered, reached, np.where(valid, formed, 0.0))
    return np.asarray(np.where(np.isnan(t[1:3]).any(axis=0) | (valid & np.isnan(t[3])), np.nan, result))
