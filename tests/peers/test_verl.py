"""verl: its own configuration, loader, reward managers and agent loops with the file that ``guerdon export`` wrote."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import verl
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from verl import DataProto
from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput
from verl.trainer.ppo.reward import load_reward_manager, resolve_reward_manager_cls

from guerdon.integrations.verl_agent_loop import PlacedReward
from tests.peers.letters import byte_tokenizer

EXAMPLE = Path(__file__).parents[2] / "examples" / "verl"
SEARCHED = "<search>a</search>found<search>b</search>more<answer>c</answer>"


def configuration(*overrides: str) -> Any:
    """verl's own configuration of the PPO trainer."""
    folder = str(Path(verl.__file__).parent / "trainer" / "config")
    with initialize_config_dir(folder, version_base=None):
        return compose("ppo_trainer", overrides=["actor_rollout_ref.rollout.name=vllm", *overrides])


def function(path: Path, manager: str) -> Any:
    return configuration(f"reward.custom_reward_function.path={path}", f"reward.reward_manager.name={manager}")


def manager(path: Path, *overrides: str) -> Any:
    return configuration(
        "reward.reward_manager.source=importlib",
        f"reward.reward_manager.module.path={path}",
        "reward.reward_manager.name=GuerdonRewardManager",
        *overrides,
    )


def rollout(text: str, ground_truth: Any, *, padding: int = 3, **fields: Any) -> DataProto:
    """One rollout as verl's agent loop hands it to a reward worker; padded as its batches are."""
    ids = byte_tokenizer()(text)["input_ids"]
    responses = torch.tensor([[*ids, *[0] * padding]])
    prompts = torch.tensor([[0, 5, 6]])
    mask = torch.tensor([[0, 1, 1, *[1] * len(ids), *[0] * padding]])
    row = {
        "data_source": "test",
        "reward_model": {"style": "rule", "ground_truth": ground_truth},
        "extra_info": {"index": 0},
        "raw_prompt": [{"role": "user", "content": "q"}],
        "uid": "u",
        "session_id": 0,
        "global_steps": 1,
        "tool_extra_fields": {"turn_scores": []},
        **fields,
    }
    arrays = {}
    for name, value in row.items():
        arrays[name] = np.empty(1, dtype=object)
        arrays[name][0] = value
    tensors = {"prompts": prompts, "responses": responses, "attention_mask": mask}
    return DataProto.from_dict(tensors, non_tensors=arrays)


def asked(config: Any, *rollouts: DataProto) -> list[dict[str, Any]]:
    """What verl's manager says of rollouts that come at once."""

    async def ask() -> list[dict[str, Any]]:
        loaded = load_reward_manager(config, byte_tokenizer())
        return list(await asyncio.gather(*(loaded.run_single(data) for data in rollouts)))

    return asyncio.run(ask())


@pytest.mark.parametrize("name", ["naive", "dapo", "gdpo", "rate_limited"])
def test_function_under_verls_managers(written: Any, name: str) -> None:
    path = written("verl", "{reward: token_f1}")
    first, second = asked(function(path, name), rollout("x y", "x y"), rollout("x z", "x y"))
    assert (first["reward_score"], second["reward_score"]) == (1.0, 0.5)
    wanted = {"score": 0.5, "acc": 0.5, "token_f1": 0.5, "unscored": 0.0}
    assert second["reward_extra_info"] == wanted and first["reward_extra_info"].keys() == wanted.keys()


def test_keys_are_the_same_where_nothing_could_be_scored(written: Any) -> None:
    path = written("verl", "{reward: given, score_column: quality}", "--fallback", "0.25")
    rows = [rollout("a", None, extra_info={"quality": quality}) for quality in (1.0, None)]
    first, second = asked(function(path, "naive"), *rows)
    assert first["reward_score"] == 1.0 and first["reward_extra_info"]["unscored"] == 0.0
    assert second["reward_score"] == 0.25 and second["reward_extra_info"]["unscored"] == 1.0
    assert list(first["reward_extra_info"]) == list(second["reward_extra_info"])


def test_manager_knows_prompt_and_siblings(written: Any) -> None:
    path = written("verl", "{reward: majority_vote}", "--group-size", "3")
    config = manager(path, "actor_rollout_ref.rollout.n=3")
    said = [rollout(f"<answer>{word}</answer>", "", uid=uid) for uid in "uv" for word in ("x", "x", "y")]
    scores = [row["reward_score"] for row in asked(config, *said)]
    assert scores[:3] == scores[3:] and scores[0] == scores[1] > scores[2]


def test_step_rewards_on_their_tokens(written: Any) -> None:
    config = manager(written("verl", "{reward: given_steps, environment: environment}"))
    inserted = [range(at := SEARCHED.index(said), at + len(said)) for said in ("found", "more")]
    mask = [int(not any(i in span for span in inserted)) for i in range(len(SEARCHED))]
    data = rollout(SEARCHED, [0.25, 0.5], tool_extra_fields={"response_mask": mask}, uid="u")
    short = "<answer>c</answer>"
    told = {"response_mask": [1] * len(short)}
    other = rollout(short, [], padding=3 + len(SEARCHED) - len(short), tool_extra_fields=told)
    placed, last = asked(config, data, other)
    assert placed["reward_score"] == 0.75 and placed["reward_extra_info"]["score"] == 0.75
    sent = pickle.loads(pickle.dumps(placed["reward_score"]))
    where = {i: reward for i, reward in enumerate(sent.tokens) if reward}
    assert where == {SEARCHED.index("found") - 1: 0.25, SEARCHED.index("more") - 1: 0.5}

    # As the trainer does when the reward model shares the GPUs: assembled from all scores of a batch.
    batch = DataProto.concat([each.select(["responses", "prompts", "attention_mask"], []) for each in (data, other)])
    scores = resolve_reward_manager_cls(config).assemble_rm_scores(batch, [sent, last["reward_score"] + 1.0])
    assert scores[0].nonzero().flatten().tolist() == sorted(where) and scores[0].sum() == 0.75
    assert scores[1].nonzero().flatten().tolist() == [len(short) - 1]


