"""Statistics and pruning of criteria, by hand and as properties; coding rate and label scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from guerdon.shaping.classification import averaged_scores, label_scores, macro_f1, verifier_metrics
from guerdon.shaping.coding_rate import coding_rate, diverse_subset
from guerdon.shaping.criteria import (
    criterion_statistics,
    implied,
    label_agreement,
    leave_one_out,
    pair_accuracy,
    pruned,
    redundancy,
    rubric_values,
)

NAN = float("nan")
matrices = st.integers(1, 6).flatmap(
    lambda k: st.tuples(*[arrays(np.float64, (5, k), elements=st.sampled_from([0.0, 0.5, 1.0, NAN])) for _ in range(2)])
)


def test_statistics_by_hand() -> None:
    chosen = [[1, 1, NAN], [1, 0, 1], [0, 1, 1], [1, 1, 1]]
    rejected = [[0, 1, 0], [0, 1, 1], [1, 1, 0], [0, 1, NAN]]
    told = criterion_statistics(chosen, rejected)
    assert told.discriminability.tolist() == [0.5, -0.25, 0.5]
    assert told.agreement.tolist() == [0.75, 0.0, 1.0]
    assert told.separation.tolist() == [1.0, 0.25, 0.5]
    assert told.coverage.tolist() == [1.0, 1.0, 0.5]
    assert told.met_by_chosen.tolist() == [0.75, 0.75, 1.0]
    turned = criterion_statistics(chosen, rejected, weights=[-1, 1, 1])
    assert turned.discriminability.tolist() == [-0.5, -0.25, 0.5]


def test_values_by_hand() -> None:
    met = [[1, 1, 0], [0, 1, 1], [1, NAN, 1], [NAN, NAN, NAN], [NAN, 1, 0]]
    hard = [True, False, False]
    np.testing.assert_allclose(rubric_values(met, [9, 1, 3], hard), [0.25, 0, 1, NAN, 0.25])
    np.testing.assert_allclose(rubric_values(met, [9, 1, 3], hard, cap=0.4), [0.25, 0.4, 1, NAN, 0.25])
    np.testing.assert_allclose(rubric_values([[1, 1], [0, 1]], [-1, -3], [False] * 2), [0.0, 0.25])
    np.testing.assert_allclose(rubric_values([[1, 1]], [2, -1], [False] * 2), [0.5])


@given(both=matrices)
def test_swapping_sides_mirrors(both: tuple[np.ndarray, np.ndarray]) -> None:
    chosen, rejected = both
    one, other = pair_accuracy(chosen, rejected), pair_accuracy(rejected, chosen)
    assert (math.isnan(one) and math.isnan(other)) or one + other == pytest.approx(1.0)
    told, turned = criterion_statistics(chosen, rejected), criterion_statistics(rejected, chosen)
    np.testing.assert_allclose(told.discriminability, -turned.discriminability)


@given(both=matrices, tolerance=st.sampled_from([0.0, 0.1]))
def test_pruning_keeps_the_accuracy(both: tuple[np.ndarray, np.ndarray], tolerance: float) -> None:
    result = pruned(*both, tolerance=tolerance)
    assert sorted([*result.kept, *result.dropped]) == list(range(both[0].shape[1]))
    assert len(result.kept) >= 1 and len(result.accuracies) == len(result.dropped) + 1
    if not math.isnan(result.accuracies[0]):
        assert (result.accuracies >= result.accuracies[0] - tolerance - 1e-9).all()
        last = pair_accuracy(both[0][:, result.kept], both[1][:, result.kept])
        assert last == pytest.approx(result.accuracies[-1])


def test_pruning_drops_copies_and_keeps_what_counts() -> None:
    rng = np.random.default_rng(0)
    quality = rng.random((200, 2, 2)) < np.array([[0.9, 0.7], [0.2, 0.4]])
    copies = np.concatenate([quality, quality[:, :, :1], rng.random((200, 2, 1)) < 0.5], axis=2).astype(float)
    result = pruned(copies[:, 0], copies[:, 1])
    assert len(result.kept) < 4 and result.accuracies[-1] >= result.accuracies[0]
    assert 3 in result.dropped.tolist(), "noise goes"
    alike = redundancy(copies[:, 0], copies[:, 1])
    assert alike[0, 2] == pytest.approx(1.0) and abs(alike[0, 3]) < 0.3


def test_hard_criteria_can_be_kept() -> None:
    chosen, rejected = [[1, 1]], [[0, 1]]
    assert pruned(chosen, rejected, hard=[False, True]).kept.tolist() == [0]
    assert pruned(chosen, rejected, hard=[False, True], keep_hard=True).kept.tolist() == [0, 1]
    assert pruned(chosen, rejected, least=2).kept.tolist() == [0, 1]


def test_other_tables() -> None:
    np.testing.assert_allclose(leave_one_out([[1, 1]], [[0, 0]]), [0.0, 0.0])
    np.testing.assert_allclose(label_agreement([[1, NAN], [0, NAN]], [1, 0]), [1.0, NAN])
    np.testing.assert_allclose(implied([[1, NAN], [1, 0], [0, 1]]), [[1, 0], [0, 1]])
    assert math.isnan(pair_accuracy(np.zeros((0, 2)), np.zeros((0, 2))))
    for wrong in (lambda: pruned([[1]], [[1]], tolerance=-1), lambda: pair_accuracy([[1]], [[1, 0]])):
        with pytest.raises(ValueError, match="must"):
            wrong()


def test_coding_rate_properties() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 5))
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert coding_rate(x @ turn) == pytest.approx(coding_rate(x))
    assert coding_rate(x * 3.0) == pytest.approx(coding_rate(x))
    eye = np.eye(4)
    assert coding_rate(eye[:3]) > coding_rate(eye[[0, 1, 1]]) > coding_rate(eye[[0, 0, 0]])
    assert coding_rate([[1.0]]) == pytest.approx(math.log(101), abs=1e-6)
    assert coding_rate(np.zeros((0, 3))) == coding_rate(np.zeros((2, 3))) == 0.0
    repeated = np.repeat(np.eye(3), 10, axis=0)
    assert sorted(np.flatnonzero(repeated[k])[0] for k in diverse_subset(repeated, batch=1, patience=1)) == [0, 1, 2]
    assert len(diverse_subset(rng.normal(size=(30, 20)), most=7)) == 7


def test_label_scores() -> None:
    labels = ["support", "partial_support", "not_support"]
    assert macro_f1(["support"], ["support"], labels) == 1.0 == macro_f1(["support"], ["support"], labels, absent="one")
    assert macro_f1(["support"], ["not_support"], labels) == 0.0
    assert macro_f1(["support"], ["not_support"], labels, absent="one") == pytest.approx(1 / 3)
    assert label_scores(["a"], ["b"], "c") == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert averaged_scores([], []) == {} and macro_f1([], [], labels) == 0.0
    assert verifier_metrics(["a"], [None])["valid"] == {}
    with pytest.raises(ValueError, match="one for each"):
        macro_f1(["a"], [], labels)
