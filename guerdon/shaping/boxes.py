"""Overlap of axis-aligned boxes (x1, y1, x2, y2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.shaping.assignment import best_assignment

Floats = NDArray[np.float64]


def box_iou(left: ArrayLike, right: ArrayLike) -> Floats:
    """(n, m) intersection over union of every box of ``left`` (n, 4) with every box of ``right`` (m, 4), in [0, 1].

    Opposite corners may be given in any order. 0 where the union is 0 or an area is beyond counting.

    >>> box_iou([[0, 0, 10, 10]], [[5, 0, 15, 10], [10, 10, 0, 0]]).round(4).tolist()
    [[0.3333, 1.0]]
    """
    a, b = _sorted_corners(left), _sorted_corners(right)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        low = np.maximum(a[:, None, :2], b[None, :, :2])
        high = np.minimum(a[:, None, 2:], b[None, :, 2:])
        shared = np.clip(high - low, 0.0, None).prod(axis=-1)
        union = _areas(a)[:, None] + _areas(b)[None, :] - shared
        iou = shared / union
    return np.where(np.isfinite(iou) & (union > 0), iou, 0.0)


def multi_box_iou(predicted: ArrayLike, gold: ArrayLike) -> float:
    """Sum of IoU under the best one-to-one matching over max(#predicted, #gold): a box too many or too few costs. In [0, 1].

    0 where nothing is predicted or nothing is gold. For one box on either side it is their IoU.

    >>> multi_box_iou([[5, 5, 9, 9], [0, 0, 4, 4]], [[0, 0, 4, 4], [5, 5, 9, 9]])
    1.0
    """
    table = box_iou(predicted, gold)
    if not table.size:
        return 0.0
    return float(table[best_assignment(table)].sum() / max(table.shape))


def planned_iou(
    planned: Sequence[Sequence[float]],
    found: Sequence[Sequence[float] | None],
    names: Sequence[Hashable] | None = None,
    found_names: Sequence[Hashable] | None = None,
) -> float:
    """Mean over the planned boxes of their IoU with what was found for them; what was not found (None) counts 0. In [0, 1].

    Without names, ``found`` holds one box or None per planned box. With ``names`` of the planned and ``found_names`` of the found
    boxes (default: the same), boxes of one name are matched one to one for the largest sum. 0 where nothing is planned.

    Raises:
        ValueError: lists of different lengths.

    >>> planned_iou([[0, 0, 2, 2], [5, 5, 9, 9]], [[0, 0, 2, 2], None])
    0.5
    """
    labels = list(range(len(planned))) if names is None else list(names)
    found_labels = labels if found_names is None else list(found_names)
    if len(labels) != len(planned) or len(found_labels) != len(found):
        raise ValueError(
            f"{len(planned)} planned boxes with {len(labels)} names, {len(found)} found ones with {len(found_labels)}; "
            "give one name, and without names one found box or None, per planned box"
        )
    wanted: dict[Hashable, list[Sequence[float]]] = defaultdict(list)
    given: dict[Hashable, list[Sequence[float]]] = defaultdict(list)
    for label, box in zip(labels, planned, strict=True):
        wanted[label].append(box)
    for label, place in zip(found_labels, found, strict=True):
        if place is not None:
            given[label].append(place)
    total = 0.0
    for label, boxes in wanted.items():
        table = box_iou(boxes, given[label])
        total += float(table[best_assignment(table)].sum()) if table.size else 0.0
    return total / len(planned) if len(planned) else 0.0


def _sorted_corners(boxes: ArrayLike) -> Floats:
    table = np.asarray(boxes, dtype=np.float64)
    table = table.reshape(-1, 4) if table.size == 0 else table
    if table.ndim != 2 or table.shape[1] != 4:
        raise ValueError(f"boxes have shape {table.shape}; give (n, 4), each x1, y1, x2, y2")
    corners = table.reshape(-1, 2, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _areas(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