class Loop:
    """Stands for an agent loop of verl: what its run() returns."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids

    async def run(self, sampling: dict[str, Any], **fields: Any) -> AgentLoopOutput:
        mask = [1, 0, *[1] * (len(self.ids) - 2)]
        metrics = AgentLoopMetrics()
        return AgentLoopOutput(
            prompt_ids=[5], response_ids=self.ids, response_mask=mask, metrics=metrics, extra_fields={"turn_scores": []}
        )


def test_agent_loop_keeps_the_places() -> None:
    from guerdon.integrations.verl_agent_loop import placing

    output = asyncio.run(placing(Loop)([7, 8, 9]).run({}))
    assert output.extra_fields["response_mask"] == [1, 0, 1]
    output.reward_score = PlacedReward([0.5, 0.0, 0.25])
    fields = output.as_dict()
    assert fields["rm_scores"].tolist() == [0.5, 0.0, 0.25] and fields["responses"].tolist() == [7, 8, 9]
    assert fields["extra_fields"]["turn_scores"] == []
    output.reward_score = 2.0
    assert output.as_dict()["rm_scores"].tolist() == [0.0, 0.0, 2.0]
    # verl's own output takes the same number for what it is, on the last token.
    own = asyncio.run(Loop([7, 8, 9]).run({}))
    own.reward_score = PlacedReward([0.5, 0.0, 0.25])
    assert own.as_dict()["rm_scores"].tolist() == [0.0, 0.0, 0.75]


def test_agent_loops_are_found_as_verl_finds_them() -> None:
    from hydra.utils import get_class
    from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop
    from verl.experimental.agent_loop.tool_agent_loop import ToolAgentLoop

    for name, base in (("SingleTurn", SingleTurnAgentLoop), ("Tool", ToolAgentLoop)):
        assert issubclass(get_class(f"guerdon.integrations.verl_agent_loop.{name}"), base)


def test_example_run(tmp_path: Path) -> None:
    """The settings of the example are verl's, and its reward scores rows that prepare.py wrote, read by verl's data set."""
    from verl.utils.dataset.rl_dataset import RLHFDataset

    source = tmp_path / "train.jsonl"
    source.write_text('{"question": "What is 2 + 2?", "answer": 4}\n', encoding="utf-8")
    parquet = tmp_path / "train.parquet"
    subprocess.run([sys.executable, EXAMPLE / "prepare.py", source, parquet], check=True)
    fake = tmp_path / "python"
    fake.write_text(f'#!/bin/bash\nif [ "$2" = guerdon ]; then exec {sys.executable} "$@"; fi\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    done = subprocess.run(
        [EXAMPLE / "run_grpo.sh", "the-model", parquet, parquet],
        env=os.environ | {"PYTHON": str(fake), "OUT": str(tmp_path / "out")},
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    lines = done.stdout.splitlines()
    config = configuration(*lines[lines.index("verl.trainer.main_ppo") + 1 :])
    assert config.reward.reward_manager.name == "GuerdonRewardManager" and config.actor_rollout_ref.rollout.n == 8

    settings = OmegaConf.create({"prompt_key": "prompt", "max_prompt_length": 64, "filter_overlong_prompts": False})
    row = RLHFDataset([str(parquet)], byte_tokenizer(), settings)[0]
    assert row["raw_prompt"][0]["content"] == "What is 2 + 2?"
    fields = {name: row[name] for name in ("data_source", "reward_model", "extra_info", "raw_prompt")}
    (right,) = asked(config, rollout("The answer is 4.", None, **fields))
    (wrong,) = asked(config, rollout("The answer is 5.", None, **fields))
    assert right["reward_score"] > 1.0 > wrong["reward_score"]


def test_workers_share_groups_on_a_server(written: Any, served: Any) -> None:
    """Two reward managers, as two workers have them, and one group between them."""
    spec = "{reward: majority_vote}"
    with served(spec) as url:
        config = manager(written("verl", spec, "--at", url, "--group-size", "2"))

        async def ask() -> list[float]:
            workers = [load_reward_manager(config, byte_tokenizer()) for _ in range(2)]
            said = [rollout("<answer>x</answer>", ""), rollout("<answer>y</answer>", "")]
            rows = await asyncio.gather(*(w.run_single(data) for w, data in zip(workers, said, strict=True)))
            return [row["reward_score"] for row in rows]

        assert asyncio.run(ask())[0] == pytest.approx(asyncio.run(ask())[0])


def test_verls_client_of_a_reward_model(served: Any) -> None:
    """What verl asks of vLLM's /classify for a reward model, asked of ``guerdon serve``."""
    from verl.experimental.reward_loop.reward_loop import RewardLoopWorker

    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
    with served("{reward: length, unit: words, name: words}") as url:
        worker = object.__new__(RewardLoopWorker)
        worker.config = configuration("reward.reward_model.model_path=words", "reward.reward_model.rollout.name=vllm")
        worker.input_tokenizer = worker.reward_model_tokenizer = tokenizer
        worker.reward_router_address = url.removeprefix("http://")
        score = asyncio.run(worker.compute_score_disrm(rollout("x y z", "")))
    assert score == {"reward_score": 4.0}
