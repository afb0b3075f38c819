"""Transformed rewards add up to a conjunction: at equal KL more probability lies on answers good in both respects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon.shaping.transforms import log_sigmoid

Floats = NDArray[np.float64]
KL = 1.0


def _tilted(utility: Floats, gamma: float) -> Floats:
    odds = np.exp((utility - utility.max(axis=1, keepdims=True)) / gamma)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _divergence(policy: Floats) -> float:
    terms = np.where(policy > 0, policy * np.log(np.maximum(policy, 1e-300) * policy.shape[1]), 0.0)
    return float(terms.sum(axis=1).mean())


def _at_equal_kl(utility: Floats) -> Floats:
    """The KL-regularised optimum whose mean divergence from the uniform base is KL."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if _divergence(_tilted(utility, middle)) > KL else (low, middle)
    return _tilted(utility, high)


def _good_in_both(seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(300, 64))
    first = 2.0 * (-0.6 * shared + 0.8 * rng.normal(size=shared.shape))
    second = 2.0 * (0.6 * shared + 0.8 * rng.normal(size=shared.shape))
    references = [np.quantile(reward, 0.85, axis=1, keepdims=True) for reward in (first, second)]
    good = (first > references[0]) & (second > references[1])
    hacked = np.where(rng.random(first.shape) < 0.03, first + 8.0, first)
    transformed = log_sigmoid(hacked, reference=references[0]) + log_sigmoid(second, reference=references[1])
    return float((_at_equal_kl(transformed) * good).sum(axis=1).mean()), float(
        (_at_equal_kl(hacked + second) * good).sum(axis=1).mean()
    )


CLAIMS = (
    Claim(
        paper="transform-combine",
        says="At equal KL the sum of transformed rewards puts more probability on answers good in both than the raw sum",
        measure="probability of answers good in both, KL 1",
        ours="log-sigmoid sum",
        baseline="raw sum",
        run=_good_in_both,
        seeds=10,
    ),
)
