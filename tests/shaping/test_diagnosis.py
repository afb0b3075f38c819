from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.advantages import dr_grpo_advantage, grpo_advantage
from guerdon.shaping.diagnosis import advantage_shares, diagnose, discriminability
from tests.shaping.grouped import NAN, numbers, permuted

BATCHES = st.lists(
    st.tuples(numbers(-4, 4), numbers(-4, 4) | st.just(NAN), numbers(-4, 4), st.integers(0, 3)), min_size=1, max_size=20
)


def batch(rows):
    a, b, c, g = np.array(rows, dtype=float).T
    return {"a": a, "b": b, "c": c}, g.astype(int)


@given(BATCHES, st.booleans(), st.integers(0, 99))
def test_shares_sum_to_one_and_follow_no_order(rows, scaled, seed) -> None:
    parts, groups = batch(rows)
    weights = {"a": 1.0, "b": -0.5}
    shares = advantage_shares(parts, groups, weights=weights, scaled=scaled)
    total = sum(shares.values())
    assert math.isnan(total) or total == pytest.approx(1.0, abs=1e-6)
    order = permuted(parts["a"], groups, seed)[2]
    moved = advantage_shares({k: v[order] for k, v in parts.items()}, groups[order], weights=weights, scaled=scaled)
    assert list(moved.values()) == pytest.approx(list(shares.values()), nan_ok=True, abs=1e-6)


@given(BATCHES, st.booleans())
def test_shares_are_covariances_with_the_advantage(rows, scaled) -> None:
    parts, groups = batch([(a, 0.0 if math.isnan(b) else b, c, g) for a, b, c, g in rows])
    total = sum(parts.values())
    advantage = grpo_advantage(total, groups, ddof=0, eps=0.0) if scaled else dr_grpo_advantage(total, groups)
    shares = advantage_shares(parts, groups, scaled=scaled)
    if not np.any(advantage):
        assert all(math.isnan(share) for share in shares.values())
        return
    std = np.array([total[groups == g].std() for g in groups]) if scaled else np.ones(len(groups))
    for name, values in parts.items():
        centred = np.where(advantage != 0, dr_grpo_advantage(values, groups), 0.0) / np.where(std > 0, std, 1.0)
        assert shares[name] == pytest.approx(centred @ advantage / (advantage @ advantage), abs=1e-6)


def test_shares_by_hand() -> None:
    # group 0: a 0/1, b 0/3 -> a quarter and three quarters; group 1: only a varies
    parts, groups = {"a": [0.0, 1.0, 0.0, 1.0], "b": [0.0, 3.0, 5.0, 5.0]}, [0, 0, 1, 1]
    assert advantage_shares(parts, groups) == pytest.approx({"a": (0.25 + 1) / 2, "b": 0.375})
    # unscaled, group 0 has 16 times the variance of group 1
    assert advantage_shares(parts, groups, scaled=False) == pytest.approx({"a": (0.25 * 16 + 1) / 17, "b": 12 / 17})
    assert advantage_shares(parts, groups, weights={"b": 0.0}) == pytest.approx({"a": 1.0, "b": 0.0})


def test_parts_that_cancel_and_parts_that_oppose() -> None:
    opposed = advantage_shares({"a": [0.0, 3.0], "b": [1.0, 0.0]}, [0, 0])
    assert opposed == pytest.approx({"a": 1.5, "b": -0.5})
    nothing = advantage_shares({"a": [0.1, 0.3], "b": [0.3, 0.1]}, [0, 0])
    assert all(math.isnan(share) for share in nothing.values())


def test_report() -> None:
    parts = {"judge": [0.0, 1.0, 1.0, 1.0, NAN, 0.5], "format": [1.0] * 6}
    report = diagnose(
        parts,
        [0, 0, 1, 1, 2, 2],
        weights={"format": 0.5},
        lengths=[10, 20, 5, 50, 7, 7],
        ranges={"judge": (0.0, 1.0), "format": (0.0, math.inf)},
    )
    judge, form = report.parts["judge"], report.parts["format"]
    assert (judge.share, form.share) == (1.0, 0.0)
    assert (judge.at_low, judge.at_high) == (0.2, 0.6)
    assert form.at_low == 0.0 and math.isnan(form.at_high)
    assert judge.unscored == pytest.approx(1 / 6) and report.unscored == pytest.approx(1 / 6)
    assert judge.flat_groups == pytest.approx(2 / 3) and form.flat_groups == 1.0
    assert report.flat_groups == pytest.approx(2 / 3)
    assert judge.length_correlation == pytest.approx(report.length_correlation)
    expected = np.corrcoef([-0.5, 0.5, 0, 0, 0], [-5, 5, -22.5, 22.5, 0])[0, 1]
    assert report.length_correlation == pytest.approx(expected)
    assert math.isnan(form.length_correlation)
    assert (form.weight, form.mean, form.std) == (0.5, 1.0, 0.0)
    text = str(report)
    assert "judge" in text and "6 samples in 3 groups" in text and "66.7% of groups without spread" in text


def test_report_of_nothing() -> None:
    report = diagnose({"a": []}, [])
    assert report.samples == report.groups == 0 and math.isnan(report.parts["a"].share)
    assert "0 samples" in str(report)
    unscored = diagnose({"a": [NAN, NAN]}, [0, 0])
    assert unscored.unscored == 1.0 and math.isnan(unscored.parts["a"].mean)


def test_discriminability() -> None:
    found = discriminability([0.87, 0.87, 0.91, 0.91, NAN], [0.0, 0.0, 0.8, 0.8, NAN])
    assert found == pytest.approx({"raw_std": 0.02, "adapted_std": 0.4, "gain": 20.0})
    assert math.isnan(discriminability([1.0, 1.0], [0.0, 1.0])["gain"])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: diagnose({}, []), "parts is empty"),
        (lambda: diagnose({"a": [1.0], "b": []}, [0]), "one per sample"),
        (lambda: diagnose({"a": [1.0]}, [0], weights={"b": 1.0}), "weights names 'b'"),
        (lambda: diagnose({"a": [1.0]}, [0], ranges={"b": (0, 1)}), "ranges names 'b'"),
        (lambda: diagnose({"a": [1.0]}, [0, 1]), "groups has 2 entries"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(ValueError, match=named):
        call()
