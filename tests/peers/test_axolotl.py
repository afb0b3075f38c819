"""Axolotl: the exported function, found by its dotted path, in Axolotl's own GRPO trainers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from axolotl.core.trainers.grpo import GRPOStrategy
from axolotl.core.trainers.grpo.args import AxolotlAsyncGRPOConfig, AxolotlGRPOConfig
from axolotl.core.trainers.grpo.trainer import AxolotlAsyncGRPOTrainer, AxolotlGRPOTrainer
from axolotl.utils.dict import DictDefault
from datasets import Dataset

from tests.integrations.tiny import save_policy

SPEC = "{reward: token_f1, reference: answer}"


@pytest.fixture
def function(written: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Exports a spec and finds it as Axolotl does, from its YAML."""

    def found(spec: str, name: str) -> Any:
        path: Path = written("axolotl", spec, name="guerdon_reward.py")
        monkeypatch.syspath_prepend(str(path.parent))
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
        setting = DictDefault({"trl": {"reward_funcs": [f"{path.stem}.{name}"]}})
        [[reward]] = GRPOStrategy.set_trainer_args(setting)
        return reward

    return found


def rows() -> Dataset:
    return Dataset.from_list([{"prompt": f"what is {w} and {w}", "answer": f"the answer {w}"} for w in ("one", "two")])


def settings(folder: Path) -> dict[str, Any]:
    return {
        "output_dir": str(folder / "run"),
        "max_steps": 2,
        "per_device_train_batch_size": 4,
        "num_generations": 4,
        "max_completion_length": 8,
        "logging_steps": 1,
        "use_cpu": True,
        "report_to": [],
        "save_strategy": "no",
    }


def test_found_and_called(function: Any) -> None:
    reward = function(SPEC, "token_f1")
    assert reward(["q"] * 3, ["x y", "x z", "a"], answer=["x y", "x y", None], trainer_state=None) == [1.0, 0.5, None]


def test_trained(function: Any, tmp_path: Path) -> None:
    trainer = AxolotlGRPOTrainer(
        save_policy(tmp_path / "policy"),
        [function(SPEC, "token_f1")],
        AxolotlGRPOConfig(**settings(tmp_path)),
        train_dataset=rows(),
    )
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "rewards/token_f1/mean" in entry]
    assert len(logged) == 2 and all(0 <= entry["rewards/token_f1/mean"] <= 1 for entry in logged)


def test_scored_in_subprocesses(function: Any, tmp_path: Path) -> None:
    further = {"use_data_producer": True, "reward_num_workers": 2}
    reward = function(SPEC, "token_f1")
    trainer = AxolotlAsyncGRPOTrainer(
        save_policy(tmp_path / "policy"),
        [reward],
        args=AxolotlAsyncGRPOConfig(**settings(tmp_path) | further),
        train_dataset=rows(),
    )
    inputs = [dict(row) for row in rows() for _ in range(4)]
    said = ["the answer one", "one", "two", "answer"] * 2
    rewards = trainer._compute_rewards_for_batch(inputs, [row["prompt"] for row in inputs], said, [[1]] * 8)
    assert len(trainer._reward_workers) == 2
    trainer._shutdown_reward_workers()
    wanted = reward([row["prompt"] for row in inputs], said, answer=[row["answer"] for row in inputs])
    assert rewards[:, 0].tolist() == pytest.approx(wanted)
