"""A claim, the experiment behind it, and what its seeds say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Measure = Callable[[int], tuple[float, float]]


@dataclass(frozen=True)
class Claim:
    """What a paper's method does better than a baseline.

    Attributes:
        paper: slug.
        says: the claim in one sentence.
        measure: name of the figure both are measured by.
        ours, baseline: what is compared.
        run: seed -> (our figure, the baseline's figure), deterministic per seed, on CPU.
        seeds: how many seeds ``make claims`` runs.
        higher: whether a higher figure is better.
        minutes: whether one seed takes minutes; tests then leave it to ``make claims``.
    """

    paper: str
    says: str
    measure: str
    ours: str
    baseline: str
    run: Measure
    seeds: int = 20
    higher: bool = True
    minutes: bool = False


@dataclass(frozen=True)
class Result:
    """A claim's figures over seeds: means, and the mean paired difference with its 95% bootstrap interval."""

    claim: Claim
    ours: float
    baseline: float
    difference: float
    low: float
    high: float
    seeds: int

    @property
    def verdict(self) -> str:
        """``holds`` or ``loses`` where the interval lies on one side of 0, else ``undecided``."""
        low, high = (self.low, self.high) if self.claim.higher else (-self.high, -self.low)
        return "holds" if low > 0 else "loses" if high < 0 else "undecided"


def measured(claim: Claim, seeds: int | None = None) -> Result:
    """Run a claim's experiment over its seeds."""
    figures = np.array([claim.run(seed) for seed in range(seeds or claim.seeds)], dtype=np.float64)
    if not np.isfinite(figures).all():
        raise ValueError(f"claim {claim.says!r} gave a figure that is not finite: {figures.tolist()}")
    gaps = figures[:, 0] - figures[:, 1]
    low, high = interval(gaps)
    return Result(claim, *figures.mean(axis=0).tolist(), float(gaps.mean()), low, high, len(gaps))


def interval(values: Sequence[float], *, draws: int = 10_000) -> tuple[float, float]:
    """95% bootstrap interval of the mean."""
    sample = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(0)
    means = sample[rng.integers(0, len(sample), (draws, len(sample)))].mean(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def shown(value: float) -> str:
    """A figure as the table prints it."""
    return f"{value:.3f}" if math.isfinite(value) else "-"
