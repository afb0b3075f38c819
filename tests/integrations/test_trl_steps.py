"""Step rewards inside TRL: the advantages of tokens by hand, TRL's own without steps, and a policy that learns faster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Reward, Scores
from guerdon.errors import UserError
from guerdon.sample import SampleScores
from guerdon.scores import Steps
from guerdon.shaping.advantages import grpo_advantage
from guerdon.text.trajectory import completion_text
from tests.integrations.tiny import WORDS, save_policy

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from guerdon.integrations.trl_steps import Placed, StepGRPOTrainer, token_advantages  # noqa: E402

WANTED = "two one two two"
CHOICE = ("one", "two", "three")


@dataclass(frozen=True, repr=False)
class InPlace(Reward):
    """One quarter for each word of the completion that is the wanted one at its place; a step is a word, with ``steps``."""

    steps: bool = True
    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        found = []
        for text in map(completion_text, batch.completions):
            values, spans, start = [], [], 0
            for word, wanted in zip(text.split(), WANTED.split(), strict=False):
                begins = text.index(word, start)
                start = begins + len(word)
                values.append(0.25 * (word == wanted))
                spans.append((begins, start))
            found.append(Steps(np.array(values), np.array(spans, dtype=np.int64).reshape(-1, 2)))
        scores = Scores.from_steps(found)
        return scores if self.steps else Scores(scores.values)


@dataclass(frozen=True, repr=False)
class Lettered(Reward):
    """The share of the letter o; nothing for a text that begins with t."""

    def _score(self, batch: Batch) -> np.ndarray:
        return np.array(
            [np.nan if t.startswith("t") else t.count("o") / max(len(t), 1) for t in map(str, batch.completions)]
        )


def made(policy: str, reward: Any, folder: Path, *, trainer: Any = StepGRPOTrainer, **options: Any) -> Any:
    from datasets import Dataset
    from trl.trainer.grpo_config import GRPOConfig

    credit = {"credit": options.pop("credit")} if "credit" in options else {}
    config = GRPOConfig(
        output_dir=str(folder),
        **{
            "per_device_train_batch_size": 8,
            "num_generations": 4,
            "max_completion_length": 4,
            "max_steps": 2,
            "report_to": "none",
            "use_cpu": True,
            "bf16": False,
            "logging_steps": 1,
            "save_strategy": "no",
            "seed": 0,
            **options,
        },
    )
    rows = Dataset.from_dict({"prompt": ["what is one plus two", "and five minus three"] * 8})
    return trainer(policy, reward_funcs=reward, args=config, train_dataset=rows, **credit)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_policy(tmp_path_factory.mktemp("policy"))


# -- by hand ----------------------------------------------------------------------------------------------------------


def test_steps_stand_on_their_tokens() -> None:
    text, ids = "the cat. it sat.", [0, 1, 2, 3]
    pieces = ["the ", "cat. ", "it ", "sat."]
    scores = SampleScores(0.9, steps=Steps(np.array([0.5, 0.3]), np.array([[0, 8], [9, 16]])))
    placed = Placed(4)
    placed.add(2.0, scores, ids, lambda some: "".join(pieces[i] for i in some), text)
    assert placed.steps == [1.0, 0.6] and placed.spans == [(0, 2), (2, 4)]
    assert placed.outcome == pytest.approx(0.2) and not placed.lost
    placed.add(1.0, SampleScores(float("nan")), ids, lambda some: "", text)
    assert placed.outcome == pytest.approx(0.2)
    lost = Placed(4)
    lost.add(1.0, scores, ids, lambda some: "x" * len(some), text)
    assert lost.lost == 1 and not lost.steps and lost.outcome == pytest.approx(0.9)
    tokens = Placed(3)
    tokens.add(1.0, SampleScores(0.5, tokens=np.array([0.25, np.nan, 0.25])), ids[:3], lambda some: "", "")
    assert tokens.steps == [0.25, 0.25] and tokens.spans == [(0, 1), (2, 3)] and tokens.outcome == 0.0


def test_credit_by_hand() -> None:
    one = Placed(4, 0.0, [1.0, 0.0], [(0, 2), (2, 4)])
    two = Placed(4, 0.0, [0.0, 3.0], [(0, 2), (2, 4)])
    both = [one, two]
    to_go = token_advantages(both, [0, 0], scale="none")
    assert [row.tolist() for row in to_go] == [[-1.0, -1.0, -1.5, -1.5], [1.0, 1.0, 1.5, 1.5]]
    own = token_advantages(both, [0, 0], scale="none", credit="own_step")
    assert [row.tolist() for row in own] == [[0.0, 0.0, -1.0, -1.0], [-1.0, -1.0, 2.0, 2.0]]
    later = token_advantages(both, [0, 0], scale="none", credit="later_steps")
    assert [row.tolist() for row in later] == [[-1.0, -1.0, -1.0, -1.0], [1.0, 1.0, 2.0, 2.0]]
    spread = np.std([1.0, 0.0, 0.0, 3.0], ddof=1) + 1e-4
    scaled = token_advantages(both, [0, 0], credit="own_step")
    assert scaled[1] == pytest.approx(np.array(own[1]) / spread)


@pytest.mark.parametrize("credit", ["to_go", "later_steps", "own_step"])
@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_without_steps_it_is_grpo(credit: Any, scale: Any) -> None:
    rng = np.random.default_rng(0)
    values, groups = rng.normal(size=12), np.repeat(np.arange(3), 4)
    values[5] = np.nan
    placed = [Placed(3 + i % 3, value) for i, value in enumerate(values.tolist())]
    rows = token_advantages(placed, groups.tolist(), credit=credit, scale=scale)
    centred = values - np.repeat([np.nanmean(row) for row in values.reshape(3, 4)], 4)
    expected = {
        "group": grpo_advantage(values, groups, eps=1e-4),
        "batch": centred / (np.nanstd(values, ddof=1) + 1e-4),
        "none": centred,
    }[scale]
    for row, each, want in zip(rows, placed, np.nan_to_num(expected).tolist(), strict=True):
        assert row.tolist() == pytest.approx([want] * each.length)


def test_an_empty_completion_has_no_tokens() -> None:
    rows = token_advantages([Placed(0, 1.0), Placed(2, 0.0, [1.0], [(0, 1)])], [0, 0])
    assert [len(row) for row in rows] == [0, 2]


# -- in the trainer ---------------------------------------------------------------------------------------------------


def _weights(trainer: Any) -> np.ndarray:
    return np.concatenate([p.detach().double().numpy().ravel() for p in trainer.model.parameters()])


@pytest.mark.parametrize("credit", ["to_go", "later_steps", "own_step"])
def test_a_reward_without_steps_trains_as_grpo_does(policy: str, tmp_path: Path, credit: str) -> None:
    from trl.trainer.grpo_trainer import GRPOTrainer

    rewards = [Lettered(), InPlace(steps=False), lambda completions, **_: [float(len(c)) for c in completions]]
    options = {"reward_weights": [1.0, 0.5, 0.1], "learning_rate": 0.01, "max_steps": 3}
    theirs = made(policy, rewards, tmp_path, trainer=GRPOTrainer, **options)
    theirs.train()
    ours = made(policy, rewards, tmp_path, credit=credit, **options)
    ours.train()
    assert np.array_equal(_weights(ours), _weights(theirs))


def test_one_step_for_all_is_grpo_to_float_precision(policy: str, tmp_path: Path) -> None:
    """The way through token advantages; plain SGD, since Adam makes a step of any rounding error."""
    from trl.trainer.grpo_trainer import GRPOTrainer

    @dataclass(frozen=True, repr=False)
    class Whole(Reward):
        def _score(self, batch: Batch) -> Scores:
            texts = [str(completion) for completion in batch.completions]
            ends = [Steps(np.array([t.count("o") * 1.0]), np.array([[0, len(t)]])) for t in texts]
            return Scores.from_steps(ends)

    options = {"learning_rate": 0.01, "max_steps": 3, "optim": "sgd"}
    theirs = made(policy, Whole(), tmp_path, trainer=GRPOTrainer, **options)
    before = _weights(theirs)
    theirs.train()
    for credit in ("to_go", "later_steps", "own_step"):
        ours = made(policy, Whole(), tmp_path, credit=credit, **options)
        ours.train()
        assert not np.array_equal(_weights(theirs), before)
        assert _weights(ours) == pytest.approx(_weights(theirs), abs=1e-6)


def test_advantages_reach_the_loss_token_by_token(policy: str, tmp_path: Path) -> None:
    trainer = made(policy, [InPlace(), Lettered()], tmp_path, reward_weights=[1.0, 0.5])
    seen: list[Any] = []
    inner = trainer._compute_loss

    def watched(model: Any, inputs: Any) -> Any:
        seen.append(inputs)
        return inner(model, inputs)

    trainer._compute_loss = watched
    trainer.train()
    shapes = [(tuple(each["advantages"].shape), tuple(each["completion_ids"].shape)) for each in seen]
    assert all(a == b for a, b in shapes)
    row = seen[0]["advantages"]
    assert bool((row != row[:, :1]).any()) and bool(torch.isfinite(row).all())
    logged = trainer.state.log_history[0]
    assert logged["steps/per_completion"] > 1 and logged["steps/lost"] == 0


def _learning(policy: str, folder: Path, seed: int, **made_of: Any) -> list[float]:
    steps = made_of.pop("steps")
    chosen = {6 + WORDS.index(word) for word in CHOICE}
    options = {
        "max_steps": 12,
        "learning_rate": 0.02,
        "lr_scheduler_type": "constant",
        "per_device_train_batch_size": 16,
        "num_generations": 8,
        "seed": seed,
        "generation_kwargs": {"suppress_tokens": [i for i in range(6 + len(WORDS)) if i not in chosen]},
    }
    trainer = made(policy, InPlace(steps=steps), folder, **options, **made_of)
    trainer.train()
    return [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]


def test_steps_teach_faster_than_the_outcome(policy: str, tmp_path: Path) -> None:
    curves = {
        steps: np.mean([_learning(policy, tmp_path, seed, steps=steps) for seed in (1, 2)], axis=0)
        for steps in (False, True)
    }
    assert curves[True][-4:].mean() > curves[False][-4:].mean(), curves
    assert curves[True][-4:].mean() > curves[True][:2].mean() + 0.1, curves


def test_chat_accumulation_and_several_iterations(policy: str, tmp_path: Path) -> None:
    from datasets import Dataset
    from trl.trainer.grpo_config import GRPOConfig

    prompts = [[{"role": "user", "content": text}] for text in ("what is one plus two", "what is two plus three")]
    config = GRPOConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        steps_per_generation=4,
        num_generations=4,
        num_iterations=2,
        max_completion_length=6,
        max_steps=4,
        report_to="none",
        use_cpu=True,
        bf16=False,
        logging_steps=1,
        loss_type="dapo",
        beta=0.01,
    )
    rows = Dataset.from_dict({"prompt": prompts * 4})
    trainer = StepGRPOTrainer(policy, reward_funcs=InPlace(), args=config, train_dataset=rows, credit="own_step")
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 4 and np.isfinite(losses).all()


def test_what_cannot_work_is_told(policy: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="credit='back'"):
        made(policy, InPlace(), tmp_path, credit="back")
    with pytest.raises(UserError, match="multi_objective_aggregation"):
        made(policy, InPlace(), tmp_path, multi_objective_aggregation="normalize_then_sum")
