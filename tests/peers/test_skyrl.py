"""SkyRL: the exported environment, made and stepped by skyrl-gym itself."""

from __future__ import annotations

from typing import Any

import skyrl_gym

SPEC = "{reward: token_f1}"


def test_one_turn(exported: Any) -> None:
    exported("skyrl", SPEC)
    env = skyrl_gym.make("guerdon", extras={"reward_spec": {"ground_truth": "a b"}, "max_turns": 1})
    prompt, _ = env.init([{"role": "user", "content": "say a b"}])
    assert prompt[0]["content"] == "say a b"
    step = env.step("a c")
    assert step["reward"] == 0.5 and step["done"] is True and step["observations"] == []
    assert env.get_metrics()["token_f1"] == 0.5


def test_turns_sum_to_the_value(exported: Any) -> None:
    module = exported("skyrl", SPEC)
    env = module.GuerdonEnv(None, {"reward_spec": {"ground_truth": "a b c d"}, "max_turns": 3})
    env.init([{"role": "user", "content": "q"}])
    rewards = [env.step(said) for said in ("a b", "c", "d")]
    assert [step["done"] for step in rewards] == [False, False, True]
    assert abs(sum(step["reward"] for step in rewards) - env.numbers["score"]) < 1e-12
