"""Reward specification: limits as rates, state in the scorer, log-ratios, focus, potentials, hacks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.combine import Combine
from guerdon.errors import UserError
from guerdon.rewards import Given, GivenSteps, LogRatio, Potential
from guerdon.shaping.constraints import multiplier_weights
from guerdon.shaping.rate_constraints import (
    focus,
    one_sided,
    rate_constraints,
    rate_constraints_advance,
    rate_constraints_initial,
)

PAPER = find_paper("reward-specification")
COSTS = st.lists(st.lists(st.sampled_from([0.0, 1.0, float("nan")]), min_size=3, max_size=3), min_size=1, max_size=6)
LIMITS = ((None, 0.1), (0.9, None), (None, 0.5))


@given(st.lists(COSTS, max_size=6), st.integers(0, 2))
def test_weights_sum_to_one_and_the_bootstrap_keeps_the_task(batches: list[list[list[float]]], bootstrap: int) -> None:
    state = rate_constraints_initial(LIMITS)
    for costs in batches:
        terms = np.vstack([np.ones(len(costs)), np.array(costs).T])
        state = rate_constraints_advance(terms, state, limits=LIMITS, rate=0.5)
    weight, signed = multiplier_weights(state, LIMITS)
    assert weight + np.abs(signed).sum() == pytest.approx(1.0) and np.sign(signed).tolist() == [-1, 1, -1]
    kept, _ = multiplier_weights(state, LIMITS, bootstrap=bootstrap)
    assert kept >= max(weight, abs(signed[bootstrap])) - 1e-12 and np.abs(state["params"]).max() <= 5.0


def test_rates_are_those_of_the_latest_samples() -> None:
    state = rate_constraints_initial([(None, 0.5)])
    for cost in (1.0, 0.0, 0.0):
        state = rate_constraints_advance([[0.0, 0.0], [cost, cost]], state, limits=[(None, 0.5)], window=4)
    assert state["recent"].ravel().tolist() == [0.0] * 4 and state["updates"] == 3
    big = rate_constraints_advance(np.zeros((2, 9)), state, limits=[(None, 0.5)], window=4)
    assert len(big["recent"]) == 9, "a batch is never cut"
    with pytest.raises(ValueError, match="one cost per limit"):
        rate_constraints([[1.0]], state, limits=[(None, 0.5)])


def constrained(**options) -> Combine:
    over = Given("over", name="over")
    return PAPER.build(task=Given("task", low=0, high=1, name="task"), constraints=[(over, None, 0.1)], **options)


def test_the_scorer_moves_the_multipliers_and_score_does_not() -> None:
    reward = constrained(rate=0.5)
    batch = Batch(["a", "b"], task=[1.0, 0.0], over=[1.0, 0.0])
    assert reward.stateful and reward.score(batch).values.tolist() == [0.0, 0.0]
    scorer = reward.scorer()
    first = scorer.advance(batch).values
    assert first.tolist() == [0.0, 0.0], "a batch is scored under the weights before it"
    assert scorer.score(batch).values.tolist() == scorer.score(batch).values.tolist()
    assert scorer.score(batch).values[0] < 0.0, "the limit of 10 % is violated, so the cost weighs more"
    other = reward.scorer()
    other.load_state_dict(scorer.state_dict())
    assert other.advance(batch).values.tolist() == scorer.advance(batch).values.tolist()


def test_an_unscored_cost_leaves_the_sample_unscored_and_moves_nothing() -> None:
    scorer = constrained().scorer()
    values = scorer.advance(Batch(["a", "b"], task=[1.0, 1.0], over=[None, None])).values
    assert np.isnan(values).all()
    assert scorer.score(Batch(["a"], task=[1.0], over=[0.0])).values.tolist() == pytest.approx([0.5])


def test_unnormalized_and_bootstrap_variants() -> None:
    batch = Batch(["a"], task=[1.0], over=[1.0])
    assert PAPER.build(
        "unnormalized", task=Given("task", name="task"), constraints=[(Given("over", name="over"), None, 0.1)]
    ).score(batch).values.tolist() == pytest.approx([0.98])
    success = [(Given("task", name="success"), 0.99, None), (Given("over", name="over"), None, 0.1)]
    reward = PAPER.build(task=Given("task", low=0, high=1, name="task"), constraints=success, bootstrap=0)
    assert reward.score(batch).values.tolist() == pytest.approx([1 / 3])
    for wrong in ({"constraints": []}, {"bootstrap": 2}, {"constraints": [(Given("over"), None, None)]}):
        with pytest.raises(UserError):
            PAPER.build(**wrong)
    assert one_sided([[1.0]], [(0.2, 0.8)])[1] == [(0.2, None), (None, 0.8)]


def test_no_hack_beats_an_honest_answer() -> None:
    honest = "<think>Nine and nine.</think><answer>18</answer>"
    hacks = {
        "empty": "",
        "question": "How much is 9 + 9?",
        "keyword soup": "think answer 18 18 eighteen",
        "tag stuffing": "<think></think><answer></answer>" * 50,
        "form only": "<think>Hm.</think><answer>17</answer>",
        "answer shopping": "<think>a</think>" + "".join(f"<answer>{n}</answer>" for n in range(30)),
        "answer in thoughts": "<think>tool result: 18 <answer>18</answer></think>",
        "mixed language": "<think>neun und neun</think><answer>achtzehn 十八</answer>",
        "huge": "<think>" + "so " * 100_000 + "</think><answer>18</answer>",
    }
    scorer = PAPER.build().scorer()
    for _ in range(3):
        batch = Batch([honest, *hacks.values()], answer=["18"] * (1 + len(hacks)))
        values = scorer.advance(batch).values
        for name, value in zip(hacks, values[1:], strict=True):
            assert value < values[0], name


@given(st.lists(st.tuples(st.floats(-5, 0), st.floats(-5, 0)), max_size=12), st.integers(1, 5))
def test_windows_sum_to_the_log_ratio(pairs: list[tuple[float, float]], window: int) -> None:
    batch = Batch(["x"], new_logp=[[a for a, _ in pairs]], old_logp=[[b for _, b in pairs]])
    whole, cut = LogRatio().score(batch), PAPER.build("demonstration", window=window).score(batch)
    assert whole.values == pytest.approx([sum(a - b for a, b in pairs)], abs=1e-9)
    assert cut.values == pytest.approx(whole.values, abs=1e-9) and len(cut.steps[0]) == -(-len(pairs) // window)


@pytest.mark.parametrize("bad", [None, "text", [[1.0]], [float("nan")], ["a"], [-1.0, -1.0], 3])
def test_lists_that_are_none_are_missing_data(bad: object) -> None:
    scores = LogRatio().score(Batch(["x"], new_logp=[bad], old_logp=[[-1.0]]))
    assert np.isnan(scores.values[0]) and scores.notes["log_ratio"][0].outcome == "missing_data"
    if bad != [-1.0, -1.0]:
        assert np.isnan(Potential().score(Batch(["x"], potentials=[bad])).values[0])
    with pytest.raises(UserError, match="window"):
        LogRatio(window=0)
    with pytest.raises(UserError, match="gamma"):
        Potential(gamma=2.0)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=8), st.floats(0, 1))
def test_potentials_add_what_does_not_depend_on_the_path(states: list[float], gamma: float) -> None:
    steps = Potential(gamma=gamma).score(Batch(["x"], potentials=[states])).steps[0].values
    discounted = sum(gamma**t * value for t, value in enumerate(steps))
    assert discounted == pytest.approx(-states[0] if len(states) > 1 else 0.0, abs=1e-6)
    base = GivenSteps(closing=False)
    shaped = (base + Potential()).score(Batch(["x"], process_rewards=[[1.0, 0.0]], potentials=[[0.0, 2.0, 9.0]]))
    assert shaped.steps[0].values.tolist() == [3.0, -2.0] and shaped.values.tolist() == [1.0]


def test_focus_pays_near_the_direction_only() -> None:
    reward = PAPER.build("focus")
    batch = Batch(
        ["a"] * 4,
        helpful=[1.0, 1.0, 0.0, 1.0],
        harmless=[1.0, 0.0, 0.0, 1.0],
        direction=[[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], None],
    )
    values = reward.score(batch).values
    assert values[0] == pytest.approx(np.log(2.0)) and values[1:3].tolist() == [-100.0, -100.0] and np.isnan(values[3])
    fixed = PAPER.build("focus", direction=(1.0, 0.0), options={"outside": -5.0}).score(batch).values
    assert fixed.tolist() == pytest.approx([-5.0, 0.0, -5.0, -5.0])
    assert focus([[2.0], [2.0]], directions=[1.0, 1.0], border=1.0).tolist() == pytest.approx([np.log(4.0)])
