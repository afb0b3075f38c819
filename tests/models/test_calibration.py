"""Calibration of cosines, against direct computation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.errors import UserError
from guerdon.models.calibration import (
    corrected,
    expected_cosine,
    expected_pair_cosine,
    fit_all_but_the_top,
    fit_whitening,
    pack,
    subtract_baseline,
    unpack,
)


def narrow_cone(count: int = 400, width: int = 20, seed: int = 0) -> np.ndarray:
    """Vectors with a strong common part and one dominant direction, as sentence encoders give."""
    rng = np.random.default_rng(seed)
    common, dominant = rng.normal(size=width), rng.normal(size=width)
    return 2 * common + rng.normal(size=(count, 1)) * 3 * dominant + rng.normal(size=(count, width))


@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 1000))
def test_expected_cosine_is_the_mean_over_pairs(count: int, width: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(count, width))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    pairs = [unit[i] @ unit[j] for i in range(count) for j in range(count) if i != j]
    assert expected_cosine(x) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert expected_cosine(3 * x) == pytest.approx(expected_cosine(x), abs=1e-12)


def test_expected_cosine_of_rows_that_say_nothing() -> None:
    assert expected_cosine([[1, 0], [0, 0], [np.nan, 1], [1, 0]]) == pytest.approx(1 / 3)
    assert np.isnan(expected_cosine([[1.0, 0.0]]))
    assert np.isnan(expected_cosine(np.zeros((0, 3))))
    assert np.isnan(expected_pair_cosine(np.zeros((0, 2)), [[1.0, 0.0]]))
    assert expected_pair_cosine([[1, 0], [0, 1]], [[1, 0]]) == 0.5
    with pytest.raises(UserError, match="shape"):
        expected_cosine([1.0, 2.0])


def test_the_baseline_becomes_zero_and_one_stays_one() -> None:
    assert subtract_baseline([1, 0.7, 0.4, np.nan], 0.4)[:3] == pytest.approx([1, 0.5, 0])
    assert np.isnan(subtract_baseline([np.nan], 0.4)).all()
    with pytest.raises(UserError, match="below 1"):
        subtract_baseline([1.0], 1.0)


def test_all_but_the_top_removes_the_cone() -> None:
    x = narrow_cone()
    assert expected_cosine(x) > 0.2
    mean, top = fit_all_but_the_top(x, directions=1)
    y = corrected(x, mean, top)
    assert abs(expected_cosine(y)) < 0.01
    assert np.abs(y @ top.T).max() < 1e-12
    assert np.linalg.norm(y, axis=1) == pytest.approx(1)


def test_whitening_gives_unit_covariance_and_fewer_dimensions() -> None:
    x = narrow_cone()
    mean, matrix = fit_whitening(x, dimensions=7, ridge=0.0)
    assert np.cov(((x - mean) @ matrix).T) == pytest.approx(np.eye(7), abs=1e-9)
    assert corrected(x, mean, whitening=matrix).shape == (400, 7)
    # Few distinct samples: the directions that do not vary get no say.
    repeated = np.repeat(narrow_cone(count=3), 10, axis=0)
    assert np.isfinite(fit_whitening(repeated)[1]).all()


@pytest.mark.parametrize(("count", "wanted"), [(3, 3), (3, -1), (1, 1)])
def test_more_directions_than_the_sample_has_are_refused(count: int, wanted: int) -> None:
    with pytest.raises(UserError, match="directions"):
        fit_all_but_the_top(narrow_cone(count), wanted)


def test_a_sample_that_does_not_vary_is_refused() -> None:
    with pytest.raises(UserError, match="does not vary"):
        fit_whitening(np.ones((5, 3)))
    with pytest.raises(UserError, match="dimensions=9"):
        fit_whitening(narrow_cone(4), 9)


def test_nan_and_zero_rows_pass_through() -> None:
    y = corrected([[1.0, 1.0], [np.nan, 0.0], [2.0, 1.0]], mean=[1.0, 1.0])
    assert y[0].tolist() == [0, 0]
    assert np.isnan(y[1]).all()
    assert y[2].tolist() == [1, 0]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_packing_is_exact_for_float32(rows: int, columns: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    assert np.array_equal(unpack(pack(x)), x)


@pytest.mark.parametrize("text", ["", "2x2:AAAA", "axb:AACAPw==", "1:!!!!"])
def test_what_is_no_packed_array_is_said(text: str) -> None:
    with pytest.raises(UserError, match="packed"):
        unpack(text)
