from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import combine
from tests.shaping.grouped import NAN, numbers

TERMS = st.integers(1, 4).flatmap(
    lambda k: st.integers(0, 6).flatmap(
        lambda n: st.lists(st.lists(numbers(-4, 4) | st.just(NAN), min_size=n, max_size=n), min_size=k, max_size=k).map(
            lambda rows: np.array(rows, dtype=np.float64).reshape(k, n)
        )
    )
)
RULES = {
    "weighted_sum": lambda t, m="nan": combine.weighted_sum(t, [1.0] * len(t), m),
    "mean": lambda t, m="nan": combine.mean(t, missing=m),
    "product": lambda t, m="nan": combine.product(t, m),
    "minimum": lambda t, m="nan": combine.minimum(t, m),
    "maximum": lambda t, m="nan": combine.maximum(t, m),
    "log_sum_exp": lambda t, m="nan": combine.log_sum_exp(t, missing=m),
    "soft_minimum": lambda t, m="nan": combine.log_sum_exp(t, temperature=-0.5, average=True, missing=m),
    "geometric_mean": lambda t, m="nan": combine.geometric_mean(t, delta=0.01, missing=m),
}


@pytest.mark.parametrize("rule", RULES)
@given(terms=TERMS, seed=st.integers(0, 99))
def test_nan_rule_and_symmetry(rule, terms, seed) -> None:
    function, rng = RULES[rule], np.random.default_rng(seed)
    lost = np.isnan(terms)
    for missing, unscored in (("nan", lost.any(axis=0)), ("drop", lost.all(axis=0)), ("zero", lost.all(axis=0))):
        out = function(terms, missing)
        assert (np.isnan(out) == unscored).all(), missing
        assert function(terms[rng.permutation(len(terms))], missing) == pytest.approx(out, nan_ok=True, abs=1e-9)
        order = rng.permutation(terms.shape[1])
        assert function(terms[:, order], missing) == pytest.approx(out[order], nan_ok=True, abs=1e-12)
    zeros = np.where(lost, 0.0, terms)
    known = ~lost.all(axis=0)
    assert function(terms, "zero")[known] == pytest.approx(function(zeros)[known], abs=1e-9)
    for n in range(terms.shape[1]):
        if known[n] and rule != "weighted_sum":
            left = terms[~lost[:, n]][:, [n]]
            assert function(terms, "drop")[n] == pytest.approx(function(left)[0], abs=1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_unknown_missing_and_shapes(rule) -> None:
    with pytest.raises(ValueError, match="missing='skip'"):
        RULES[rule]([[1.0]], "skip")
    with pytest.raises(ValueError, match=r"\(K, N\)"):
        RULES[rule](np.zeros((0, 3)))
    with pytest.raises(ValueError, match=r"\(K, N\)"):
        RULES[rule](np.array([1.0]))
    with pytest.raises(ValueError, match="different lengths"):
        RULES[rule]([[1.0], [1.0, 2.0]])


def test_weighted_sum_by_hand() -> None:
    terms = [[1.0, NAN, 2.0], [10.0, 10.0, NAN]]
    assert combine.weighted_sum(terms, (1.0, 0.1), "drop") == pytest.approx([2.0, 11.0, 2.2])
    assert combine.weighted_sum(terms, (1.0, 0.1), "zero") == pytest.approx([2.0, 1.0, 2.0])
    assert combine.weighted_sum([[1.0, 1.0]], [[2.0, 3.0]]).tolist() == [2.0, 3.0]


def test_a_term_of_weight_zero_is_for_the_log() -> None:
    assert combine.weighted_sum([[1.0], [NAN], [math.inf]], (1.0, 0.0, 0.0)).tolist() == [1.0]
    assert combine.weighted_sum([[NAN]], (0.0,)).tolist() == [0.0]


@given(TERMS, st.lists(numbers(-3, 3), min_size=4, max_size=4))
def test_dropping_keeps_within_the_reach_of_the_weights(terms, weights) -> None:
    weights = np.array(weights[: len(terms)])
    out = combine.weighted_sum(terms, weights, "drop")
    assert (np.isnan(out) | (np.abs(out) <= 4 * np.abs(weights).sum() + 1e-9)).all()


def test_log_sum_exp_is_stable_and_bounds_the_extremes() -> None:
    terms = np.array([[-1e4, 5.0], [-1e4, 3.0]])
    assert combine.log_sum_exp(terms)[0] == pytest.approx(-1e4 + math.log(2))
    assert combine.log_sum_exp(terms, average=True)[0] == pytest.approx(-1e4)
    assert combine.log_sum_exp(terms, temperature=0.01)[1] == pytest.approx(5.0)
    assert combine.log_sum_exp(terms, temperature=-0.01)[1] == pytest.approx(3.0)
    with pytest.raises(ValueError, match="temperature=0"):
        combine.log_sum_exp(terms, temperature=0)


@pytest.mark.parametrize(
    ("failures", "count", "expected"), [(1, 9, 0.5988), (2, 9, 0.3586), (9, 9, 0.0099), (1, 1, 0.0099)]
)
def test_bottom_line_gate(failures, count, expected) -> None:
    scores = np.array([[0.0]] * failures + [[1.0]] * (count - failures))
    assert combine.geometric_mean(scores, delta=0.01)[0] == pytest.approx(expected, abs=5e-5)
    copies = np.repeat(scores, 3, axis=0)
    assert combine.geometric_mean(copies, delta=0.01)[0] == pytest.approx(expected, abs=5e-5)


def test_geometric_mean_at_the_ends() -> None:
    assert combine.geometric_mean([[4.0], [9.0]]).tolist() == [1.0], "clipped to [0, 1]"
    assert combine.geometric_mean([[0.25], [1.0]]).tolist() == [0.5]
    assert combine.geometric_mean([[0.0], [1.0]]).tolist() == [0.0]
    assert combine.geometric_mean([[NAN], [1.0]], missing="zero").tolist() == [0.0]
    with pytest.raises(ValueError, match="delta=-1"):
        combine.geometric_mean([[0.0]], delta=-1)


def test_mean_weights() -> None:
    assert combine.mean([[1.0], [0.0], [0.5]]).tolist() == [0.5]
    assert combine.mean([[1.0], [NAN]], weights=(1.0, 3.0), missing="drop").tolist() == [1.0]
    for weights in ((-1.0, 2.0), (0.0, 0.0)):
        with pytest.raises(ValueError, match="weights="):
            combine.mean([[1.0], [1.0]], weights=weights)
    with pytest.raises(ValueError, match="one weight per term"):
        combine.weighted_sum([[1.0]], (1.0, 2.0))


def test_gates() -> None:
    condition, objective = [0.5, 0.49, NAN, 0.0, 1.0], [2.0, 2.0, 2.0, NAN, NAN]
    assert combine.gate(condition, objective, otherwise=-1.0).tolist()[:2] == [2.0, -1.0]
    assert np.isnan(combine.gate(condition, objective)).tolist() == [False, False, True, False, True]
    assert combine.gate([1.0], [2.0], at_least=2.0, otherwise=[7.0]).tolist() == [7.0]
    soft = combine.soft_gate([0.0, 0.5, 1.0, NAN], [1.0, 1.0, 1.0, 1.0], sharpness=1000.0)
    assert soft[:3] == pytest.approx([0.0, 0.5, 1.0]) and np.isnan(soft[3])


def test_choices_between_terms() -> None:
    assert combine.first_scored([[NAN, NAN, 1.0], [NAN, 2.0, 9.0]]).tolist()[1:] == [2.0, 1.0]
    assert np.isnan(combine.first_scored([[NAN], [NAN]])).all()
    hybrid = combine.rule_else_model([0.0, NAN, NAN], [0.9, 0.9, 0.9], verifiable=[True, True, False])
    assert hybrid[0] == 0.0 and np.isnan(hybrid[1]) and hybrid[2] == 0.9
    assert combine.passed_else_model([1.0, 0.0], [5.0, 5.0], cap=0.5).tolist() == [1.0, 0.5]
    assert np.isnan(combine.passed_else_model([0.0], [NAN])).all()


def test_confidence_weighted() -> None:
    terms, confidence = [[1.0, 1.0, NAN], [0.0, NAN, NAN]], [[1.0, 0.0, 1.0], [3.0, 1.0, 1.0]]
    out = combine.confidence_weighted(terms, confidence)
    assert out[0] == 0.25 and np.isnan(out[1:]).all()
    assert combine.confidence_weighted([[1.0], [0.0]], [1.0, 3.0]).tolist() == [0.25]
    with pytest.raises(ValueError, match="confidence="):
        combine.confidence_weighted([[1.0]], [-1.0])


def test_ensemble() -> None:
    terms = [[1.0, 2.0], [3.0, 0.0], [2.0, 4.0]]
    assert combine.ensemble(terms).tolist() == [2.0, 2.0]
    assert combine.ensemble(terms, reduce="min").tolist() == [1.0, 0.0]
    assert combine.ensemble(terms, reduce="max").tolist() == [3.0, 4.0]
    assert combine.ensemble(terms, reduce="median").tolist() == [2.0, 2.0]
    assert combine.ensemble_spread(terms) == pytest.approx([math.sqrt(2 / 3), math.sqrt(8 / 3)])
    assert combine.ensemble(terms, penalty=0.5, spread="variance") == pytest.approx([2 - 1 / 3, 2 - 4 / 3])
    assert combine.ensemble([[1.0]], penalty=9.0).tolist() == [1.0], "one member cannot disagree"
    gaps = [[NAN, NAN], [4.0, NAN]]
    assert np.isnan(combine.ensemble(gaps)).all()
    assert combine.ensemble(gaps, missing="drop")[0] == 4.0 and np.isnan(combine.ensemble(gaps, missing="drop")[1])
    for options in ({"reduce": "mode"}, {"spread": "range"}, {"missing": "zero"}):
        with pytest.raises(ValueError, match=f"{next(iter(options))}="):
            combine.ensemble(terms, **options)
