"""Strategies: values with gaps, in groups of any numbers, sizes and order."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

NAN = float("nan")


def numbers(low: float = -100.0, high: float = 100.0) -> st.SearchStrategy[float]:
    """Numbers on a grid of 1/64, so that sums and shifts are exact."""
    return st.integers(int(low * 64), int(high * 64)).map(lambda k: k / 64)


@st.composite
def grouped(draw: st.DrawFn, *, gaps: bool = True, low: float = -100.0, high: float = 100.0, least: int = 0):
    """(values, groups), some values NaN."""
    value = numbers(low, high) | st.just(NAN) if gaps else numbers(low, high)
    rows = draw(st.lists(st.tuples(value, st.integers(-3, 3)), min_size=least, max_size=24))
    values = np.array([row[0] for row in rows], dtype=np.float64)
    return values, np.array([row[1] for row in rows], dtype=np.int64)


def permuted(values: np.ndarray, groups: np.ndarray, seed: int):
    """The same samples in another order, and that order."""
    order = np.random.default_rng(seed).permutation(len(values))
    return values[order], groups[order], order


def members(values: np.ndarray, groups: np.ndarray):
    """Per group the positions of its scored samples."""
    return [np.flatnonzero((groups == g) & ~np.isnan(values)) for g in np.unique(groups)]
