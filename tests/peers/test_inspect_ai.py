"""inspect-ai: a reward as scorer of a real ``eval()`` with its mock model, and a scorer as reward."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, get_model

from guerdon.batch import Batch
from guerdon.integrations.inspect_ai import InspectScorer, as_scorer
from guerdon.rewards import TokenF1


def _evaluated(scorer: Any, replies: list[str], tmp_path: Path, **metadata: Any) -> Any:
    outputs = [ModelOutput.from_content("mockllm/model", reply) for reply in replies]
    task = Task(
        dataset=[Sample(input=f"q{i}", target="a b", metadata=metadata) for i in range(len(replies))], scorer=scorer
    )
    model = get_model("mockllm/model", custom_outputs=outputs)
    (log,) = eval(task, model=model, log_dir=str(tmp_path / "logs"), display="none", max_samples=1)
    assert log.status == "success", log.error
    return log


def test_reward_as_scorer(exported: Any, tmp_path: Path) -> None:
    module = exported("inspect-ai", "{reward: token_f1}")
    log = _evaluated(module.scorer, ["a b", "a c"], tmp_path)
    (scores,) = log.results.scores
    assert scores.name == "token_f1" and scores.metrics["mean"].value == 0.75
    assert log.samples[1].scores["token_f1"].metadata == {"token_f1": 0.5}


def test_unscored_stays_unscored(tmp_path: Path) -> None:
    log = _evaluated(as_scorer(TokenF1(reference="gone")), ["a b"], tmp_path, gone=None)
    value = log.samples[0].scores["token_f1"].value
    assert isinstance(value, float) and math.isnan(value)


def test_scorer_as_reward() -> None:
    batch = Batch(["The answer is 4.", "No idea"], ["2+2?", "2+2?"], target=["4", ["4", "four"]])
    assert InspectScorer().score(batch).values.tolist() == [1.0, 0.0]
    assert InspectScorer("match", arguments={"numeric": True}).score(batch).values.tolist() == [1.0, 0.0]
    broken = InspectScorer("pattern", arguments={"pattern": "(x"}).score(batch)
    assert np.isnan(broken.values).all() and "instrument_error" in broken.note(0)
