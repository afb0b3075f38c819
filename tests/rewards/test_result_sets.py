"""When two results are the same."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.rewards.result_sets import same_result

NAN = float("nan")
CELLS = (
    st.none()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, 2.5, -1.5, NAN, math.inf])
    | st.sampled_from(["", "a", "1", b"a"])
)
ROWS = st.integers(0, 3).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=6))


def test_cells() -> None:
    def same(x: object, y: object) -> bool:
        return same_result([(x,)], [(y,)])

    assert same(None, None) and same(2, 2.0) and same(NAN, NAN) and same(math.inf, math.inf) and same("é", "é")
    assert same((1, [2]), [1, (2,)])
    assert not same(None, 0) and not same("1", 1) and not same(b"a", "a") and not same("a", "A")
    assert not same(math.inf, -math.inf) and not same(NAN, None) and not same(math.inf, 1e308)
    assert same(0.1 + 0.2, 0.3) and same(1e15 + 0.5, 1e15 + 0.5 + 1e-1)
    assert not same(0.3, 0.3001) and not same(10**12, 10**12 + 1), "whole numbers are compared exactly"
    assert not same(10**400, 0.5)
    assert not same_result([(0.1 + 0.2,)], [(0.3,)], tolerance=0.0)


def test_rows() -> None:
    assert not same_result([(1, 2)], [(2, 1)]), "columns by position"
    assert not same_result([(1,)], [(1, 1)])
    assert same_result([(1,), (2,), (1,)], [(2,), (1,), (1,)])
    assert not same_result([(1,), (2,), (1,)], [(2,), (2,), (1,)])
    assert same_result([(1,), (2,), (1,)], [(2,), (2,), (1,)], compare="set")
    assert not same_result([(1,), (2,)], [(2,), (1,)], compare="ordered")
    assert same_result([(1.0,), (0.1 + 0.2,)], [(1,), (0.3,)], compare="ordered")
    assert same_result([("a", 0.1 + 0.2), ("b", 0.3)], [("b", 0.1 + 0.2), ("a", 0.3)]), (
        "noise does not disturb the pairing"
    )
    assert same_result([], []) and not same_result([], [()])
    with pytest.raises(ValueError, match="compare"):
        same_result([], [], compare="bag")  # type: ignore[arg-type]


@given(ROWS, ROWS)
def test_symmetric(first: list[tuple[object, ...]], second: list[tuple[object, ...]]) -> None:
    for compare in ("rows", "ordered", "set"):
        assert same_result(first, second, compare=compare) == same_result(second, first, compare=compare)


@given(ROWS, st.randoms(use_true_random=False))
def test_permutations(rows: list[tuple[object, ...]], rng: random.Random) -> None:
    shuffled = rng.sample(rows, len(rows))
    assert same_result(rows, shuffled) and same_result(rows, rows, compare="ordered")
    assert same_result(rows, [*shuffled, *rows], compare="set")
    assert same_result(rows, [*shuffled, *rows]) == (not rows)


@given(ROWS, ROWS)
def test_stricter_comparisons_imply_the_looser(
    first: list[tuple[object, ...]], second: list[tuple[object, ...]]
) -> None:
    ordered, rows, as_set = (same_result(first, second, compare=compare) for compare in ("ordered", "rows", "set"))
    assert ordered <= rows <= as_set


@given(ROWS, ROWS)
def test_as_counting_says_where_no_number_is_near_another(
    first: list[tuple[object, ...]], second: list[tuple[object, ...]]
) -> None:
    def counted(rows: list[tuple[object, ...]]) -> Counter[tuple[object, ...]]:
        return Counter(tuple("nan" if cell != cell else cell for cell in row) for row in rows)

    assert same_result(first, second) == (counted(first) == counted(second))


@given(
    st.lists(st.tuples(st.sampled_from([0.25, 1.0, 3.5, 100.125]), st.sampled_from("ab")), max_size=8),
    st.randoms(use_true_random=False),
)
def test_noise_below_the_tolerance_changes_nothing(rows: list[tuple[float, str]], rng: random.Random) -> None:
    noisy = [(value * (1 + rng.uniform(-1, 1) * 1e-12), name) for value, name in rows]
    assert same_result(rows, rng.sample(noisy, len(noisy)))
    assert same_result(rows, noisy, compare="ordered")


def test_large_results() -> None:
    rows = [(i, i / 7, f"row {i}") for i in range(20_000)]
    assert same_result(rows, rows[::-1])
    assert not same_result(rows, [*rows[:-1], (0, 0.0, "")])
