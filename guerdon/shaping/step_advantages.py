"""Advantages of steps: how much better a step, or what follows from a token on, is than in the siblings. Ragged (N samples).

With one reward per sample, given at its end, both are GRPO's (r - mean) / (std + eps).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values, group_index, group_mean, group_std

Scale = Literal["group", "batch", "none"]


def return_advantages(
    rewards: Sequence[ArrayLike],
    positions: Sequence[ArrayLike],
    lengths: ArrayLike,
    groups: ArrayLike,
    *,
    scale: Scale = "group",
    eps: float = 1e-4,
) -> list[Floats]:
    """Per sample (T,): (G_t - b_k) / (std + eps), with G_t the sum of the rewards that token t and later ones earn.

    ``rewards[i]`` (K,) are given at the tokens ``positions[i]`` (K,), in order. b_k is the mean over the group of what is still to
    come after as many rewards as lie before t; of a sibling that has ended, 0. std is that of the group's (or the batch's) totals,
    with ddof 1. A sample whose rewards hold a NaN is not scored: it is in no baseline and its advantages are 0.

    Raises:
        ValueError: rewards and positions that do not match, or positions out of order or outside the sample.

    >>> short, long = return_advantages([[1.0], [0.0, 3.0]], [[1], [0, 2]], [2, 3], [0, 0], scale="none")
    >>> short.tolist(), long.tolist()
    ([-1.0, -1.0], [1.0, 1.5, 1.5])
    """
    given = [as_values(row, "rewards") for row in rewards]
    sizes = np.asarray(lengths, dtype=np.int64)
    places = [np.asarray(row, dtype=np.int64).reshape(-1) for row in positions]
    for i, (row, at) in enumerate(zip(given, places, strict=True)):
        if len(row) != len(at):
            raise ValueError(f"positions[{i}] has {len(at)} entries for {len(row)} rewards; give one per reward")
        if len(at) and (at.min() < 0 or at.max() >= sizes[i] or np.any(np.diff(at) < 0)):
            raise ValueError(f"positions[{i}]={at.tolist()} must be ordered within [0, {sizes[i]})")
    to_go = np.zeros((len(given), max(map(len, given), default=0) + 1))
    for i, row in enumerate(given):
        to_go[i, : len(row)] = np.cumsum(row[::-1])[::-1]
        if np.isnan(row).any():
            to_go[i] = np.nan
    spread = _spread(to_go[:, 0], groups, scale)
    baseline = np.stack([group_mean(column, groups) for column in to_go.T], axis=1)
    advantages = (to_go - baseline) / (spread + (0.0 if scale == "none" else eps))[:, None]
    return [
        np.asarray(np.nan_to_num(advantages[i, np.searchsorted(at, np.arange(sizes[i]), side="left")], nan=0.0))
        for i, at in enumerate(places)
    ]


def step_advantages(
    rewards: Sequence[ArrayLike], groups: ArrayLike, *, scale: Scale = "group", eps: float = 1e-4
) -> list[Floats]:
    """Per sample (K,): (r - mean) / (std + eps) over all steps of all samples of the group, with ddof 1.

    A step that is not scored (NaN) is in no statistic and has advantage 0. ``scale="batch"`` divides by the std of all steps,
    ``"none"`` by nothing.

    Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1.3, where a token's advantage sums over the steps from its own on.

    >>> [row.round(3).tolist() for row in step_advantages([[0.0, 1.0], [2.0]], [0, 0])]
    [[-1.0, 0.0], [1.0]]
    """
    rows = [as_values(row, "rewards") for row in rewards]
    sizes = [len(row) for row in rows]
    flat = np.concatenate(rows) if rows else np.zeros(0)
    index, _ = group_index(groups, len(rows))
    of = np.repeat(index, sizes)
    advantages = flat - group_mean(flat, of)
    if scale != "none":
        advantages = advantages / (_spread(flat, of, scale) + eps)
    return list(np.split(np.nan_to_num(advantages, nan=0.0), np.cumsum(sizes)[:-1])) if rows else []


def _spread(values: Floats, groups: ArrayLike, scale: Scale) -> Floats:
    if scale not in ("group", "batch", "none"):
        raise ValueError(f"scale={scale!r} is unknown; choices: group, batch, none")
    if scale == "none":
        return np.ones(len(values))
    return group_std(values, groups if scale == "group" else np.zeros(len(values), dtype=np.int64), ddof=1)
