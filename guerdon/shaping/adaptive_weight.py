"""The weight of other evidence beside an outcome for a batch, corrected by how outcomes go in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values
from guerdon.shaping.schedules import adapted_weight, adaptive_weight, outcome_ema


def adaptive_weights(
    outcomes: ArrayLike,
    state: Mapping[str, Any],
    *,
    weight: float,
    highest: float = 0.2,
    floor: float = 0.02,
    target: float = 0.65,
    tolerance: float = 5e-4,
    rate: float = 0.2,
    largest_step: float = 0.01,
    decay: float = 0.98,
) -> Floats:
    """(N,) the one :func:`~guerdon.shaping.schedules.adapted_weight` under the outcomes of earlier batches.

    A sample's weight depends neither on its neighbours nor on its place; ``decay`` is for
    :func:`~guerdon.shaping.schedules.outcome_ema`, which moves the state on.

    >>> adaptive_weights([0.0, 1.0], {"ema": 0.0, "slope": 0.0}, weight=0.15).tolist()
    [0.1565, 0.1565]
    """
    corrected, _ = adapted_weight(
        weight,
        state,
        highest=highest,
        floor=floor,
        target=target,
        tolerance=tolerance,
        rate=rate,
        largest_step=largest_step,
    )
    return np.full(len(as_values(outcomes)), corrected)


def adaptive_weights_in_order(
    outcomes: ArrayLike,
    state: Mapping[str, Any],
    *,
    weight: float,
    highest: float = 0.2,
    floor: float = 0.02,
    target: float = 0.65,
    tolerance: float = 5e-4,
    rate: float = 0.2,
    largest_step: float = 0.01,
    decay: float = 0.98,
) -> Floats:
    """(N,) weights taken sample by sample, each after its own outcome has entered the EMA, as SubSearch's release does.

    They depend on the order of the batch.

    >>> nothing_yet = {"ema": None, "slope": 0.0}
    >>> adaptive_weights_in_order([0.0, 1.0], nothing_yet, weight=0.15).tolist()
    [0.1565, 0.15]
    """
    weights = []
    for outcome in as_values(outcomes).tolist():
        corrected, state = adaptive_weight(
            weight,
            outcome,
            state,
            highest=highest,
            floor=floor,
            target=target,
            tolerance=tolerance,
            rate=rate,
            largest_step=largest_step,
            decay=decay,
        )
        weights.append(corrected)
    return np.array(weights, dtype=np.float64)


def outcome_ema_in_order(outcomes: ArrayLike, state: Mapping[str, Any], *, decay: float = 0.98) -> dict[str, Any]:
    """:func:`~guerdon.shaping.schedules.outcome_ema` of one outcome after the other.

    >>> outcome_ema_in_order([0.0, 1.0], {"ema": None, "slope": 0.0}, decay=0.5)["ema"]
    0.5
    """
    for outcome in as_values(outcomes).tolist():
        state = outcome_ema([outcome], state, decay=decay)
    return dict(state)
