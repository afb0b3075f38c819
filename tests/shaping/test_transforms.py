from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import transforms
from tests.shaping.grouped import NAN, grouped, numbers, permuted

VALUE_WISE = {
    "affine": lambda v: transforms.affine(v, scale=2.0, shift=1.0),
    "clip": lambda v: transforms.clip(v, low=-1.0, high=2.0),
    "threshold": lambda v: transforms.threshold(v, at=0.5),
    "threshold_rescale": lambda v: transforms.threshold_rescale(v, at=0.3),
    "zero_below": lambda v: transforms.zero_below(v, at=0.0, slope=0.01),
    "sigmoid": transforms.sigmoid,
    "log_sigmoid": lambda v: transforms.log_sigmoid(v, reference=0.5),
    "logit": transforms.logit,
    "power": lambda v: transforms.power(v, exponent=0.5),
    "discretize": lambda v: transforms.discretize(v, bins=4),
    "quantile_rescale": lambda v: transforms.quantile_rescale(v, low=-1.0, high=3.0),
}


@pytest.mark.parametrize("name", VALUE_WISE)
@given(values=st.lists(numbers() | st.just(NAN), max_size=12))
def test_monotone_and_nan_stays_nan(name, values) -> None:
    values = np.array(sorted(values, key=lambda v: (math.isnan(v), v)), dtype=np.float64)
    out = VALUE_WISE[name](values)
    assert (np.isnan(out) == np.isnan(values)).all()
    assert (np.diff(out[~np.isnan(out)]) >= 0).all()


@pytest.mark.parametrize("name", VALUE_WISE)
def test_numbers_and_empty_arrays_are_taken_too(name) -> None:
    assert VALUE_WISE[name](np.zeros(0)).shape == (0,)
    assert float(VALUE_WISE[name](0.7)) == VALUE_WISE[name](np.array([0.7]))[0]


def test_values() -> None:
    assert transforms.threshold([0.5], at=0.5, strict=True).tolist() == [0.0]
    assert transforms.threshold_rescale([0.7164], at=0.5593)[0] == pytest.approx(0.1571 / 0.4407)
    assert transforms.threshold_rescale([0.5, 0.5], at=[0.0, -1.0]).tolist() == [0.5, 0.75]
    assert transforms.sigmoid([1.0], sharpness=2.0)[0] == pytest.approx(1 / (1 + math.exp(-2)))
    assert transforms.log_sigmoid([0.0], reference=0.0)[0] == pytest.approx(math.log(0.5))
    assert transforms.power([0.25, -0.25], exponent=0.5).tolist() == [0.5, -0.5]
    assert transforms.discretize([0.3, 0.5, -0.25], bins=2).tolist() == [0.5, 0.5, -0.0]


@given(numbers(-40, 40), numbers(-40, 40))
def test_log_sigmoid_of_a_gap(value, reference) -> None:
    u = float(transforms.log_sigmoid(value, reference=reference))
    assert u <= 0
    assert u == pytest.approx(float(transforms.log_sigmoid(value + 3, reference=reference + 3)))
    assert math.exp(u) == pytest.approx(float(transforms.sigmoid(value, center=reference)))
    assert float(transforms.logit(transforms.sigmoid(value / 4))) == pytest.approx(value / 4, abs=1e-3)


def test_log_sigmoid_far_out_and_balanced() -> None:
    assert transforms.log_sigmoid([1e4, -1e4], reference=0.0).tolist() == [0.0, -1e4]
    both = transforms.log_sigmoid([[1.0, 1.0], [5.0, -3.0], [8.0, -8.0], [0.0, 0.0]], reference=0.0).sum(axis=1)
    assert both[0] > both[1], "balanced beats lopsided at equal sum"
    assert both[2] < both[3]


def test_a_missing_reference_leaves_unscored() -> None:
    assert np.isnan(transforms.log_sigmoid([1.0, 1.0], reference=[None, 0.0])).tolist() == [True, False]


def test_quantile_rescale_without_information() -> None:
    assert transforms.quantile_rescale([0.9], low=0.9, high=0.9).tolist() == [0.5]
    assert transforms.quantile_rescale([1.4, 0.3], low=NAN, high=NAN).tolist() == [1.0, 0.3]
    assert np.isnan(transforms.quantile_rescale([NAN], low=0.1, high=0.1)).all()
    per_sample = transforms.quantile_rescale([0.5, 0.5], low=[0.0, 0.5], high=[1.0, 1.5])
    assert per_sample == pytest.approx([0.5, 0.0], abs=1e-6)


@given(st.lists(numbers(), min_size=1, max_size=8), numbers(-5, 5), numbers(0.25, 8))
def test_quantile_rescale_is_blind_to_affine_maps(values, shift, scale) -> None:
    values = np.array(values)
    low, high = np.quantile(values, (0.05, 0.95))
    if high - low < 1e-3:
        return
    moved = transforms.quantile_rescale(values * scale + shift, low=low * scale + shift, high=high * scale + shift)
    assert moved == pytest.approx(transforms.quantile_rescale(values, low=low, high=high), abs=1e-4)


def test_rank_within_the_group() -> None:
    assert transforms.rank([5.0, 1.0, 3.0, 9.0], [0, 0, 0, 1]).tolist() == [1.0, 0.0, 0.5, 0.5]
    assert transforms.rank([2.0, 2.0], [0, 0]).tolist() == [0.5, 0.5]
    assert transforms.rank([2.0, NAN, 1.0], [0, 0, 0])[[0, 2]].tolist() == [1.0, 0.0]
    assert np.isnan(transforms.rank([2.0, NAN], [0, 0])[1])


@given(grouped(), st.integers(0, 99))
def test_rank_is_equivariant_and_ignores_monotone_maps(sample, seed) -> None:
    values, groups = sample
    shuffled, of, order = permuted(values, groups, seed)
    ranks = transforms.rank(values, groups)
    assert transforms.rank(shuffled, of) == pytest.approx(ranks[order], nan_ok=True)
    assert transforms.rank(np.cbrt(values) * 7 + 1, groups) == pytest.approx(ranks, nan_ok=True)
    assert ((ranks >= 0) & (ranks <= 1) | np.isnan(values)).all()


def test_reference_quantile() -> None:
    samples = [[0.0, 1.0, 2.0, NAN], [1.5, 1.5, 1.5, 1.5], [NAN] * 4]
    assert transforms.reference_quantile(samples, quantile=0.25)[:2].tolist() == [0.5, 1.5]
    gaussian = transforms.reference_quantile(samples, method="gaussian")
    assert gaussian[0] == pytest.approx(1.0 + 1.0364333894937898 * math.sqrt(2 / 3))
    assert gaussian[1] == 1.5, "equal samples have no spread"
    assert np.isnan(gaussian[2])
    assert np.isnan(float(transforms.reference_quantile([])))
    assert float(transforms.reference_quantile([3.0])) == 3.0


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: transforms.clip([0.0], low=1.0, high=0.0), "low=1.0"),
        (lambda: transforms.threshold_rescale([0.0], at=1.0), "at=1.0"),
        (lambda: transforms.power([0.0], exponent=0.0), "exponent=0.0"),
        (lambda: transforms.discretize([0.0], bins=0), "bins=0"),
        (lambda: transforms.reference_quantile([0.0], quantile=1.0, method="gaussian"), "quantile=1.0"),
        (lambda: transforms.reference_quantile([0.0], method="median"), "method='median'"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(ValueError, match=named):
        call()
