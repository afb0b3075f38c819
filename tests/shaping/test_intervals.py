from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.calibration import auroc
from guerdon.shaping.intervals import bootstrap_interval, paired_difference, wilson_interval
from tests.shaping.grouped import NAN, numbers


def test_wilson_by_hand() -> None:
    share, low, high = wilson_interval(8, 10)
    assert (share, low, high) == pytest.approx((0.8, 0.490162, 0.943318), abs=1e-5)
    assert wilson_interval(0, 10)[:2] == (0.0, 0.0) and wilson_interval(0, 10).high == pytest.approx(0.277533, abs=1e-5)
    assert math.isnan(wilson_interval(0, 0).estimate) and wilson_interval(0, 0)[1:] == (0.0, 1.0)


@given(st.integers(1, 200), st.data())
def test_wilson_holds_its_share_and_mirrors(count, data) -> None:
    successes = data.draw(st.integers(0, count))
    share, low, high = wilson_interval(successes, count)
    assert 0 <= low <= share + 1e-12 and share - 1e-12 <= high <= 1
    mirrored = wilson_interval(count - successes, count)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((low, high), abs=1e-9)
    assert wilson_interval(successes, count, level=0.5).high <= high + 1e-12


@given(st.lists(numbers(-5, 5), min_size=1, max_size=12), numbers(-5, 5))
def test_bootstrap_moves_with_the_values(values, shift) -> None:
    first = bootstrap_interval(values, resamples=50)
    moved = bootstrap_interval(np.array(values) + shift, resamples=50)
    assert moved == pytest.approx(tuple(edge + shift for edge in first), abs=1e-9)
    assert min(values) - 1e-9 <= first.low <= first.high <= max(values) + 1e-9
    assert first.estimate == pytest.approx(np.mean(values))


def test_bootstrap_covers_as_it_says() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for trial in range(100):
        _, low, high = bootstrap_interval(rng.normal(size=60), resamples=300, seed=trial, level=0.9)
        inside += low <= 0.0 <= high
    assert 80 <= inside <= 98


def test_pairs_stay_pairs() -> None:
    rng = np.random.default_rng(1)
    item = rng.normal(size=200) * 10
    gap = paired_difference(item + 0.5 + rng.normal(size=200) * 0.1, item, resamples=300)
    assert 0.45 < gap.low < gap.estimate < gap.high < 0.55
    assert paired_difference([1.0, NAN, 3.0], [0.0, 5.0, NAN], resamples=10) == (1.0, 1.0, 1.0)


def test_clusters_are_drawn_whole() -> None:
    rng = np.random.default_rng(2)
    question = np.repeat(rng.normal(size=20), 25)
    clusters = np.repeat(np.arange(20), 25)
    rows = bootstrap_interval(question, resamples=300)
    whole = bootstrap_interval(question, resamples=300, clusters=clusters)
    assert whole.high - whole.low > 3 * (rows.high - rows.low)
    assert bootstrap_interval(question, resamples=50, clusters=clusters) == bootstrap_interval(
        question, resamples=50, clusters=clusters
    )


def test_any_statistic_and_a_seed() -> None:
    scores, labels = [0.1, 0.4, 0.35, 0.8, 0.7, 0.9], [0, 0, 1, 1, 0, 1]

    def statistic(s, y):
        return auroc(s, y) if 0 < y.sum() < len(y) else NAN

    found = bootstrap_interval(scores, labels, statistic=statistic, resamples=200, seed=4)
    assert found.estimate == pytest.approx(auroc(scores, labels)) and 0 <= found.low < found.high <= 1
    assert found == bootstrap_interval(scores, labels, statistic=statistic, resamples=200, seed=4)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: wilson_interval(3, 2), "successes=3"),
        (lambda: wilson_interval(1, 2, level=1.0), "level=1.0"),
        (lambda: bootstrap_interval([1.0], [2.0]), "need a statistic"),
        (lambda: bootstrap_interval([NAN]), "no row"),
        (lambda: bootstrap_interval([1.0], level=0.0), "level=0.0"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(ValueError, match=named):
        call()
