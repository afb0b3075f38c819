"""Step rewards: given, judged, rewritten by a rule, as data."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from guerdon import Batch, Combine, from_spec, to_spec, to_yaml
from guerdon.combine import Gate
from guerdon.errors import UserError
from guerdon.models.chat import ScriptedChat
from guerdon.models.protocols.relevance import StepRelevance
from guerdon.models.protocols.score_of_max import ScoreOfMax
from guerdon.models.protocols.true_false import TrueFalse
from guerdon.rewards import Given, GivenSteps, HeadedAnswer, Judged, JudgedSteps, SearchAnswer
from guerdon.rewards.headed import headed
from guerdon.rewards.search import trajectory

BATCH = Batch(
    [
        trajectory("<search>a</search>", "x", "<search>b</search>", "y", "<answer>Ann</answer>"),
        "<answer>Bo</answer>",
        "",
    ],
    golden_answers=["Ann"] * 3,
    process_rewards=[[0.5, 1.0], [], [0.25]],
    extra=[0.1, 0.2, 0.3],
)
RENORM = Combine((GivenSteps(), SearchAnswer()), "renorm")


def steps(reward: Combine) -> list[list[float] | None]:
    found = reward.score(BATCH).steps
    assert found is not None
    return [None if row is None else row.values.round(9).tolist() for row in found]


def test_rewritten_steps_compose() -> None:
    assert steps(RENORM) == [[0.5, 1.0, 1.0], [0.0], [-0.75, 0.0]]
    assert steps(RENORM + Given("extra")) == [[0.5, 1.0, 1.1], [0.2], [-0.75, 0.3]]
    assert steps(2.0 * RENORM)[0] == [1.0, 2.0, 2.0]
    assert steps(Gate(Given("extra"), RENORM, at_least=0.15))[0] is None
    assert RENORM.score(BATCH).select([2, 0]).values.tolist() == [-0.75, 2.5]


def test_reductions() -> None:
    mean = GivenSteps(reduction="mean", low=0.0, high=0.8)
    assert mean.score(BATCH).values == pytest.approx([1.3 / 3, 0.0, 0.125]) and mean.range == (0.0, 0.8)
    assert GivenSteps().range == (-math.inf, math.inf)
    judged = JudgedSteps(
        ScriptedChat({}, default="<final_score>1,2</final_score>"), ScoreOfMax(question=None), reduction="mean"
    )
    scores = judged.score(BATCH)
    assert scores.values == pytest.approx([1 / 3, 0.0, 0.0]) and judged.range == (0.0, 1.0)
    assert np.isnan(scores.parts["judged_steps/valid_rate"]).tolist() == [False, True, True]
    with pytest.raises(UserError, match="reduction"):
        JudgedSteps(ScriptedChat({}), ScoreOfMax(), reduction="max")


@pytest.mark.parametrize(
    "reward",
    [
        RENORM,
        JudgedSteps(ScriptedChat({"a": "b"}), ScoreOfMax(question=None)),
        JudgedSteps(ScriptedChat({}), StepRelevance(characters=100), environment="spans", reduction="mean"),
        Judged(ScriptedChat({}), TrueFalse(question=None, environment="spans")),
        HeadedAnswer(variant="official"),
    ],
    ids=lambda reward: reward.name,
)
def test_is_data(reward: Combine) -> None:
    assert from_spec(to_spec(reward)) == reward == from_spec(to_yaml(reward))
    assert pickle.loads(pickle.dumps(reward)) == reward


def test_columns_of_judged_steps() -> None:
    reward = JudgedSteps(ScriptedChat({}), ScoreOfMax(), environment="spans")
    assert reward.columns == {"question", "spans"}


def test_headed_answer_tells_how_a_trajectory_ends() -> None:
    completions = [
        headed(1, answer="Ann."),
        headed(1, answer="Anna"),
        trajectory(headed(1, "q"), "x"),
        trajectory(headed(1, "q"), "x", headed(3, answer="Ann")),
    ]
    scores = HeadedAnswer().score(Batch(completions, golden_answers=["Ann"] * 4))
    assert scores.values.tolist() == [1, 0, 0, 0]
    assert scores.parts["headed_answer/open"].tolist() == [0, 1, 0, 0]
    assert scores.parts["headed_answer/end"].tolist() == [1, 1, 0, -1]
    assert np.isnan(HeadedAnswer().score(Batch(completions[:1], golden_answers=[[]])).values[0])
