"""verifiers: the exported function, plugged in by configuration, and run by ``Task.score`` on a real trace."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import verifiers.v1 as vf
from pydantic import TypeAdapter
from verifiers.v1.configs.agent import AgentConfig
from verifiers.v1.configs.task import TaskConfig
from verifiers.v1.errors import TaskError
from verifiers.v1.trace import AgentInfo, Trace, TraceTask


class Data(vf.TaskData):
    answer: str = ""
    quality: float | None = None


class Task(vf.Task[Data, vf.State, TaskConfig]):
    """A task without rewards of its own."""


def scored(rewards: dict[str, Any], *replies: str, **data: Any) -> list[Trace]:
    """The traces of one task after scoring, asked for at once as an environment does."""
    config = TypeAdapter(TaskConfig).validate_python({"rewards": rewards})
    task = Task(Data(idx=3, prompt="say x y", **data), config)

    async def score() -> list[Trace]:
        traces = [
            Trace(task=TraceTask(type="Task", data=task.data), agent=AgentInfo(config=AgentConfig()), root_reply=reply)
            for reply in replies
        ]
        await asyncio.gather(*(task.score(trace) for trace in traces))
        return traces

    return asyncio.run(score())


def plugged(path: Path, **options: Any) -> dict[str, Any]:
    return {"fn": f"{path}:reward", **options}


def test_plugged_by_configuration(written: Any) -> None:
    path = written("verifiers", "{reward: token_f1}")
    (trace,) = scored({"overlap": plugged(path, weight=2.0)}, "x z", answer="x y")
    assert trace.rewards["overlap"].score == 0.5 and trace.rewards["overlap"].weight == 2.0 and trace.reward == 1.0


def test_parts(written: Any) -> None:
    path = written("verifiers", "{reward: token_f1}")
    path.write_text(path.read_text(encoding="utf-8").replace("(SPEC)", "(SPEC, parts=True)"), encoding="utf-8")
    (trace,) = scored({"all": plugged(path)}, "x z", answer="x y")
    assert {name: reward.score for name, reward in trace.rewards.items()} == {"token_f1": 0.5}


def test_unscored_is_an_error_never_a_guess(written: Any) -> None:
    path = written("verifiers", "{reward: given, score_column: quality}")
    (trace,) = scored({"given": plugged(path)}, "x", quality=0.75)
    assert trace.reward == 0.75
    with pytest.raises(TaskError, match="missing_data"):
        scored({"given": plugged(path)}, "x")


def test_siblings_of_a_task(written: Any) -> None:
    path = written("verifiers", "{reward: majority_vote}", "--group-size", "3")
    traces = scored({"votes": plugged(path)}, *(f"<answer>{word}</answer>" for word in "xxy"))
    rewards = [trace.reward for trace in traces]
    assert rewards[0] == rewards[1] > rewards[2]
