"""inspect-ai: a reward as scorer of a real ``eval()`` with its mock model, and a scorer as reward."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, accuracy, scorer

from guerdon.batch import Batch
from guerdon.integrations.inspect_ai import InspectScorer, as_scorer
from guerdon.rewards import MajorityVote, Tags, TokenF1

# Told here, since inspect-ai would otherwise count tokens with a tokenizer that it fetches.
USAGE = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)


def evaluated(scorers: Any, replies: list[str], tmp_path: Path, *, target: Any = "x y", **metadata: Any) -> Any:
    """The log of an evaluation in which the mock model gives these replies."""
    outputs = [ModelOutput.from_content("mockllm/model", reply) for reply in replies]
    for output in outputs:
        output.usage = USAGE
    samples = [Sample(input=f"q{i}", target=target, metadata=metadata) for i in range(len(replies))]
    model = get_model("mockllm/model", custom_outputs=outputs)
    task = Task(dataset=samples, scorer=scorers)
    (log,) = eval(task, model=model, log_dir=str(tmp_path / "logs"), display="none", max_samples=1)
    assert log.status == "success", log.error
    return log


def test_reward_as_scorer(exported: Any, tmp_path: Path) -> None:
    module = exported("inspect-ai", "{reward: token_f1}")
    log = evaluated(module.scorer, ["x y", "x z"], tmp_path)
    (scores,) = log.results.scores
    assert scores.name == "token_f1" and scores.metrics["mean"].value == 0.75
    score = log.samples[1].scores["token_f1"]
    assert score.value == 0.5 and score.answer == "x z" and score.metadata == {"token_f1": 0.5}


def test_unscored_stays_unscored(exported: Any, tmp_path: Path) -> None:
    module = exported("inspect-ai", "{reward: given, score_column: quality}")
    log = evaluated(module.scorer, ["x y"], tmp_path, quality=None)
    score = log.samples[0].scores["given"]
    assert isinstance(score.value, float) and math.isnan(score.value) and "missing_data" in score.reason


def test_several_targets_and_parts(tmp_path: Path) -> None:
    reward = TokenF1() + 0.5 * Tags("answer")
    log = evaluated(as_scorer(reward), ["<answer>x y</answer>"], tmp_path, target=["z", "x y"])
    score = log.samples[0].scores[reward.name]
    assert set(score.metadata) == {"token_f1", "tags"}


def test_epochs_of_a_sample_are_siblings(tmp_path: Path) -> None:
    """Without a number of siblings the reward cannot wait for them; with it the epochs of a sample meet."""
    outputs = [ModelOutput.from_content("mockllm/model", f"<answer>{word}</answer>") for word in "xxy"]
    for output in outputs:
        output.usage = USAGE
    model = get_model("mockllm/model", custom_outputs=outputs)
    task = Task(dataset=[Sample(input="q", target="t")], scorer=as_scorer(MajorityVote(), group_size=3), epochs=3)
    (log,) = eval(task, model=model, log_dir=str(tmp_path / "logs"), display="none")
    assert log.status == "success", log.error
    values = sorted(sample.scores["majority_vote"].value for sample in log.samples)
    assert values[0] < values[1] == values[2]


@scorer(metrics=[accuracy()], name="guerdon_test_letters")
def letters() -> Any:
    async def score(state: Any, target: Any) -> Score:
        said = state.output.completion
        if said == "bare":
            return Score(value="no number")
        return Score.unscored(reason="nothing said") if not said else Score(value={"C": "C", "P": "P"}.get(said, "I"))

    return score


def test_scorer_as_reward() -> None:
    batch = Batch(["The answer is 4.", "No idea"], ["2+2?", "2+2?"], target=["4", ["4", "four"]])
    assert InspectScorer().score(batch).values.tolist() == [1.0, 0.0]
    assert InspectScorer("match", arguments={"numeric": True}).score(batch).values.tolist() == [1.0, 0.0]
    broken = InspectScorer("pattern", arguments={"pattern": "(x"}).score(batch)
    assert np.isnan(broken.values).all() and "instrument_error" in broken.note(0)


def test_letters_and_what_is_no_number() -> None:
    batch = Batch(["C", "P", "x", "", "bare"], ["q"] * 5, target=["t"] * 5)
    scores = InspectScorer("guerdon_test_letters").score(batch)
    assert scores.values[:3].tolist() == [1.0, 0.5, 0.0] and np.isnan(scores.values[3:]).all()
    assert "missing_data: nothing said" in scores.note(3) and "unparseable" in scores.note(4)


def test_both_ways_agree(tmp_path: Path) -> None:
    """A scorer of inspect-ai as a reward as a scorer of inspect-ai."""
    log = evaluated(as_scorer(InspectScorer()), ["It is x y.", "It is z."], tmp_path)
    assert [sample.scores["inspect_scorer"].value for sample in log.samples] == [1.0, 0.0]
