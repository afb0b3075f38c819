"""Shaping of a gain in probability, by the names that released configurations use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats
from guerdon.shaping.transforms import affine, sigmoid, zero_below

_FUNCTIONS = "sigmoid, sigmoidv2, sigmoidv2fixed, sigmoidv3, tanh"
_NAMES = f"identity, one_minus, threshold_T, leaky_T, sigmoid_K, comp_threshold_T_F_K with F one of {_FUNCTIONS}"


def shape_gain(values: ArrayLike, *, shape: str) -> Floats:
    """A gain x by a named curve, s the logistic function; NaN stays NaN.

    * ``identity`` x, ``one_minus`` 1 - x, ``threshold_T`` 0 below T, ``leaky_T`` 0.01 x below T.
    * ``sigmoid_K`` s(K (2x - 1)), and s(x) for K = 0.
    * ``comp_threshold_T_F_K``, 0 where x < T, else by F: ``sigmoidv2`` s(K (x - T)), ``sigmoidv3`` 1/2 + s(K (x - 1)),
      ``sigmoidv2fixed`` T + (1 - T)(2 s(K (x - T)) - 1). With F ``sigmoid`` or ``tanh`` it is s(K (2x - 1)), 0 where that is
      below T.

    Raises:
        ValueError: an unknown name.

    Source: RLPR 2025 (arXiv 2506.18254), released code.

    >>> shape_gain([-0.4, 0.2, 1.0], shape="threshold_0").tolist()
    [0.0, 0.2, 1.0]
    >>> shape_gain([0.2, 0.5], shape="comp_threshold_0.3_sigmoid_6").tolist()
    [0.0, 0.5]
    """
    return np.asarray(_curve(shape)(np.asarray(values, dtype=np.float64)) + 0.0, dtype=np.float64)


def gain_range(shape: str, low: float, high: float) -> tuple[float, float]:
    """Lowest and highest value of :func:`shape_gain` for gains in [low, high].

    >>> gain_range("threshold_0", -1.0, 1.0), gain_range("one_minus", -1.0, 1.0)
    ((0.0, 1.0), (0.0, 2.0))
    """
    if not np.isfinite([low, high]).all():
        return -np.inf, np.inf
    shaped = shape_gain(np.linspace(low, high, 4097), shape=shape)
    return float(min(shaped.min(), 0.0 if shape.startswith(("threshold", "comp")) else shaped.min())), float(
        shaped.max()
    )


def binned_gain(value: float, bins: int) -> float:
    """round(x / (1/N)) (1/N), halves to even; where x / (1/N) falls just below a half in floating point it goes down.

    Raises:
        ValueError: fewer than one bin.

    Source: RLPR 2025 (arXiv 2506.18254), released code.

    >>> binned_gain(0.125, 4), binned_gain(0.375, 4)
    (0.0, 0.5)
    """
    if bins < 1:
        raise ValueError(f"bins={bins} must be at least 1")
    return round(value / (1.0 / bins)) * (1.0 / bins)


def _curve(shape: str) -> Callable[..., Floats]:
    kind, *rest = shape.split("_")
    try:
        if shape == "identity":
            return partial(affine, scale=1.0)
        if shape == "one_minus":
            return partial(affine, scale=-1.0, shift=1.0)
        if kind == "threshold" and len(rest) == 1:
            return partial(zero_below, at=float(rest[0]))
        if kind == "leaky" and len(rest) == 1:
            return partial(zero_below, at=float(rest[0]), slope=0.01)
        if kind == "sigmoid" and len(rest) == 1:
            return partial(_steep, sharpness=float(rest[0])) if float(rest[0]) else sigmoid
        if kind == "comp" and len(rest) == 4 and rest[0] == "threshold":
            return _compound(float(rest[1]), rest[2], float(rest[3]))
    except ValueError:
        pass
    raise ValueError(f"shape={shape!r} is unknown; choices: {_NAMES}")


def _compound(t: float, function: str, k: float) -> Callable[[Floats], Floats]:
    above: dict[str, Callable[[Floats], Floats]] = {
        "sigmoidv2": lambda x: sigmoid(x, center=t, sharpness=k),
        "sigmoidv2fixed": lambda x: t + (1.0 - t) * (2.0 * sigmoid(x, center=t, sharpness=k) - 1.0),
        "sigmoidv3": lambda x: 0.5 + sigmoid(x, center=1.0, sharpness=k),
    }
    if function in above:
        return lambda x: np.where(x < t, 0.0, above[function](x))
    if function in ("sigmoid", "tanh"):
        return lambda x: zero_below(_steep(x, sharpness=k), at=t)
    raise ValueError(function)


def _steep(x: Floats, *, sharpness: float) -> Floats:
    return sigmoid(2.0 * x - 1.0, sharpness=sharpness)
