"""LLaMA-Factory: its own client, and its own PPO trainer for two steps, against ``guerdon serve``."""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# ruff: noqa: E402 - before the package is imported: it asks for a newer TRL than its PPO runs with, and for sound, unused here
os.environ["DISABLE_VERSION_CHECK"] = "1"
sys.modules["torchaudio"] = module_from_spec(ModuleSpec("torchaudio", None))

from llamafactory.hparams import get_train_args
from llamafactory.train.ppo import run_ppo, trainer
from llamafactory.train.ppo.ppo_utils import get_rewards_from_server

from guerdon import Batch, from_spec
from tests.peers.letters import EOS, byte_tokenizer

SPEC = "{reward: length_floor, minimum: 60}"
TOKENS = "{reward: length}"  # of which LLaMA-Factory tells nothing
STEPS, BATCH = 2, 2


@pytest.fixture
def setting(tmp_path: Path) -> dict[str, Any]:
    """A policy of a few thousand parameters, four prompts, and how LLaMA-Factory is told of them."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    tokenizer.save_pretrained(tmp_path / "policy")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    special = {"pad_token_id": 0, "bos_token_id": EOS, "eos_token_id": EOS}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes, **special)).save_pretrained(tmp_path / "policy")
    rows = [{"instruction": f"say {word}", "input": "", "output": word} for word in ("one", "two", "three", "four")]
    (tmp_path / "words.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "dataset_info.json").write_text(json.dumps({"words": {"file_name": "words.json"}}), encoding="utf-8")
    return {
        "model_name_or_path": str(tmp_path / "policy"),
        "stage": "ppo",
        "do_train": True,
        "finetuning_type": "full",
        "dataset": "words",
        "dataset_dir": str(tmp_path),
        "template": "default",
        "cutoff_len": 64,
        "output_dir": str(tmp_path / "run"),
        "per_device_train_batch_size": BATCH,
        "max_steps": STEPS,
        "max_new_tokens": 8,
        "logging_steps": 1,
        "use_cpu": True,
        "report_to": "none",
    }


def test_client(served: Any) -> None:
    texts = ["x" * n for n in (0, 10, 24, 80)] + ["é\ud7ff\n<eos>" * 3]
    with served(SPEC) as url:
        scores = get_rewards_from_server(f"{url}/v1/score/evaluation", texts)
    assert np.allclose(scores.numpy(), from_spec(SPEC).score(Batch(texts)).values)


def test_what_cannot_be_scored(served: Any) -> None:
    with served(TOKENS, "--fallback", "-0.5") as url:
        assert get_rewards_from_server(f"{url}/v1/score/evaluation", ["x", "y"]).tolist() == [-0.5, -0.5]
    with served(TOKENS) as url, pytest.raises(KeyError):  # the client does not look at the status
        get_rewards_from_server(f"{url}/v1/score/evaluation", ["x"])


def test_ppo(served: Any, setting: dict[str, Any], written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], list[float]]] = []

    def spied(url: str, texts: list[str]) -> Any:
        rewards = get_rewards_from_server(url, texts)
        seen.append((texts, rewards.tolist()))
        return rewards

    monkeypatch.setattr(trainer, "get_rewards_from_server", spied)
    path = written("llama-factory", SPEC, name="reward.yaml")
    with served(str(path), "--fallback", "0") as url:
        said = {"reward_model_type": "api", "reward_model": f"{url}/v1/score/evaluation"}
        run_ppo(*get_train_args(setting | said), callbacks=[])
    assert [len(texts) for texts, _ in seen] == [BATCH] * STEPS
    for texts, rewards in seen:
        assert np.allclose(rewards, from_spec(SPEC).score(Batch(texts)).values)
    state = json.loads((Path(setting["output_dir"]) / "trainer_state.json").read_text(encoding="utf-8"))
    logged = [entry["reward"] for entry in state["log_history"]]
    assert np.allclose(logged, [np.mean(rewards) for _, rewards in seen], atol=1e-3)
