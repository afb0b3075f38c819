"""Rewards inside the real TRL trainers."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from guerdon import Batch, Note, Outcome, Reward, Schedule, Scores, Sum
from guerdon.errors import UserError
from guerdon.integrations.trl import reward_functions
from guerdon.rewards import ExactMatch, LengthFloor, Tags, TokenF1
from tests.integrations.tiny import save_policy

QUESTIONS = ["what is one plus one", "what is one plus two", "what is two plus two", "what is four plus one"]
ANSWERS = ["two", "three", "four", "five"]


@dataclass(frozen=True, repr=False)
class Spread(Reward):
    """How many distinct things the siblings say, per sibling."""

    bounds = (0.0, 1.0)
    ties = "group"

    def _score(self, batch: Batch) -> Scores:
        values = np.empty(len(batch))
        for rows in batch.by_group():
            values[rows] = len({str(batch.completions[i]) for i in rows}) / len(rows)
        return Scores(values)


@dataclass(frozen=True, repr=False)
class Sometimes(Reward):
    """Unscored for prompts that ask for five."""

    async def _score(self, batch: Batch) -> Scores:
        missing = [answer == "five" for answer in batch["answer"]]
        values = np.where(missing, np.nan, 0.5)
        return Scores(values, notes={"": [Note(Outcome.TIMED_OUT) if gone else None for gone in missing]})


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_policy(tmp_path_factory.mktemp("policy"))


def dataset(chat: bool):
    from datasets import Dataset

    prompts = [[{"role": "user", "content": q}] for q in QUESTIONS] if chat else QUESTIONS
    return Dataset.from_dict({"prompt": prompts, "answer": ANSWERS, "reference": ANSWERS})


def trained(trainer_class, config_class, policy: str, rewards, tmp_path: Path, *, chat: bool = False, **options):
    config = config_class(
        output_dir=str(tmp_path),
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=6,
        max_steps=2,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        **options,
    )
    trainer = trainer_class(policy, reward_funcs=rewards, args=config, train_dataset=dataset(chat))
    trainer.train()
    return trainer


@pytest.mark.parametrize("chat", [False, True], ids=["plain", "chat"])
def test_grpo_trains_with_a_reward_as_it_is(policy: str, tmp_path: Path, chat: bool) -> None:
    from trl import GRPOConfig, GRPOTrainer

    reward = Sum(TokenF1(), 0.5 * LengthFloor(), 0.1 * Spread(), name="mixed")
    trainer = trained(GRPOTrainer, GRPOConfig, policy, reward, tmp_path, chat=chat)
    logged = {key for entry in trainer.state.log_history for key in entry}
    assert {"rewards/mixed/mean", "mixed/token_f1", "mixed/length_floor", "mixed/spread", "mixed/unscored"} <= logged


def test_rloo_trains_and_unscored_samples_are_left_out(policy: str, tmp_path: Path) -> None:
    from trl import RLOOConfig, RLOOTrainer

    trainer = trained(RLOOTrainer, RLOOConfig, policy, [Sometimes(), TokenF1()], tmp_path)
    first = next(entry for entry in trainer.state.log_history if "reward" in entry)
    assert np.isfinite(first["reward"]) and "rewards/sometimes/mean" in first


def test_terms_apart_for_normalise_then_sum(policy: str, tmp_path: Path) -> None:
    from trl import GRPOConfig, GRPOTrainer

    functions, weights = reward_functions(TokenF1() + 0.25 * Tags("answer"))
    trainer = trained(
        GRPOTrainer,
        GRPOConfig,
        policy,
        functions,
        tmp_path,
        reward_weights=weights,
        multi_objective_aggregation="normalize_then_sum",
    )
    logged = {key for entry in trainer.state.log_history for key in entry}
    assert {"rewards/token_f1/mean", "rewards/tags/mean"} <= logged and weights == [1.0, 0.25]


def test_a_scheduled_weight_follows_the_trainers_step(policy: str, tmp_path: Path) -> None:
    from trl import GRPOConfig, GRPOTrainer

    seen: list[int | None] = []

    @dataclass(frozen=True, repr=False)
    class Watch(Reward):
        def _score(self, batch: Batch) -> Scores:
            seen.append(batch.step)
            return Scores(np.zeros(len(batch)))

    reward = Sum(
        Watch(), TokenF1(), weights=(1.0, Schedule("linear", {"start": 0.0, "end": 1.0, "steps": 2})), name="scheduled"
    )
    trained(GRPOTrainer, GRPOConfig, policy, reward, tmp_path)
    assert seen == [0, 1]


def test_as_the_async_trainer_calls() -> None:
    """Pickled up front, one group per call, no trainer_state and no logging; see TRL's async rollout worker."""
    reward = pickle.loads(pickle.dumps(TokenF1() + 0.5 * Spread()))
    values = reward(
        completions=["two", "two", "one", "one"], prompts=["q"] * 4, completion_ids=[[1]] * 4, reference=["two"] * 4
    )
    assert values == [1.25, 1.25, 0.25, 0.25]
    scheduled = TokenF1() * Schedule("linear", {"start": 0.0, "end": 1.0, "steps": 2})
    with pytest.raises(UserError, match="training step"):
        scheduled(completions=["two"], prompts=["q"], reference=["two"])


