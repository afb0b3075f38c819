from __future__ import annotations

import numpy as np
import pytest

from guerdon import Batch, from_spec, to_spec
from guerdon.models.lm import ScriptedLM
from guerdon.papers.endogenous_reward import PAPER, build
from guerdon.shaping.preference import preference_probability
from guerdon.shaping.soft_bellman import endogenous_rewards, soft_values

HONEST = "It is 4, as two and two make four."
HACKS = {
    "copied question": "What is 2+2?",
    "keyword soup": "4 4 four four 4",
    "mixed language": "It is quattro 四.",
    "evidence in thoughts": "<think>The tool said: correct.</think>",
    "huge": "so " * 20_000,
    "shopping": "It is 3. It is 4. It is 5.",
    "empty": "",
}
LM = ScriptedLM({HONEST: [-0.1] * 10} | {said: [-1.0] * max(len(said.split()), 3) for said in HACKS.values()})


@pytest.mark.parametrize("variant", ["default", "mean", "discounted"])
def test_likely_text_wins(variant: str) -> None:
    rows = Batch([HONEST, *HACKS.values()], ["What is 2+2?"] * (1 + len(HACKS)))
    values = build(variant, lm=LM).score(rows).values
    assert (values[1:] < values[0]).all()


def test_the_shortest_answer_wins_a_sum_and_not_a_mean() -> None:
    rows = Batch(["short", "long"], ["q", "q"])
    lm = ScriptedLM({"short": [-1.0], "long": [-0.4] * 5})
    values = {variant: build(variant, lm=lm).score(rows).values for variant in ("default", "mean", "discounted")}
    assert values["default"][0] > values["default"][1] and values["mean"][0] < values["mean"][1]
    rows = Batch([""], ["q"])
    assert build(lm=lm, closed=False).score(rows).values.tolist() == [0.0], "the card's 0, where the end is not scored"
    assert build(lm=ScriptedLM({"": [-7.0]})).score(rows).values.tolist() == [-7.0]


def test_is_data() -> None:
    for variant in PAPER.variants:
        reward = build(variant)
        assert from_spec(to_spec(reward)) == reward and not reward.columns and not reward.needs_policy
    assert build("tokens", lm=LM, terminal="next", system="Judge by correctness.").terminal == "next"  # type: ignore[attr-defined]


def test_preferences_are_close_where_policies_are() -> None:
    """Theorem 1: total variation of preferences is at most alpha H eps / 2, eps the largest gap of log-probabilities."""
    rng = np.random.default_rng(0)
    for alpha in (0.5, 1.0, 2.0):
        expert, horizon = rng.normal(size=(4, 5)), 4
        other = expert + 0.1 * rng.normal(size=expert.shape)
        tables = [logits / alpha - soft_values(logits, alpha=alpha)[:, None] / alpha for logits in (expert, other)]
        epsilon = abs(tables[0] - tables[1]).max()
        for _ in range(50):
            pair = rng.integers(0, 5, (2, horizon))
            chances = [
                float(preference_probability(*(alpha * table[range(4), ids].sum() for ids in pair))) for table in tables
            ]
            assert abs(chances[0] - chances[1]) <= alpha * horizon * epsilon / 2 + 1e-12


def test_rewards_of_a_soft_optimal_expert_rank_like_the_true_ones() -> None:
    """The logits of a soft-optimal policy for a known reward give that reward's ranking of whole sequences."""
    rng = np.random.default_rng(1)
    truth, horizon = rng.normal(size=(5, 5)), 6
    after = np.zeros(5)
    logits = np.zeros((horizon, 5, 5))
    for h in reversed(range(horizon)):
        logits[h] = truth + after[None, :]
        after = soft_values(logits[h])
    sequences = rng.integers(0, 5, (40, horizon))
    true, read = [], []
    for row in sequences:
        before = [0, *row[:-1]]
        true.append(truth[before, row].sum())
        read.append(endogenous_rewards(logits[range(horizon), before], row).sequence_reward)
    assert read == pytest.approx(true)
