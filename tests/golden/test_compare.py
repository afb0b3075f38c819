"""The comparison of golden values, rule by rule."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.compare import differences, expected_exception

NAN, INF = math.nan, math.inf


class Pair(NamedTuple):
    first: float
    second: float


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance"),
    [
        (1.0, 1.0, 0),
        (1, 1.0, 0),
        (1000.0, 1000.5, 0.5),
        (0.0, -1e-6, 1e-6),
        (INF, INF, 0),
        (-INF, -INF, 1e-6),
        (2, np.float32(2), 0),
        (3, np.int64(3), 0),
        (0.5, np.array(0.5), 0),
        (None, None, 0),
        (None, NAN, 0),
        (None, np.float64(NAN), 0),
        ("nan", NAN, 0),
        (NAN, np.float32(NAN), 0),
        ("a", "a", 0),
        ("a", np.str_("a"), 0),
        (True, True, 0),
        (False, np.bool_(False), 0),
        ([], (), 0),
        ([1, 2], (1, 2), 0),
        ([1, 2], Pair(1.0, 2.0), 0),
        ([[1.0, 2.0], [3.0, None]], np.array([[1.0, 2.0], [3.0, NAN]]), 0),
        ([1.0, [2.0]], (1.05, np.array([1.95])), 0.1),
        ({}, {}, 0),
        ({"a": [1, None], "b": "nan"}, {"b": NAN, "a": (1, NAN)}, 0),
        ({"0": 1, "12": 2}, {0: 1, np.int64(12): 2}, 0),
        ([True, False], np.array([True, False]), 0),
    ],
)
def test_equal(expected: Any, actual: Any, tolerance: float) -> None:
    assert differences(expected, actual, tolerance) == []


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance"),
    [
        (1.0, 1.1, 0.05),
        (1e6, 1e6 + 1, 1e-6),
        (INF, -INF, 1e-6),
        (INF, 1e308, 1e-6),
        (0.0, NAN, 1e9),
        (0.0, None, 1e9),
        (None, 0.0, 1e9),
        (None, "", 0),
        (None, [], 0),
        ("nan", None, 0),
        ("nan", "nan", 0),
        ("nan", 0.0, 1e9),
        ("1", 1, 0),
        (1, "1", 0),
        (1, True, 0),
        (0.0, False, 0),
        (True, 1, 0),
        (False, 0.0, 0),
        ([1, 2], [1, 2, 3], 0),
        ([1, 2], [2, 1], 0),
        ([1], 1, 0),
        (["a", "b"], "ab", 0),
        ([1, 2], {1, 2}, 0),
        ({"a": 1}, {"a": 1, "b": 2}, 0),
        ({"a": 1, "b": 2}, {"a": 1}, 0),
        ({"a": 1}, {"a": 2}, 0),
        ({"a": 1}, [1], 0),
        ([{"a": [0.0]}], [{"a": [0.2]}], 0.1),
    ],
)
def test_different(expected: Any, actual: Any, tolerance: float) -> None:
    assert differences(expected, actual, tolerance)


def test_a_difference_says_where() -> None:
    assert differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, 0) == [
        "value['a'][1]['b']: expected 2 within 0, got 3"
    ]


def test_a_tensor_is_a_list() -> None:
    torch = pytest.importorskip("torch")
    assert differences([1.0, 2.0], torch.tensor([1.0, 2.0]), 0) == []


def test_only_an_error_object_expects_an_exception() -> None:
    assert expected_exception({"error": "ValueError"}) == "ValueError"
    for other in ({"error": 0.5}, {"error": "ValueError", "more": 1}, {}, "error", None, [{"error": "ValueError"}]):
        assert expected_exception(other) is None


texts = st.text().filter(lambda text: text != "nan")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_a_value_equals_itself(value: Any) -> None:
    assert differences(value, value, 0) == []
