from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import calibration
from tests.shaping.grouped import NAN, numbers

BOTH = st.lists(st.tuples(numbers(-4, 4), st.integers(0, 1)), min_size=2, max_size=20).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


@pytest.mark.parametrize(
    ("confidence", "correct", "error"),
    [
        ([0.05, 0.15, 0.95, 0.55, 0.5], [0, 0, 1, 1, 0], 0.24),
        ([0.0, 0.0, 1.0], [0, 0, 1], 0.0),
        ([0.5] * 6, [1, 0, 1, 0, 1, 0], 0.0),
        ([0.1, 0.2, 0.3], [0, 0, 1], 1 / 3),
        ([0.3, 0.31], [1, 0], (0.7 + 0.31) / 2),
        ([0.9, NAN, 0.9], [1, 1, NAN], 0.1),
    ],
)
def test_expected_calibration_error(confidence, correct, error) -> None:
    assert calibration.expected_calibration_error(confidence, correct) == pytest.approx(error)


@given(
    st.lists(st.tuples(st.integers(0, 100).map(lambda k: k / 100), st.integers(0, 1)), min_size=1, max_size=20),
    st.integers(1, 12),
)
def test_calibration_error_is_that_of_bins_closed_on_the_right(rows, bins) -> None:
    p, y = np.array(rows, dtype=float).T
    edges = np.linspace(0, 1, bins + 1)
    expected = 0.0
    for b in range(bins):
        inside = (p > edges[b]) & (p <= edges[b + 1]) | (b == 0) & (p == 0)
        if inside.any():
            expected += inside.mean() * abs(y[inside].mean() - p[inside].mean())
    assert calibration.expected_calibration_error(p, y, bins=bins) == pytest.approx(expected)


def test_brier() -> None:
    assert calibration.brier_score([0.05, 0.15, 0.95, 0.55, 0.5], [0, 0, 1, 1, 0]) == pytest.approx(0.096)
    assert math.isnan(calibration.brier_score([], [])) and math.isnan(
        calibration.expected_calibration_error([NAN], [1])
    )


@given(BOTH)
def test_auroc_is_the_chance_to_beat(rows) -> None:
    scores, labels = np.array(rows, dtype=float).T
    up, down = scores[labels == 1], scores[labels == 0]
    wins = (up[:, None] > down[None, :]).mean() + 0.5 * (up[:, None] == down[None, :]).mean()
    found = calibration.auroc(scores, labels)
    assert found == pytest.approx(wins)
    assert calibration.auroc(np.exp(scores), labels) == pytest.approx(found), "blind to monotone maps"
    assert calibration.auroc(-scores, labels) == pytest.approx(1 - found)
    assert calibration.auroc([*scores, NAN], [*labels, 1]) == pytest.approx(found)


@given(BOTH)
def test_precision_recall_by_brute_force(rows) -> None:
    scores, labels = np.array(rows, dtype=float).T
    recall, precision = [0.0], [1.0]
    for cut in sorted(set(scores), reverse=True):
        called = scores >= cut
        recall.append(labels[called].sum() / labels.sum())
        precision.append(labels[called].mean())
    trapezoid = sum((recall[i] - recall[i - 1]) * (precision[i] + precision[i - 1]) / 2 for i in range(1, len(recall)))
    steps = sum((recall[i] - recall[i - 1]) * precision[i] for i in range(1, len(recall)))
    assert calibration.precision_recall_auc(scores, labels) == pytest.approx(trapezoid)
    assert calibration.precision_recall_auc(scores, labels, method="average_precision") == pytest.approx(steps)


def test_curves_by_hand() -> None:
    assert calibration.precision_recall_auc([0.5] * 7, [0] * 3 + [1] * 4) == pytest.approx((1 + 4 / 7) / 2)
    assert calibration.precision_recall_auc([0.0, 0.0, 1.0, 0.0, 1.0, 1.0], [0, 0, 0, 1, 1, 1]) == pytest.approx(0.75)
    scores, labels = [0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 1, 0]
    rates = [
        calibration.true_positive_rate_at(scores, labels, false_positive_rate=rate) for rate in (0.0, 0.49, 0.5, 1.0)
    ]
    assert rates == pytest.approx([1 / 3, 1 / 3, 1.0, 1.0])
    assert calibration.true_positive_rate_at([0.1, 0.9], [1, 0], false_positive_rate=0.0) == 0.0


@given(BOTH)
def test_the_best_threshold_is_the_best(rows) -> None:
    scores, labels = np.array(rows, dtype=float).T
    cut = calibration.best_threshold(scores, labels)
    right = ((scores >= cut) == (labels == 1)).mean()
    for other in [*scores, -math.inf, math.inf]:
        assert right >= ((scores >= other) == (labels == 1)).mean()


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: calibration.auroc([0.1, 0.2], [1, 1]), "2 positives among 2"),
        (lambda: calibration.auroc([], []), "both classes"),
        (lambda: calibration.precision_recall_auc([0.1], [0]), "both classes"),
        (lambda: calibration.auroc([0.1, 0.2], [1, 2]), "labels must be 0 or 1"),
        (lambda: calibration.auroc([0.1], [1, 0]), "scores has 1 entries and labels 2"),
        (lambda: calibration.expected_calibration_error([1.5], [1]), "confidence must lie"),
        (lambda: calibration.expected_calibration_error([0.5], [1], bins=0), "bins=0"),
        (lambda: calibration.precision_recall_auc([0, 1], [0, 1], method="roc"), "method='roc'"),
        (lambda: calibration.true_positive_rate_at([0, 1], [0, 1], false_positive_rate=2), "false_positive_rate=2"),
        (lambda: calibration.best_threshold([], []), "no item"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(ValueError, match=named):
        call()
