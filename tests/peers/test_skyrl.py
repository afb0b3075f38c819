"""SkyRL: the exported environment, made and stepped by skyrl-gym itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import skyrl_gym
from skyrl_gym.envs.registration import deregister

SPEC = "{reward: token_f1}"
PROMPT = [{"role": "user", "content": "say x y"}]


@pytest.fixture(autouse=True)
def unregistered() -> Iterator[None]:
    before = set(skyrl_gym.registry)
    yield
    for name in set(skyrl_gym.registry) - before:
        deregister(name)


def made(name: str, **extras: Any) -> Any:
    """The environment as SkyRL's generator makes it: a row's fields and the turns it may take."""
    env = skyrl_gym.make(name, env_config={}, extras={"max_turns": 1, **extras})
    prompt, _ = env.init(PROMPT)
    assert prompt == PROMPT
    return env


def test_one_turn(exported: Any) -> None:
    exported("skyrl", SPEC)
    env = made("token_f1", reward_spec={"method": "rule", "ground_truth": "x y"})
    step = env.step("x z")
    assert step["reward"] == 0.5 and step["done"] is True and step["observations"] == []
    assert step["metadata"] == env.get_metrics() == {"score": 0.5, "token_f1": 0.5, "unscored": 0.0}


def test_turns_sum_to_the_value(exported: Any) -> None:
    exported("skyrl", SPEC)
    env = made("token_f1", reward_spec={"ground_truth": "x y z w"}, max_turns=3)
    steps = [env.step(said) for said in ("x y", "z", "w")]
    assert [step["done"] for step in steps] == [False, False, True]
    assert sum(step["reward"] for step in steps) == pytest.approx(1.0) and steps[0]["reward"] > 0
    assert env.get_metrics()["score"] == pytest.approx(1.0)


def test_columns_of_the_row(exported: Any) -> None:
    exported("skyrl", "{reward: token_f1, reference: solution}")
    assert made("token_f1", solution="x y", reward_spec={}).step("x y")["reward"] == 1.0


def test_siblings_meet_in_one_process(exported: Any) -> None:
    exported("skyrl", "{reward: majority_vote}", "--group-size", "3")
    said = ["<answer>x</answer>", "<answer>x</answer>", "<answer>y</answer>"]
    environments = [made("majority_vote", uid="u", max_turns=2) for _ in said]
    assert [env.step("let me see")["reward"] for env in environments] == [0.0, 0.0, 0.0]
    with ThreadPoolExecutor(3) as pool:
        steps = list(pool.map(lambda env, text: env.step(text), environments, said))
    rewards = [step["reward"] for step in steps]
    assert rewards[0] == rewards[1] > rewards[2]
