"""What stands for a value that could not be scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats


def missing_as(values: ArrayLike, *, value: float = 0.0) -> Floats:
    """The values with ``value`` for NaN: punishes a policy where the instrument failed, so say it only where a method does.

    >>> missing_as([1.0, float("nan")]).tolist()
    [1.0, 0.0]
    """
    v = np.asarray(values, dtype=np.float64)
    return np.asarray(np.where(np.isnan(v), value, v))
