from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.groups import (
    as_values,
    group_count,
    group_index,
    group_max,
    group_mean,
    group_min,
    group_quantile,
    group_rank,
    group_std,
    group_sum,
    sibling_pairs,
)
from tests.shaping.grouped import NAN, grouped, members, permuted

STATISTICS = [
    (group_count, len),
    (group_sum, np.sum),
    (group_mean, np.mean),
    (group_std, np.std),
    (lambda v, g: group_std(v, g, ddof=1), lambda v: np.std(v, ddof=1) if len(v) > 1 else 0.0),
    (group_min, np.min),
    (group_max, np.max),
    (lambda v, g: group_quantile(v, g, quantile=0.3), lambda v: np.quantile(v, 0.3)),
]


@pytest.mark.parametrize(("statistic", "expected"), STATISTICS)
@given(sample=grouped())
def test_each_is_that_of_the_scored_members(statistic, expected, sample) -> None:
    values, groups = sample
    found = statistic(values, groups)
    assert found.shape == values.shape
    for rows in members(values, groups):
        if len(rows):
            whole = np.flatnonzero(groups == groups[rows[0]])
            assert found[whole] == pytest.approx(expected(values[rows]), abs=1e-9)


@pytest.mark.parametrize(("statistic", "_"), STATISTICS)
@given(sample=grouped(), seed=st.integers(0, 99))
def test_order_of_samples_does_not_matter(statistic, _, sample, seed) -> None:
    values, groups = sample
    shuffled, of, order = permuted(values, groups, seed)
    assert statistic(shuffled, of) == pytest.approx(statistic(values, groups)[order], nan_ok=True, abs=1e-9)


def test_groups_without_a_score() -> None:
    values, groups = [NAN, NAN, 1.0], [5, 5, 2]
    assert group_count(values, groups).tolist() == [0, 0, 1]
    assert group_sum(values, groups).tolist() == [0, 0, 1]
    for statistic in (group_mean, group_std, group_min, group_max):
        assert np.isnan(statistic(values, groups)[:2]).all()
    assert np.isnan(group_quantile(values, groups, quantile=0.5)[:2]).all()
    assert np.isnan(group_rank(values, groups)[:2]).all()


def test_a_constant_group_has_no_spread_whatever_the_rounding() -> None:
    values = [0.1 + 0.2, 0.3, 0.3, 1e9, 1e9]
    assert group_std(values, [0, 0, 0, 1, 1]).tolist() == [0.0] * 5
    assert group_std([0.1] * 7, [0] * 7).tolist() == [0.0] * 7
    assert (group_std([50.0, 50.000001], [0, 0]) > 0).all()


@given(st.lists(st.integers(-(10**12), 10**12), max_size=20))
def test_index_numbers_groups_from_zero_in_their_order(groups) -> None:
    index, count = group_index(groups)
    distinct = sorted(set(groups))
    assert count == len(distinct)
    assert [distinct[i] for i in index.tolist()] == groups


def test_rank_shares_places_among_equals() -> None:
    assert group_rank([3.0, 1.0, 3.0, NAN, 2.0], [0, 0, 0, 0, 1]).tolist()[:3] == [2.5, 1.0, 2.5]
    assert group_rank([], []).tolist() == []


@given(grouped(gaps=False, least=1))
def test_ranks_of_a_group_sum_as_ranks_do(sample) -> None:
    values, groups = sample
    for rows in members(values, groups):
        assert group_rank(values, groups)[rows].sum() == len(rows) * (len(rows) + 1) / 2


@given(grouped())
def test_pairs_are_all_ordered_pairs_of_siblings(sample) -> None:
    values, groups = sample
    kept = ~np.isnan(values)
    expected = {(i, j) for rows in members(values, groups) for i in rows for j in rows if i != j}
    first, second = sibling_pairs(groups, kept)
    assert len(first) == len(expected)
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == expected


def test_what_is_no_vector_of_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="groups has 2 entries for 3"):
        group_index([0, 1], 3)
    with pytest.raises(ValueError, match="one integer per sample"):
        group_index([0.5, 1.0])
    with pytest.raises(ValueError, match="shape \\(N,\\)"):
        as_values([[1.0]])
    with pytest.raises(ValueError, match="quantile=2"):
        group_quantile([1.0], [0], quantile=2)
    assert np.isnan(as_values([None, 1])).tolist() == [True, False]
