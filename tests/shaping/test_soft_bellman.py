from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.soft_bellman import (
    Terminal,
    endogenous_rewards,
    sequence_score,
    soft_token_rewards,
    soft_values,
    weighted_tokens,
)

seeds, alphas, terminals = (
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.sampled_from(["zero", "next"]),
)


def drawn(seed: int, terminal: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    size, vocabulary = rng.integers(1, 6), rng.integers(2, 9)
    logits = rng.normal(scale=10.0, size=(size + (terminal == "next"), vocabulary))
    return logits, rng.integers(0, vocabulary, size)


@given(seeds, alphas, terminals)
def test_both_forms_agree_and_telescope(seed: int, alpha: float, terminal: Terminal) -> None:
    logits, ids = drawn(seed, terminal)
    found = endogenous_rewards(logits, ids, alpha=alpha, terminal=terminal)
    values = soft_values(logits, alpha=alpha)
    logprobs = logits[np.arange(len(ids)), ids] / alpha - values[: len(ids)] / alpha
    after = np.append(values[1 : len(ids)], 0.0) if terminal == "zero" else values[1:]
    assert found.token_rewards == pytest.approx(alpha * logprobs + values[: len(ids)] - after)
    assert found.alpha_times_logprob == pytest.approx(alpha * logprobs.sum())
    last = 0.0 if terminal == "zero" else values[-1]
    assert found.sequence_reward == pytest.approx(alpha * logprobs.sum() + values[0] - last)
    assert len(found.values) == len(logits)


@given(seeds, alphas)
def test_constants_added_to_logits(seed: int, alpha: float) -> None:
    logits, ids = drawn(seed, "next")
    moved = {
        t: endogenous_rewards(logits + 1000.0, ids, alpha=alpha, terminal=t).token_rewards for t in ("next", "zero")
    }
    plain = {t: endogenous_rewards(logits, ids, alpha=alpha, terminal=t).token_rewards for t in ("next", "zero")}
    assert moved["next"] == pytest.approx(plain["next"], abs=1e-6), "a common constant changes nothing"
    gauge = np.zeros(len(ids))
    gauge[-1] = 1000.0
    assert moved["zero"] == pytest.approx(plain["zero"] + gauge, abs=1e-6), (
        "but the last token without a value after it"
    )
    states = np.random.default_rng(seed).normal(size=(len(logits), 1)) * [[1.0]] * 5
    states[0] = 0.0
    shifted = endogenous_rewards(logits + states, ids, alpha=alpha).sequence_reward
    assert shifted == pytest.approx(endogenous_rewards(logits, ids, alpha=alpha).sequence_reward), (
        "zero ranks gauge-free"
    )


def test_edges() -> None:
    empty = endogenous_rewards(np.zeros((0, 3)), [])
    assert empty.token_rewards.tolist() == [] and empty.sequence_reward == 0.0
    assert endogenous_rewards(np.zeros((1, 2)), [], terminal="next").values == pytest.approx([np.log(2)])
    masked = endogenous_rewards([[0.0, -np.inf], [0.0, 0.0]], [1, 0])
    assert masked.alpha_times_logprob == -np.inf and not np.isnan(masked.token_rewards).any()
    assert soft_values([[-np.inf, -np.inf]]).tolist() == [-np.inf]
    blind = endogenous_rewards([[-np.inf, -np.inf]] * 2, [0, 0])
    assert blind.sequence_reward == -np.inf
    with pytest.raises(ValueError, match="3 state values for 2"):
        soft_token_rewards([1.0, 2.0], [1.0, 2.0], terminal="next")
    with pytest.raises(ValueError, match="choices: zero, next"):
        soft_token_rewards([1.0], [1.0], terminal="last")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="above 0"):
        soft_values([[1.0]], alpha=0.0)
    with pytest.raises(ValueError, match="one row"):
        endogenous_rewards([[1.0, 2.0]], [0, 1])


def test_aggregates_weigh_length_differently() -> None:
    short, long = [-1.0], [-0.4] * 5
    assert sequence_score(short) > sequence_score(long), "a sum prefers the short one"
    assert sequence_score(short, "mean") < sequence_score(long, "mean")
    discounted = sequence_score([-1.0] * 60, "discounted_sum", gamma=0.5, clip_min=0.2)
    assert discounted == pytest.approx(-(1 + 0.5 + 0.25 + 57 * 0.2))
    assert sequence_score([]) == 0.0 == sequence_score([], "mean") and sequence_score([-1.0], alpha=2.0) == -2.0
    assert weighted_tokens([-1.0, -3.0], "mean").tolist() == [-0.5, -1.5]
    with pytest.raises(ValueError, match="discounted_sum"):
        sequence_score([-1.0], "max")  # type: ignore[arg-type]
