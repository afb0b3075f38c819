"""OpenRLHF: its single-turn executor with a stub engine, against the exported file and against ``guerdon serve``."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from openrlhf.utils.agent import SingleTurnAgentExecutor

from tests.peers.letters import EOS, byte_tokenizer

PROMPT = "User: say x y\nAssistant: "
BOTH = (
    "{reward: combine, terms: [{reward: token_f1}, {reward: given, score_column: quality}], rule: weighted_sum, "
    "options: {weights: [1, 1]}}"
)


class Engine:
    """Stands for vLLM: says what it is told to, and the end mark."""

    def __init__(self, tokenizer: Any, said: str) -> None:
        self.ids = [*tokenizer(said)["input_ids"], EOS]

    async def generate(self, prompt_ids: list[int], params: Any, multi_modal_data: Any = None) -> Any:
        output = SimpleNamespace(token_ids=self.ids, text="", finish_reason="stop", logprobs=None)
        return SimpleNamespace(outputs=[output])


def executed(
    endpoint: str, *said: str, label: Any = "x y", prompt: str = PROMPT, length: int = 512
) -> list[dict[str, Any]]:
    """What the executor gives the trainer for rollouts that come at once."""
    tokenizer = byte_tokenizer()
    params = SimpleNamespace(max_tokens=64, logprobs=None)

    async def execute() -> list[dict[str, Any]]:
        executor = SingleTurnAgentExecutor(endpoint)
        work = [executor.execute(prompt, label, params, length, tokenizer, Engine(tokenizer, text)) for text in said]
        return list(await asyncio.gather(*work))

    return asyncio.run(execute())


def number(value: Any) -> float:
    """As OpenRLHF reads a reward or a log: flattened, its first element."""
    return float(torch.as_tensor(value).flatten()[0])


def test_file(written: Any) -> None:
    right, half = executed(str(written("openrlhf", "{reward: token_f1}")), "x y", "x z")
    assert number(right["reward"]) == number(right["scores"]) == 1.0 and number(half["reward"]) == 0.5
    assert isinstance(half["reward"], torch.Tensor)
    assert {name: number(log) for name, log in half["extra_logs"].items()} == {"token_f1": 0.5, "unscored": 0.0}


def test_end_mark_is_no_part_of_the_answer(written: Any) -> None:
    (exact,) = executed(str(written("openrlhf", "{reward: exact_match}")), "x y")
    assert number(exact["reward"]) == 1.0


def test_prompt_that_was_cut(written: Any) -> None:
    long = "User: " + "many words " * 40 + "\nAssistant: "
    (exact,) = executed(str(written("openrlhf", "{reward: exact_match}")), "x y", prompt=long, length=200)
    assert number(exact["reward"]) == 1.0


def test_label_of_several_columns(written: Any) -> None:
    (row,) = executed(str(written("openrlhf", BOTH)), "x y", label='{"reference": "x y", "quality": 0.25}')
    assert number(row["reward"]) == 1.25


def test_fallback(written: Any) -> None:
    path = written("openrlhf", "{reward: given, score_column: quality}", "--fallback", "-0.5")
    (row,) = executed(str(path), "x y", label=None)
    assert number(row["reward"]) == -0.5 and number(row["extra_logs"]["unscored"]) == 1.0


def test_what_raises_is_logged(written: Any, caplog: pytest.LogCaptureFixture) -> None:
    (row,) = executed(str(written("openrlhf", BOTH)), "x y", label="x y")
    assert row["reward"] is None
    (record,) = [record for record in caplog.records if record.name == "guerdon.openrlhf"]
    assert record.levelno == logging.ERROR and "quality" in caplog.text


def test_siblings_in_one_engine(written: Any) -> None:
    path = written("openrlhf", "{reward: majority_vote}", "--group-size", "3")
    rewards = [number(row["reward"]) for row in executed(str(path), *(f"<answer>{w}</answer>" for w in "xxy"))]
    assert rewards[0] == rewards[1] > rewards[2]


def test_server(served: Any) -> None:
    with served("{reward: token_f1}") as url:
        right, half = executed(f"{url}/get_reward", "x y", "x z")
    assert number(right["reward"]) == 1.0 and number(half["reward"]) == number(half["scores"]) == 0.5
    assert {name: number(log) for name, log in half["extra_logs"].items()} == {"token_f1": 0.5, "unscored": 0.0}


def test_siblings_on_a_server(served: Any) -> None:
    with served("{reward: majority_vote}", "--group-size", "3") as url:
        rows = executed(f"{url}/get_reward", *(f"<answer>{w}</answer>" for w in "xxy"))
    rewards = [number(row["reward"]) for row in rows]
    assert rewards[0] == rewards[1] > rewards[2]
