"""The whole pipeline in miniature: trains, resumes after a kill with the same data order, reports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from guerdon.errors import UserError
from guerdon.training.pipeline import train
from guerdon.training.runfile import RunFile, parse_run
from tests.integrations.tiny import save_policy

REWARD = {"paper": "shaping-explanations", "encoder": "char-ngram", "options": "options"}


def run_data(output: Path, **policy) -> dict:
    quick = {"save_steps": 2, "logging_steps": 1}
    return {
        "name": "miniature",
        "output": str(output),
        "policy": {
            "model": "tiny",
            "tiny": {"vocabulary": 400, "hidden": 16, "feed_forward": 32, "layers": 1, "heads": 2},
            **policy,
        },
        "data": {"source": "admission", "language": "en", "answer": "words", "limit": 16},
        "stages": [
            {"name": "cpt", "kind": "cpt", "arguments": {"max_steps": 2, "per_device_train_batch_size": 4, **quick}},
            {
                "name": "sft",
                "kind": "sft",
                "quality": "mixed",
                "annotators": 2,
                "early_stopping": 1,
                "arguments": {"max_steps": 4, "per_device_train_batch_size": 4, **quick},
            },
            {
                "name": "grpo",
                "kind": "grpo",
                "reward": REWARD,
                "arguments": {
                    "max_steps": 6,
                    "per_device_train_batch_size": 8,
                    "num_generations": 4,
                    "max_completion_length": 8,
                    **quick,
                },
            },
        ],
        "evaluation": {
            "systems": ["base", "sft", "grpo"],
            "reward": REWARD,
            "samples": 2,
            "max_new_tokens": 8,
            "compare": ["grpo", "sft"],
            "limit": 6,
        },
    }


def miniature(output: Path, **policy) -> RunFile:
    return parse_run(run_data(output, **policy))


def metrics(output: Path, stage: str) -> list[dict]:
    rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["stage"] == stage and "loss" in row]


def test_a_run_from_file_to_report(tmp_path: Path) -> None:
    said: list[str] = []
    report = train(miniature(tmp_path / "run"), progress=False, say=said.append)
    page = report.read_text()
    assert page.count("<svg") >= 8 and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    table = "\n".join(said)
    assert "grpo - sft, cosine" in table and "Reward computation took" in table
    logged = metrics(tmp_path / "run", "grpo")
    assert [row["step"] for row in logged] == [1, 2, 3, 4, 5, 6]
    assert {"cosine+choice+tags/cosine", "cosine+choice+tags/choice", "cosine+choice+tags/tags"} <= set(logged[0])
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert set(results["results"]["en"]) == {"base", "sft", "grpo"}
    with pytest.raises(UserError, match="--resume"):
        train(miniature(tmp_path / "run"), progress=False, say=said.append)
    assert train(miniature(tmp_path / "run"), resume=True, progress=False, say=said.append) == report
    assert "stage grpo: already trained" in said
    other = parse_run({**run_data(tmp_path / "run"), "seed": 1})
    with pytest.raises(UserError, match="differs in seed"):
        train(other, resume=True, progress=False, say=said.append)


def test_a_killed_run_goes_on_with_the_same_data(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        (tmp_path / f"{folder.name}.json").write_text(json.dumps(run_data(folder)))
    code = (
        "import json, sys; from guerdon.training.pipeline import train; from guerdon.training.runfile import parse_run;"
        "train(parse_run(json.load(open(sys.argv[1]))), resume=True, progress=False)"
    )

    def start(name: str) -> subprocess.Popen:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        return subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / name)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    assert start("whole.json").wait(timeout=400) == 0
    process = start("killed.json")
    deadline = time.monotonic() + 400
    while not list(killed.glob("stages/grpo/checkpoint-2/trainer_state.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "stages" / "grpo" / "model").exists()
    assert start("killed.json").wait(timeout=400) == 0
    once, again = metrics(whole, "grpo"), metrics(killed, "grpo")
    assert [row["step"] for row in again] == [row["step"] for row in once]
    for name in ("reward", "loss", "completions/mean_length"):
        assert [row[name] for row in again] == pytest.approx([row[name] for row in once], rel=1e-4, abs=1e-6)


def test_a_local_checkpoint_with_a_chat_template_and_lora(tmp_path: Path) -> None:
    policy = save_policy(tmp_path / "policy")
    data = run_data(tmp_path / "run", model=policy, lora={"r": 2, "alpha": 4})
    data["stages"] = [data["stages"][1], data["stages"][2]]
    data["stages"][1]["arguments"]["max_steps"] = 2
    data["evaluation"]["limit"] = 2
    assert train(parse_run(data), progress=False, say=lambda _: None).exists()
    assert not list((tmp_path / "run" / "stages" / "sft" / "model").glob("adapter*")), "the adapter is merged"


def test_faults_of_the_run_file_are_named(tmp_path: Path) -> None:
    data = run_data(tmp_path / "a")
    data["stages"][0]["arguments"]["learning_rat"] = 1.0
    with pytest.raises(UserError, match="did you mean 'learning_rate'"):
        train(parse_run(data), progress=False, say=lambda _: None)
    with pytest.raises(UserError, match="cannot be loaded"):
        train(miniature(tmp_path / "b", model=str(tmp_path / "nowhere")), progress=False, say=lambda _: None)
    data = run_data(tmp_path / "c")
    data["data"]["source"] = str(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="cannot be read"):
        train(parse_run(data), progress=False, say=lambda _: None)
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"question": "q", "options": ["a"], "answer": "A"}) + "\n")
    data["data"]["source"] = str(rows)
    with pytest.raises(UserError, match="has no explanation"):
        train(parse_run({**data, "output": str(tmp_path / "d")}), progress=False, say=lambda _: None)
