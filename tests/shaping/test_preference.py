from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import preference
from guerdon.shaping.acquisition import log_determinant, preference_information, select_comparisons
from guerdon.shaping.decomposed_heads import decomposed_heads, user_weights
from guerdon.shaping.overoptimization import gold_peak, length_bias, overoptimization_gap

rewards = st.lists(st.floats(-50, 50), min_size=1, max_size=6)


@given(rewards, st.floats(-20, 20))
def test_bradley_terry_does_not_see_a_shift_and_dpo_is_bradley_terry(chosen: list[float], shift: float) -> None:
    rejected = chosen[::-1]
    loss = preference.bradley_terry_loss(chosen, rejected)
    assert preference.bradley_terry_loss(np.add(chosen, shift), np.add(rejected, shift)) == pytest.approx(loss)
    assert preference.dpo_loss(chosen, rejected, [0] * len(chosen), [0] * len(chosen), beta=1.0) == pytest.approx(loss)


def test_losses_by_hand() -> None:
    def s(z: float) -> float:
        return 1 / (1 + math.exp(-z))

    assert preference.bradley_terry_loss([1.0], [0.0], margin=[0.5]) == pytest.approx(-math.log(s(0.5)))
    smoothed = -0.9 * math.log(s(1)) - 0.1 * math.log(s(-1))
    assert preference.bradley_terry_loss([1.0], [0.0], label=0.9) == pytest.approx(smoothed)
    centred = preference.bradley_terry_loss([1.0], [0.5], centering=0.1)
    assert centred == pytest.approx(-math.log(s(0.5)) + 0.1 * 1.5**2)
    assert preference.classification_loss([1.0], [-1.0]) == pytest.approx(-math.log(s(1)))
    assert preference.classification_loss([1.0, 3.0], [-1.0]) == pytest.approx(
        0.5 * (-(math.log(s(1)) + math.log(s(3))) / 2 - math.log(s(1)))
    )
    assert preference.correctness_loss([2.0], [0.25]) == pytest.approx(-0.25 * math.log(s(2)) - 0.75 * math.log(s(-2)))
    assert preference.preference_probability(-1e5, 1e5) == 0.0
    for loss in (preference.bradley_terry_loss, preference.classification_loss):
        assert loss([1e4], [-1e4]) == 0.0 and loss([-1e4], [1e4]) >= 1e4
        with pytest.raises(ValueError, match="at least one"):
            loss([], [])


def test_ranked_trajectories_are_pairs() -> None:
    pairs = [preference.bradley_terry_loss([b], [w]) for b, w in ((1.0, 0.0), (5.0, 0.0), (5.0, 1.0))]
    assert preference.ranked_loss([5.0, 0.0, 1.0], [3, 1, 2]) == pytest.approx(np.mean(pairs))
    assert preference.ranked_loss([5.0, 0.0, 1.0], [3, 1, 2], groups=[0, 0, 1]) == pytest.approx(pairs[1])
    with pytest.raises(ValueError, match="at least one"):
        preference.ranked_loss([1.0, 2.0], [1, 1])


def test_d_optimal_greedy_is_greedy() -> None:
    rng = np.random.default_rng(0)
    differences, weights = rng.normal(size=(12, 3)), rng.normal(size=3)
    picked: list[int] = []
    for _ in range(4):

        def worth(i: int) -> float:
            return log_determinant(preference_information(weights, differences[[*picked, i]]))

        picked.append(max((i for i in range(12) if i not in picked), key=worth))
    assert select_comparisons(weights, differences, 4).tolist() == picked
    assert len(set(select_comparisons(weights, differences, 99).tolist())) == 12
    margins = abs(differences @ weights)
    assert select_comparisons(weights, differences, 1, criterion="uncertainty")[0] == margins.argmin()
    assert select_comparisons(weights, differences, 1, criterion="gap")[0] == margins.argmax()
    with pytest.raises(ValueError, match="d_optimal"):
        select_comparisons(weights, differences, 1, criterion="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weights"):
        preference_information([1.0, 2.0], [[1.0, 2.0, 3.0]])
    assert preference_information([1.0], [[0.0]]).tolist() == [[0.0]], "equal embeddings tell nothing"


def test_heads_find_what_people_differ_in() -> None:
    rng = np.random.default_rng(0)
    taste = rng.choice([-1.0, 1.0], 300)
    z = np.stack([np.full(300, 2.0), 3.0 * taste, 0.1 * rng.normal(size=300)], axis=1)
    heads = decomposed_heads(z)
    assert abs(heads.directions[0]) == pytest.approx([0, 1, 0], abs=0.02) and heads.explained[0] > 0.99
    assert heads.mean[0] == pytest.approx(2.0) and heads.explained.sum() == pytest.approx(1.0)
    assert decomposed_heads([[1.0, 2.0]] * 3).explained.tolist() == [0.0, 0.0]
    user = user_weights(np.stack([taste[:20] * taste[:20], rng.normal(size=20) * 0.1], axis=1))
    assert user[0] > 2 and np.isfinite(user_weights(np.ones((3, 1)) * 1e3)).all()


def test_overoptimisation() -> None:
    assert overoptimization_gap([1, 5], [1, 2]).tolist() == [0.0, 3.0]
    assert gold_peak([1.0, 3.0, math.nan, 3.0, 1.0]) == (1, 3.0, 2.0)
    assert length_bias([1.0, 1.0], [3, 3]) == 0.0 and math.isnan(length_bias([], []))
    with pytest.raises(ValueError, match="no scored"):
        gold_peak([math.nan])
    with pytest.raises(ValueError, match="one of each"):
        overoptimization_gap([1.0], [])
