"""Making cosines of sentence embeddings comparable: the cosine of strangers, and vectors freed from what all have in common.

Embeddings fill a narrow cone, so that unrelated texts have a cosine well above 0. Numpy in, numpy out.
"""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import ArrayLike, NDArray

from guerdon.errors import UserError

Floats = NDArray[np.float64]


def expected_cosine(vectors: ArrayLike) -> float:
    """The mean cosine over all pairs of different rows of (N, d): what two texts score that have nothing to do with each other.

    (|sum of unit rows|^2 - N) / (N (N - 1)). Rows with NaN are left out, a zero row has cosine 0 with all.
    Fewer than two rows: NaN.

    >>> expected_cosine([[1, 0], [0, 2], [1, 0]])
    0.3333333333333333
    """
    unit, _ = _unit(_sample(vectors))
    count = len(unit)
    if count < 2:
        return float("nan")
    own = float((unit * unit).sum())
    total = unit.sum(axis=0)
    return (float(total @ total) - own) / (count * (count - 1))


def expected_pair_cosine(left: ArrayLike, right: ArrayLike) -> float:
    """The mean cosine over all pairs of a row of (N, d) and a row of (M, d), such as completions and references of other prompts.

    >>> expected_pair_cosine([[1, 0]], [[1, 0], [0, 1]])
    0.5
    """
    a, _ = _unit(_sample(left))
    b, _ = _unit(_sample(right))
    return float(a.mean(axis=0) @ b.mean(axis=0)) if len(a) and len(b) else float("nan")


def subtract_baseline(cosines: ArrayLike, baseline: ArrayLike) -> Floats:
    """(s - b) / (1 - b): 1 stays 1, a cosine at the baseline becomes 0, one below it negative.

    >>> subtract_baseline([1.0, 0.6, 0.2], 0.6).round(6).tolist()
    [1.0, 0.0, -1.0]
    """
    base = np.asarray(baseline, dtype=np.float64)
    if np.any(base >= 1):
        raise UserError(f"baseline={baseline!r:.60} must be below 1: there is no room above it")
    return np.asarray((np.asarray(cosines, dtype=np.float64) - base) / (1 - base))


def fit_all_but_the_top(vectors: ArrayLike, directions: int) -> tuple[Floats, Floats]:
    """The mean (d,) of a sample (N, d) and the ``directions`` (k, d) along which it varies most, largest first.

    Source: Mu and Viswanath 2018, All-but-the-Top, algorithm 1; the authors take k near d / 100.

    >>> mean, top = fit_all_but_the_top([[0, 0], [2, 0], [4, 0.1]], directions=1)
    >>> np.abs(top).round(2).tolist()
    [[1.0, 0.02]]
    """
    sample = _sample(vectors)
    most = min(max(len(sample) - 1, 0), sample.shape[1])
    if not 0 <= directions <= most:
        raise UserError(f"directions={directions} must be between 0 and {most} for a sample of shape {sample.shape}")
    mean = sample.mean(axis=0)
    _, _, axes = np.linalg.svd(sample - mean, full_matrices=False)
    return mean, np.asarray(axes[:directions])


def fit_whitening(vectors: ArrayLike, dimensions: int | None = None, ridge: float = 1e-6) -> tuple[Floats, Floats]:
    """The mean (d,) of a sample (N, d) and a matrix (d, k) after which its k strongest directions have unit variance.

    ``ridge`` is added to each variance, as a share of the largest. Source: Su et al. 2021, Whitening Sentence Representations,
    section 3.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(500, 2)) * [3, 1] + 7
    >>> mean, matrix = fit_whitening(x)
    >>> bool(np.allclose(np.cov(((x - mean) @ matrix).T), np.eye(2), atol=1e-3))
    True
    """
    sample = _sample(vectors)
    most = min(max(len(sample) - 1, 0), sample.shape[1])
    kept = most if dimensions is None else dimensions
    if not 1 <= kept <= most:
        raise UserError(f"dimensions={kept} must be between 1 and {most} for a sample of shape {sample.shape}")
    mean = sample.mean(axis=0)
    _, singular, axes = np.linalg.svd(sample - mean, full_matrices=False)
    variance = singular[:kept] ** 2 / (len(sample) - 1)
    if variance[0] <= 0:
        raise UserError("the sample does not vary; fit on texts that differ")
    return mean, np.asarray(axes[:kept].T / np.sqrt(variance + ridge * variance[0]))


def corrected(
    vectors: ArrayLike, mean: ArrayLike, directions: ArrayLike | None = None, whitening: ArrayLike | None = None
) -> Floats:
    """Rows minus the mean, minus their share along ``directions`` (k, d), times ``whitening`` (d, m), at unit length.

    A row that this leaves at zero stays zero; a NaN row stays NaN.

    >>> corrected([[3.0, 4.0]], mean=[0.0, 2.0], directions=[[0.0, 1.0]]).tolist()
    [[1.0, 0.0]]
    """
    moved = np.asarray(vectors, dtype=np.float64) - np.asarray(mean, dtype=np.float64)
    if directions is not None:
        axes = np.asarray(directions, dtype=np.float64)
        moved = moved - (moved @ axes.T) @ axes
    if whitening is not None:
        moved = moved @ np.asarray(whitening, dtype=np.float64)
    return _unit(moved)[0]


def pack(array: ArrayLike) -> str:
    """An array as text, ``"rows x columns:base64 of float32"``, to stand in a specification.

    >>> pack([[1.0, 2.0]])
    '1x2:AACAPwAAAEA='
    """
    values = np.asarray(array, dtype="<f4")
    shape = "x".join(str(size) for size in values.shape)
    return f"{shape}:{base64.b64encode(values.tobytes()).decode()}"


def unpack(text: str) -> Floats:
    """The array that :func:`pack` wrote.

    Raises:
        UserError: it did not write this.

    >>> unpack("1x2:AACAPwAAAEA=").tolist()
    [[1.0, 2.0]]
    """
    try:
        shape, _, data = text.partition(":")
        sizes = [int(size) for size in shape.split("x")]
        return np.frombuffer(base64.b64decode(data, validate=True), dtype="<f4").reshape(sizes).astype(np.float64)
    except (ValueError, AttributeError) as error:
        raise UserError(f"{text!r:.60} is no packed array: {error}") from error


def _sample(vectors: ArrayLike) -> Floats:
    sample = np.asarray(vectors, dtype=np.float64)
    if sample.ndim != 2:
        raise UserError(f"vectors must have the shape (N, d), not {sample.shape}")
    return sample[np.isfinite(sample).all(axis=1)]


def _unit(vectors: Floats) -> tuple[Floats, Floats]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms == 0, 1.0, norms)), norms
