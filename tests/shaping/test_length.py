from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import length
from tests.shaping.grouped import NAN, permuted

LENGTHS = st.lists(st.integers(0, 2000), min_size=1, max_size=12)


def test_floor_match_incentive_by_hand() -> None:
    assert length.length_floor([9, 10, 11]).tolist() == [0.9, 1.0, 1.0]
    assert length.length_match([0, 3], [0, 6]).tolist() == [1.0, 0.5]
    assert length.length_match([8], [2])[0] == pytest.approx(math.exp(-abs(math.log(8 / 2))))
    assert length.length_incentive([3]).tolist() == [0.03]
    assert length.short_penalty([149, 150, 999], minimum=150, per_unit=2.0).tolist() == [-2.0, 0.0, 0.0]


@given(LENGTHS, st.integers(1, 1000), st.integers(0, 1000))
def test_overlong_falls_from_zero_to_minus_one(lengths, limit, buffer) -> None:
    buffer = min(buffer, limit)
    out = length.soft_overlong(sorted(lengths), limit=limit, buffer=buffer)
    assert ((out <= 0) & (out >= -1)).all()
    assert (np.diff(out) <= 0).all()
    for n, penalty in zip(sorted(lengths), out.tolist(), strict=True):
        expected = 0.0 if n <= limit - buffer else -1.0 if n > limit else (limit - buffer - n) / buffer
        assert penalty == pytest.approx(expected)


def test_overlong_without_a_buffer_is_a_step() -> None:
    assert length.soft_overlong([10, 11], limit=10, buffer=0).tolist() == [0.0, -1.0]
    assert length.soft_overlong([5, 0], limit=10, buffer=10).tolist() == [-0.5, 0.0]


def test_cosine_by_hand_and_beyond_the_limit() -> None:
    out = length.cosine_length([0, 100, 250, 0, 100, 25], [1, 1, 1, 0, 0, 1], limit=100)
    assert out == pytest.approx([1.0, 0.5, 0.5, -1.0, -0.5, 0.5 + 0.25 * (1 + math.cos(math.pi / 4))])
    out = length.cosine_length([10.0, NAN, 10.0], [NAN, 1.0, 1.0], limit=100)
    assert np.isnan(out).tolist() == [True, True, False]


@given(LENGTHS)
def test_cosine_prefers_short_right_and_long_wrong(lengths) -> None:
    ordered = np.sort(lengths)
    right = length.cosine_length(ordered, np.ones(len(ordered)), limit=1000)
    wrong = length.cosine_length(ordered, np.zeros(len(ordered)), limit=1000)
    assert (np.diff(right) <= 1e-12).all() and (np.diff(wrong) >= -1e-12).all()
    assert right.min() >= 0.5 and wrong.max() <= -0.5


def test_group_penalty_by_hand() -> None:
    lengths, correct, groups = [100, 200, 160, 300, 50, 0], [1, 1, 0, 0, 0, 0], [0] * 6
    out = length.group_length_penalty(lengths, correct, groups)
    # L = 150; deviations 1/3, 1/3, 1/15, 1, 2/3, 1
    assert out == pytest.approx([0, 0, 0, -0.5, -0.5 * (2 / 3 - 0.5) / 0.5, -0.5])
    one_sided = length.group_length_penalty(lengths, correct, groups, side="long")
    assert one_sided == pytest.approx([0, 0, 0, -0.5, 0, 0])
    assert length.group_length_penalty(lengths, correct, groups, side="short")[3] == 0.0


def test_group_penalty_without_a_right_answer_says_nothing() -> None:
    assert length.group_length_penalty([1, 1000, NAN], [0, 0, 0], [0, 0, 0])[:2].tolist() == [0.0, 0.0]
    assert length.group_length_penalty([1, 1000], [NAN, NAN], [0, 0]).tolist() == [0.0, 0.0]
    assert length.group_length_penalty([0, 5], [1, 0], [0, 0]).tolist() == [0.0, -0.5], "right answers of length 0"


@given(
    st.lists(st.tuples(st.integers(0, 500), st.sampled_from([0, 1, NAN]), st.integers(0, 2)), max_size=16),
    st.integers(0, 9),
)
def test_group_rewards_are_equivariant_and_bounded(rows, seed) -> None:
    lengths, correct, groups = (np.array([row[k] for row in rows]) for k in range(3))
    groups = groups.astype(int)
    order = permuted(lengths, groups, seed)[2]
    for function, low, high in ((length.group_length_penalty, -0.5, 0.0), (length.relative_length, -0.5, 0.5)):
        out = function(lengths, correct, groups)
        assert function(lengths[order], correct[order], groups[order]) == pytest.approx(out[order], nan_ok=True)
        assert (np.isnan(out) | ((out >= low) & (out <= high))).all()


def test_relative_length() -> None:
    assert length.relative_length([5, 5], [1, 0], [0, 0]).tolist() == [0.0, 0.0]
    assert length.relative_length([0, 10, 10], [0, 1, 0], [0, 0, 0]).tolist() == [0.0, -0.5, -0.5]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: length.length_floor([1], minimum=0), "minimum=0"),
        (lambda: length.length_incentive([1], unit=0), "unit=0"),
        (lambda: length.soft_overlong([1], limit=5, buffer=6), "buffer=6"),
        (lambda: length.cosine_length([1], [1], limit=0), "limit=0"),
        (lambda: length.group_length_penalty([1], [1], [0], tolerance=1.0), "tolerance=1.0"),
        (lambda: length.group_length_penalty([1], [1], [0], side="up"), "side='up'"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(ValueError, match=named):
        call()