def test_terms_are_evaluated_once_per_batch_and_pickle() -> None:
    functions, _ = reward_functions(Sometimes() + TokenF1(name="f1"))
    functions = pickle.loads(pickle.dumps(functions))
    completions = ["two", "five"]
    extra: dict[str, list[float]] = {}
    call = {
        "prompts": ["a", "b"],
        "completions": completions,
        "answer": ["two", "five"],
        "reference": ["two", "five"],
        "environments": None,
    }
    first = functions[0](**call, log_extra=lambda name, values: extra.update({name: values}))
    assert first == [0.5, None] and functions[1](**call) == [1.0, 1.0]
    assert functions[0].terms.scores is functions[1].terms.scores
    assert [f.__name__ for f in functions] == ["sometimes", "f1"]


def test_what_trainers_pass_beside_columns_is_no_column() -> None:
    metrics: dict[str, float] = {}
    reward = ExactMatch() + Sometimes()
    values = reward(
        prompts=["a", "b"],
        completions=["two", "five"],
        completion_ids=[[1], [2]],
        answer=["two", "five"],
        reference=["two", "five"],
        trainer_state=SimpleNamespace(global_step=3),
        environments=[None, None],
        log_metric=metrics.__setitem__,
    )
    assert values == [1.5, None]
    assert metrics["exact_match+sometimes/unscored"] == 0.5
    assert metrics["exact_match+sometimes/sometimes/timed_out"] == 0.5


def test_an_incomplete_group_is_an_error() -> None:
    with pytest.raises(UserError, match=r"incomplete.*num_generations"):
        Spread()(prompts=["a", "a", "b"], completions=["1", "2", "3"])


def _rank(rank: int, world: int, port: int, results) -> None:
    import torch.distributed as distributed

    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
    try:
        # One group of four, split over the ranks; and a rank whose own rows look complete.
        prompts = [["p", "p", "p", "q", "q"], ["p", "r", "r", "q", "q"]][rank]
        said = [["a", "b", "c", "x", "x"], ["c", "z", "z", "x", "y"]][rank]
        values = Spread()(prompts=prompts, completions=said)
        stateful = TokenF1().then("adaptive_quantile", low=0.0, high=1.0, window=50, min_history=4).scorer()
        stateful(prompts=prompts, completions=said, reference=["a"] * 5)
        state = next(iter(stateful.state_dict()["states"].values()))
        results.put((rank, values, np.asarray(state["window"]).size))
    finally:
        distributed.destroy_process_group()


def test_split_groups_are_gathered_between_two_processes() -> None:
    import multiprocessing
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    ranks = [context.Process(target=_rank, args=(rank, 2, port, results)) for rank in range(2)]
    for process in ranks:
        process.start()
    got = {rank: (values, seen) for rank, values, seen in (results.get(timeout=120) for _ in ranks)}
    for process in ranks:
        process.join(timeout=60)
        assert process.exitcode == 0
    assert got[0][0] == [0.75, 0.75, 0.75, 0.5, 0.5]
    assert got[1][0] == [0.75, 0.5, 0.5, 0.5, 0.5]
    assert got[0][1] == got[1][1] == 10, "both ranks keep the same state, of all samples"
