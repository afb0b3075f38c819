"""Rewards and penalties on length: (N,) lengths in any unit (tokens, words, characters) to (N,). NaN length: NaN."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values, group_max, group_mean, group_min


def length_floor(lengths: ArrayLike, *, minimum: float = 10) -> Floats:
    """min(1, n / minimum): 1 from ``minimum`` on, in [0, 1].

    Source: co-author's code of Pappone et al. 2025 (arXiv 2509.13081).

    >>> length_floor([0, 5, 20]).tolist()
    [0.0, 0.5, 1.0]
    """
    if minimum <= 0:
        raise ValueError(f"minimum={minimum} must be positive")
    return np.asarray(np.minimum(np.asarray(lengths, dtype=np.float64) / minimum, 1.0))


def length_match(lengths: ArrayLike, reference_lengths: ArrayLike) -> Floats:
    """exp(-|ln(n / n*)|) = min(n, n*) / max(n, n*) with lengths of at least 1: 1 when equal, 0.5 when doubled or halved.

    Source: co-author's code of Pappone et al. 2025 (arXiv 2509.13081).

    >>> length_match([4, 8, 2, 0], 4).tolist()
    [1.0, 0.5, 0.5, 0.25]
    """
    n = np.maximum(np.asarray(lengths, dtype=np.float64), 1.0)
    m = np.maximum(np.asarray(reference_lengths, dtype=np.float64), 1.0)
    return np.asarray(np.minimum(n, m) / np.maximum(n, m))


def length_incentive(lengths: ArrayLike, *, unit: float = 100) -> Floats:
    """n / unit: more is better, without bound; meant to be multiplied with a relevance and a repetition term.

    Source: Kim & Seo 2024 (arXiv 2402.03469), LI with tokens per 100.

    >>> length_incentive([0, 250]).tolist()
    [0.0, 2.5]
    """
    if unit <= 0:
        raise ValueError(f"unit={unit} must be positive")
    return np.asarray(np.asarray(lengths, dtype=np.float64) / unit)


def short_penalty(lengths: ArrayLike, *, minimum: float, per_unit: float = 0.01) -> Floats:
    """per_unit * min(n - minimum, 0): 0 from ``minimum`` on, linear below.

    Source: Kwiatkowski et al. 2026 (arXiv 2602.03979), appendix D, for the chain of thought.

    >>> short_penalty([5, 500], minimum=100).round(4).tolist()
    [-0.95, 0.0]
    """
    return np.asarray(per_unit * np.minimum(np.asarray(lengths, dtype=np.float64) - minimum, 0.0))


def soft_overlong(lengths: ArrayLike, *, limit: float, buffer: float) -> Floats:
    """0 up to limit - buffer, then linearly down to -1 at ``limit``, -1 beyond; a buffer of 0 is a step after ``limit``.

    Raises:
        ValueError: a buffer outside [0, limit].

    Source: Yu et al. 2025, DAPO (arXiv 2503.14476), Eq. 13.

    >>> soft_overlong([80, 90, 100, 999], limit=100, buffer=20).tolist()
    [0.0, -0.5, -1.0, -1.0]
    """
    if not 0 <= buffer <= limit:
        raise ValueError(f"buffer={buffer} must lie between 0 and limit={limit}")
    n = np.asarray(lengths, dtype=np.float64)
    slope = np.minimum(limit - buffer - n, 0.0) / (buffer if buffer > 0 else 1.0)
    inside = np.maximum(slope, -1.0) if buffer > 0 else np.zeros_like(n)
    return np.asarray(np.where(np.isnan(n), np.nan, np.where(n > limit, -1.0, inside)))


def cosine_length(
    lengths: ArrayLike,
    correct: ArrayLike,
    *,
    limit: float,
    right: tuple[float, float] = (1.0, 0.5),
    wrong: tuple[float, float] = (-1.0, -0.5),
) -> Floats:
    """Reward along half a cosine from the value at length 0 to the value at ``limit``, held beyond it.

    long + (short - long) (1 + cos(pi min(n / limit, 1))) / 2 with (short, long) = ``right`` where ``correct`` is at least 0.5,
    ``wrong`` elsewhere: short right answers earn most, short wrong ones lose most. NaN where correctness is.

    Source: Yeo et al. 2025 (arXiv 2502.03373), appendix C.1.

    >>> cosine_length([50, 50, 0], [1, 0, 1], limit=100).round(6).tolist()
    [0.75, -0.75, 1.0]
    """
    if limit <= 0:
        raise ValueError(f"limit={limit} must be positive")
    n, c = np.asarray(lengths, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    height = 0.5 * (1.0 + np.cos(np.pi * np.clip(n / limit, 0.0, 1.0)))
    values = np.where(c >= 0.5, right[1] + (right[0] - right[1]) * height, wrong[1] + (wrong[0] - wrong[1]) * height)
    return np.asarray(np.where(np.isnan(c) | np.isnan(n), np.nan, values))


def group_length_penalty(
    lengths: ArrayLike,
    correct: ArrayLike,
    groups: ArrayLike,
    *,
    tolerance: float = 0.5,
    largest: float = 0.5,
    side: Literal["both", "long", "short"] = "both",
) -> Floats:
    """-largest * min(1, max(0, dev - tolerance) / (1 - tolerance)) with dev = |n - L| / L, in [-largest, 0].

    L is the mean length of the group's correct samples (``correct`` at least 0.5); 0 for all where there is none, so that a group
    without a right answer is never pushed to be shorter. ``side`` limits it to samples longer or shorter than L.

    Raises:
        ValueError: a tolerance outside [0, 1), an unknown side.

    Source: our design for the dynamic length penalty of HARMO 2025 (arXiv 2510.05283).

    >>> group_length_penalty([100, 300, 0, 9], [1, 0, 0, 0], [0, 0, 0, 1]).tolist()
    [0.0, -0.5, -0.5, 0.0]
    """
    if not 0.0 <= tolerance < 1.0:
        raise ValueError(f"tolerance={tolerance} must lie in [0, 1)")
    if side not in ("both", "long", "short"):
        raise ValueError(f"side={side!r} is unknown; choices: both, long, short")
    n, c = as_values(lengths, "lengths"), as_values(correct, "correct")
    typical = group_mean(np.where(c >= 0.5, n, np.nan), groups)
    gap = n - typical
    gap = np.abs(gap) if side == "both" else np.maximum(gap if side == "long" else -gap, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.where(gap > 0, gap / np.where(typical > 0, typical, 0.0), 0.0)
        penalty = -largest * np.minimum(np.maximum(deviation - tolerance, 0.0) / (1.0 - tolerance), 1.0)
    return np.asarray(np.where(np.isnan(n), np.nan, np.where(np.isnan(typical), 0.0, penalty + 0.0)))


def relative_length(lengths: ArrayLike, correct: ArrayLike, groups: ArrayLike) -> Floats:
    """0.5 - (n - shortest) / (longest - shortest) within the group for a correct sample, at most 0 for a wrong one.

    In [-0.5, 0.5]; 0 in a group of one length. NaN where correctness is.

    Source: Kimi k1.5 2025 (arXiv 2501.12599), length reward.

    >>> relative_length([10, 20, 30, 10], [1, 1, 0, 0], [0, 0, 0, 0]).tolist()
    [0.5, 0.0, -0.5, 0.0]
    """
    n, c = as_values(lengths, "lengths"), as_values(correct, "correct")
    low, high = group_min(n, groups), group_max(n, groups)
    spread = np.where(high > low, high - low, np.inf)
    share = np.where(high > low, 0.5 - (n - low) / spread, 0.0)
    values = np.where(c >= 0.5, share, np.minimum(share, 0.0))
    return np.asarray(np.where(np.isnan(c) | np.isnan(n), np.nan, values))
