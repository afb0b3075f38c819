"""verifiers: the exported function, plugged into a task and scored by ``Task.score``."""

from __future__ import annotations

import asyncio
import inspect
from types import SimpleNamespace
from typing import Any

import pytest
import verifiers.v1 as vf

from guerdon.integrations.verifiers import Unscored, reward_function


def test_function_scores_a_trace(exported: Any) -> None:
    reward = exported("verifiers", "{reward: token_f1}").reward
    assert inspect.iscoroutinefunction(reward)
    task = SimpleNamespace(data=SimpleNamespace(prompt="q", answer="a b", idx=3))
    assert asyncio.run(reward(task, SimpleNamespace(last_reply="a c"))) == 0.5
    parts = reward_function("{reward: token_f1}", parts=True)
    assert asyncio.run(parts(task, SimpleNamespace(last_reply="a c"))) == {"token_f1": 0.5}


def test_unscored_is_an_error_never_a_guess() -> None:
    reward = reward_function("{reward: token_f1}")
    task = SimpleNamespace(data=SimpleNamespace(prompt="q", answer=None, reference=None))
    with pytest.raises(Unscored):
        asyncio.run(reward(task, SimpleNamespace(last_reply="a c")))


def test_real_task_scores_with_it(exported: Any) -> None:
    reward = exported("verifiers", "{reward: token_f1}").reward

    class Data(vf.TaskData):
        answer: str = ""

    class Task(vf.Task[Data, vf.State, vf.TaskConfig]):  # type: ignore[name-defined, misc]
        @vf.reward(weight=2.0)
        async def overlap(self, task: Any, trace: Any) -> float:
            return float(await reward(task, trace))

    names = [name for name in dir(Task) if name == "overlap"]
    assert names == ["overlap"]
