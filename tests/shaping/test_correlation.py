from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import correlation
from tests.shaping.grouped import NAN, numbers, permuted

ROWS = st.lists(st.tuples(numbers(-4, 4), numbers(-4, 4), st.integers(0, 2)), max_size=14)
ALL = (correlation.pearson, correlation.spearman, correlation.kendall_tau)


def columns(rows):
    a, b, g = np.array(rows, dtype=float).reshape(-1, 3).T
    return a, b, g.astype(int)


@pytest.mark.parametrize("function", ALL)
@given(rows=ROWS, seed=st.integers(0, 99))
def test_symmetric_signed_and_blind_to_order_and_gaps(function, rows, seed) -> None:
    a, b, g = columns(rows)
    for groups in (None, g):
        r = function(a, b, groups)
        assert math.isnan(r) or -1 <= r <= 1
        assert function(b, a, groups) == pytest.approx(r, nan_ok=True, abs=1e-9)
        assert function(a, -b, groups) == pytest.approx(-r, nan_ok=True, abs=1e-9)
        order = permuted(a, g, seed)[2]
        again = function(a[order], b[order], None if groups is None else g[order])
        assert again == pytest.approx(r, nan_ok=True, abs=1e-9)
        gaps = None if groups is None else [*g, 0, 0]
        assert function([*a, NAN, 1.0], [*b, 1.0, NAN], gaps) == pytest.approx(r, nan_ok=True, abs=1e-9)


@given(ROWS)
def test_pearson_and_tau_by_their_definitions(rows) -> None:
    a, b, g = columns(rows)
    if len(set(a)) > 1 and len(set(b)) > 1:
        assert correlation.pearson(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-6)
    pairs = [(i, j) for i in range(len(a)) for j in range(i) if g[i] == g[j]]
    agreed = sum(np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in pairs)
    untied = [sum(x[i] != x[j] for i, j in pairs) for x in (a, b)]
    expected = agreed / math.sqrt(untied[0] * untied[1]) if min(untied) else NAN
    assert correlation.kendall_tau(a, b, g) == pytest.approx(expected, nan_ok=True)


def test_by_hand() -> None:
    gold, predicted = [3, 3, 2, 5, 2, 4, 2], [3, 4, 1, 5, 2, 5, 3]
    assert correlation.kendall_tau(gold, predicted) == pytest.approx(0.8346223261119857)
    assert correlation.kendall_tau([5, 4, 3], [1, 2, 3]) == -1.0
    assert correlation.spearman([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(0.8)
    assert correlation.spearman([1, 1, 2], [5, 5, 9]) == pytest.approx(1.0)


@pytest.mark.parametrize("function", ALL)
def test_within_groups_a_confounder_between_them_is_gone(function) -> None:
    a, b, g = [1.0, 2.0, 101.0, 102.0], [2.0, 1.0, 102.0, 101.0], [0, 0, 1, 1]
    assert function(a, b) > 0.3
    assert function(a, b, g) == pytest.approx(-1.0)


@pytest.mark.parametrize("function", ALL)
def test_without_spread_there_is_no_correlation(function) -> None:
    assert math.isnan(function([1.0, 1.0], [0.0, 1.0]))
    assert math.isnan(function([1.0, 5.0], [0.0, 1.0], [0, 1]))
    assert math.isnan(function([], []))
    with pytest.raises(ValueError, match="first has 1 entries and second 2"):
        function([1.0], [1.0, 2.0])


def test_tau_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 50), rng.integers(0, 9, 50)
    whole = correlation.kendall_tau(a, b)
    monkeypatch.setattr(correlation, "BLOCK", 7)
    assert correlation.kendall_tau(a, b) == pytest.approx(whole)
