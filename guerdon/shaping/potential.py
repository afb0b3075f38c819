"""Potential-based shaping: extra reward on the way that leaves the best policy as it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values


def potential_shaping(rewards: ArrayLike, potentials: ArrayLike, *, gamma: float = 1.0) -> Floats:
    """r_t + gamma Phi(s_{t+1}) - Phi(s_t) for rewards (T,) and potentials (T + 1,).

    The best policy stays the same where the potential of the terminal state is 0; the discounted sum then changes by -Phi(s_0)
    only. NaN where a reward or one of its potentials is.

    Raises:
        ValueError: not one potential more than rewards.

    Source: Ng, Harada and Russell 1999.

    >>> potential_shaping([0.0, 0.0, 0.0], [0.0, 3.0, 1.0, 2.0]).tolist()
    [3.0, -2.0, 1.0]
    """
    r, phi = as_values(rewards, "rewards"), as_values(potentials, "potentials")
    if len(phi) != len(r) + 1:
        raise ValueError(f"potentials has {len(phi)} entries for {len(r)} rewards; give one per state, {len(r) + 1}")
    return np.asarray(r + gamma * phi[1:] - phi[:-1])
