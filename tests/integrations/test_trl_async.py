"""TRL's asynchronous trainer: how it names, pickles and asks reward functions, and what it makes of their numbers."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Reward
from guerdon.rewards import Given, MajorityVote, TokenF1


@dataclass(frozen=True, repr=False)
class Waiting(Reward):
    """The length of what was said, by something that is awaited."""

    async def _score(self, batch: Batch) -> np.ndarray:
        return np.array([float(len(text or "")) for text in batch.texts("whole")])


async def asked(rewards: list[Reward], said: list[str], **columns: list[Any]) -> list[Any]:
    """The samples TRL's worker makes of one group, after the functions went to its process."""
    from accelerate import PartialState
    from trl.experimental.async_grpo import async_rollout_worker as worker

    PartialState(cpu=True)  # as the worker's process has it, for its log
    loop = object.__new__(worker._AsyncRolloutLoop)
    loop.reward_funcs = pickle.loads(pickle.dumps(rewards))
    loop.reward_func_names = [worker.get_callable_name(function) for function in loop.reward_funcs]
    loop._env_reward_types, loop._provides_rollout_reward = [], False
    size = len(said)
    row = worker.TrainingSequence(input_ids=[1], completion_mask=[1], old_log_probs=[0.0], rollout_id=0)
    group = worker.RolloutGroup(
        prompts=[[{"role": "user", "content": "q"}]] * size,
        reward_kwargs=columns,
        completions=[[{"role": "assistant", "content": text}] for text in said],
        completions_ids=[[1]] * size,
        completions_sequences=[[row]] * size,
        tool_call_counts=[0] * size,
        tool_failure_counts=[0] * size,
        model_version=0,
        group_id=0,
        env_rewards=[None] * size,
        rollout_rewards=[None] * size,
    )
    return list(await loop._score_group(group))


async def test_a_group_is_scored() -> None:
    said = [f"<answer>{word}</answer>" for word in "xxy"]
    samples = await asked([MajorityVote(), Waiting()], said)
    votes = [sample.metrics["rewards/majority_vote"] for sample in samples]
    assert votes[0] == votes[1] > votes[2] and {sample.metrics["rewards/waiting"] for sample in samples} == {18.0}
    assert samples[0].advantage == samples[1].advantage > 0 > samples[2].advantage


async def test_what_could_not_be_scored_pulls_nowhere() -> None:
    samples = await asked([Given()], ["a", "b", "c"], score=[1.0, None, 0.0])
    assert [sample.advantage for sample in samples] == pytest.approx([1.0, 0.0, -1.0], abs=1e-6)


async def test_weights_are_those_of_the_sum() -> None:
    """TRL applies none there, so terms are weighed by the reward itself."""
    samples = await asked([0.5 * TokenF1(name="f1") + Given()], ["x", "y"], reference=["x", "x"], score=[0.25, 0.25])
    assert [sample.metrics["reward"] for sample in samples] == [0.75, 0.25]
