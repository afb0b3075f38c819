from __future__ import annotations

import numpy as np
import pytest

from guerdon import Batch, from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.lm import ScriptedLM
from guerdon.papers.irl_survey import PAPER, build, cautious_best_of_n, ensemble_reward
from guerdon.rewards import Given
from guerdon.shaping.credit import redistribute, rollout_values
from guerdon.shaping.decomposed_heads import user_weights
from guerdon.shaping.demonstrations import adversarial_reward, implicit_token_reward
from guerdon.shaping.preference import classification_loss


def test_implicit_from_columns_and_from_models() -> None:
    rows = Batch(["a", "b"], ["q", "q"], policy_logp=[[-1.0, -2.0], [-1.0]], reference_logp=[[-1.2, -1.0], [-3.0]])
    given = build(beta=0.1).score(rows).values
    assert given == pytest.approx([-0.08, 0.2])
    models = build(
        lm=ScriptedLM({"a": [-1.0, -2.0], "b": [-1.0]}), reference_lm=ScriptedLM({"a": [-1.2, -1.0], "b": [-3.0]})
    )
    assert models.score(rows).values == pytest.approx(given)
    with pytest.raises(UserError, match="give both"):
        build(lm=ScriptedLM({}))
    assert from_spec(to_spec(models)) == models and set(build().columns) == set(PAPER.columns)


def test_ensembles_are_cautious() -> None:
    rows = Batch(["a", "b"], one=[1.0, 3.0], two=[1.0, 0.0])
    members = tuple(Given(name, name=name) for name in ("one", "two"))
    scores = build("ensemble", members=members).score(rows)
    assert scores.values == pytest.approx([1.0, 1.5 - 0.5 * 2.25]) and scores.uncertainty == pytest.approx([0.0, 1.5])
    assert build("ensemble", members=members, mode="min").score(rows).values.tolist() == [1.0, 0.0]
    assert cautious_best_of_n([[1.0, 3.0], [1.0, 0.0]]) == 0 and cautious_best_of_n([[0.3]]) == 0
    assert ensemble_reward([[2.0]], mode="mean_minus_variance").tolist() == [2.0], "one member disagrees with nobody"
    for wrong in ({}, {"members": members, "mode": "median"}):
        with pytest.raises(UserError, match=r"members|mode"):
            build("ensemble", **wrong)  # type: ignore[arg-type]


def test_the_implicit_reward_of_the_best_policy_is_the_true_one() -> None:
    """pi = pi_ref exp(r / beta) / Z: beta log(pi / pi_ref) is r up to a constant of the prompt."""
    rng = np.random.default_rng(0)
    reward, reference, beta = rng.normal(size=30), rng.dirichlet(np.ones(30)), 0.3
    tilted = reference * np.exp(reward / beta)
    read = implicit_token_reward(np.log(tilted / tilted.sum()), np.log(reference), beta=beta)
    assert read - reward == pytest.approx(np.full(30, (read - reward)[0]))


def test_an_optimal_discriminator_gives_the_log_ratio_which_moves_to_the_demonstrations() -> None:
    """Adversarial imitation on a small language: a few exact steps bring the policy to the demonstrations."""
    rng = np.random.default_rng(0)
    demonstrations, policy = rng.dirichlet(np.ones(64)), np.full(64, 1 / 64)
    for _ in range(20):
        reward = adversarial_reward(demonstrations / (demonstrations + policy))
        assert reward == pytest.approx(np.log(demonstrations / policy), abs=1e-3)
        policy = policy * np.exp(0.5 * reward)
        policy /= policy.sum()
    assert (demonstrations * np.log(demonstrations / policy)).sum() < 0.05


def test_linear_world() -> None:
    rng = np.random.default_rng(0)
    truth = 2.0 * rng.normal(size=16)
    pairs = rng.normal(size=(500, 16)) - rng.normal(size=(500, 16))
    preferred = rng.random(500) < 1 / (1 + np.exp(-pairs @ truth))
    learned = user_weights(np.where(preferred[:, None], pairs, -pairs))
    assert learned @ truth / np.linalg.norm(learned) / np.linalg.norm(truth) > 0.95
    assert classification_loss(pairs[preferred] @ truth, pairs[~preferred] @ truth) < np.log(2)


def test_monte_carlo_values_and_redistribution() -> None:
    rng = np.random.default_rng(0)
    successes = rng.binomial(64, 0.3, size=200)
    values = rollout_values(successes, np.full(200, 64))
    assert abs(values.mean() - 0.3) < 3 * np.sqrt(0.21 / (64 * 200))
    assert rollout_values(successes, np.full(200, 64), hard=True).mean() > 0.99, "hard labels are optimistic"
    shares = redistribute(2.5, rng.random(9), mix=0.7)
    assert shares.sum() == pytest.approx(2.5)
