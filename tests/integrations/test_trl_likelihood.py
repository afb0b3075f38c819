"""The live policy inside TRL, and the gradient that rewards which read it owe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Reward, Scores, Sum
from guerdon.errors import UnboundPolicy, UserError
from guerdon.integrations.trl import reward_functions
from guerdon.models.lm import LogprobRequest, PolicyLM, bound_policy
from guerdon.rewards import TokenF1
from guerdon.rewards.policy_terms import PolicyTerm, owed, owes_gradient
from guerdon.shaping.likelihood import likelihood_slope, sequence_likelihood
from tests.models.tiny_lm import save_tiny

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

WORDS = ("a", "b", "c")
PROMPT, REFERENCE = "a b", "b c"


def _slopes(scores: Any, how: Any) -> list[np.ndarray]:
    return [likelihood_slope(each.logprobs, how) for each in scores]


@dataclass(frozen=True, repr=False)
class After(Reward):
    """The likelihood of the reference right after prompt and completion, by the policy."""

    how: str = "sum"
    reads_policy = True
    heavy = True

    def _score(self, batch: Batch) -> Scores:
        found = PolicyLM().logprobs(self._requests(batch))
        return Scores(np.array([sequence_likelihood(each.logprobs, self.how) for each in found]))  # type: ignore[arg-type]

    def policy_terms(self, batch: Batch, scores: Scores) -> Sequence[PolicyTerm | None]:
        return [PolicyTerm((request,), partial(_slopes, how=self.how)) for request in self._requests(batch)]

    def _requests(self, batch: Batch) -> list[LogprobRequest]:
        assert batch.prompts is not None
        texts = zip(batch.prompts, batch.texts(), batch["reference"], strict=True)
        return [LogprobRequest(p, r, prefix=str(z)) for p, z, r in texts]


def save_three_words(folder: Path) -> str:
    """A policy whose whole vocabulary is three words, so that completions of one word can be enumerated."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

    set_seed(0)
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer: Any = PreTrainedTokenizerFast
    tokenizer(tokenizer_object=raw, pad_token="a", eos_token="c").save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=3,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
        initializer_range=0.6,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def three_words(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_three_words(tmp_path_factory.mktemp("three"))


@pytest.fixture(scope="module")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(tmp_path_factory.mktemp("llama"))


def made(kind: str, policy: Any, rewards: Any, folder: Path, **options: Any) -> Any:
    from datasets import Dataset
    from trl import GRPOConfig, RLOOConfig

    from guerdon.integrations.trl_likelihood import LikelihoodGRPOTrainer, LikelihoodRLOOTrainer

    coefficient = options.pop("likelihood_coefficient", 1.0)
    peft_config = options.pop("peft_config", None)
    rows = options.pop("rows", {"prompt": [PROMPT] * 4, "reference": [REFERENCE] * 4})
    usual = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 4,
        "num_generations": 4,
        "max_completion_length": 1,
        "max_steps": 2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "beta": 0.0,
        "bf16": False,
    }
    if kind == "grpo":
        usual |= {"loss_type": "dr_grpo", "scale_rewards": "none"}
    config = (GRPOConfig if kind == "grpo" else RLOOConfig)(**{**usual, **options})
    trainer = LikelihoodGRPOTrainer if kind == "grpo" else LikelihoodRLOOTrainer
    return trainer(
        policy,
        reward_funcs=rewards,
        args=config,
        train_dataset=Dataset.from_dict(rows),
        peft_config=peft_config,
        likelihood_coefficient=coefficient,
    )


def flat_gradient(model: Any) -> np.ndarray:
    parts = [p.grad if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]
    found = torch.cat([part.reshape(-1) for part in parts]).double().numpy().copy()
    model.zero_grad()
    return found


def exact_gradient(model: Any, value: Any) -> np.ndarray:
    """Of E[R] = sum over the three completions of pi(z) R(z), from full logits."""
    twin = type(model)(model.config)  # TRL has patched the model's own forward
    twin.load_state_dict(model.state_dict())
    twin.double()
    total = torch.zeros((), dtype=torch.float64)
    for z in range(3):
        ids = torch.tensor([[0, 1, z, 1, 2]])
        logprobs = twin(ids).logits[0].log_softmax(-1)
        tokens = torch.stack([logprobs[2, 1], logprobs[3, 2]])
        total = total + logprobs[1, z].exp() * value(tokens)
    total.backward()
    return flat_gradient(twin)


def lemma_gradient(trainer: Any, baseline: float, steps: int = 1) -> np.ndarray:
    """The expected gradient of the trainer's own loss: each completion's, by its probability, minus for ascent."""
    model = trainer.model
    model.train()
    trainer.current_gradient_accumulation_steps = steps
    rows = [{"prompt": PROMPT, "reference": REFERENCE} for _ in WORDS]
    rewards = trainer._calculate_rewards(rows, [PROMPT] * 3, list(WORDS), [[0], [1], [2]])[:, 0]
    with torch.no_grad():
        logprobs = model(torch.tensor([[0, 1]])).logits[0, -1].log_softmax(-1)
    total = np.zeros(sum(p.numel() for p in model.parameters()))
    for z in range(3):
        inputs = {
            "prompt_ids": torch.tensor([[0, 1]]),
            "prompt_mask": torch.ones((1, 2), dtype=torch.long),
            "completion_ids": torch.tensor([[z]]),
            "completion_mask": torch.ones((1, 1), dtype=torch.long),
            "advantages": rewards[z : z + 1] - baseline,
            "old_logps": logprobs[z : z + 1],
            "num_items_in_batch": torch.tensor(1),
            "likelihood_rows": torch.tensor([z]),
        }
        trainer._compute_loss(model, inputs).backward()
        total -= float(logprobs[z].exp()) * flat_gradient(model)
    return total


VALUES = {
    "sum": lambda tokens: tokens.sum(),
    "mean": lambda tokens: tokens.mean(),
    "prob": lambda tokens: tokens.sum().exp(),
    "mean_prob": lambda tokens: tokens.exp().mean(),
}


@pytest.mark.parametrize("how", VALUES)
def test_lemma_1_is_the_gradient_of_the_expected_reward(three_words: str, tmp_path: Path, how: str) -> None:
    trainer = made("rloo", three_words, After(how), tmp_path)
    exact = exact_gradient(trainer.model, VALUES[how])
    for baseline in (0.0, -0.7):
        assert lemma_gradient(trainer, baseline) == pytest.approx(exact, rel=1e-5, abs=2e-6)


@pytest.mark.parametrize("how", ["sum", "prob"])
def test_without_the_second_term_it_is_not(three_words: str, tmp_path: Path, how: str) -> None:
    trainer = made("rloo", three_words, After(how), tmp_path, likelihood_coefficient=0.0)
    exact = exact_gradient(trainer.model, VALUES[how])
    assert np.abs(lemma_gradient(trainer, 0.0) - exact).max() > 0.01


@pytest.mark.parametrize("loss_type", ["dr_grpo", "grpo", "dapo", "bnpo", "cispo"])
def test_grpo_weighs_the_reward_as_the_completion(three_words: str, tmp_path: Path, loss_type: str) -> None:
    """GRPO's baseline holds the completion itself, which leaves 1 - 1/G of the first term; so much of the second is added."""
    options = {"epsilon_high": 5.0} if loss_type == "cispo" else {}
    trainer = made("grpo", three_words, After(), tmp_path, loss_type=loss_type, **options)
    exact = exact_gradient(trainer.model, VALUES["sum"])
    both = lemma_gradient(trainer, 0.0)
    assert 3 * lemma_gradient(trainer, 0.0, steps=3) == pytest.approx(both, rel=1e-5, abs=2e-6), (
        "of three micro-batches"
    )
    trainer.likelihood_coefficient = 0.0
    first = lemma_gradient(trainer, 0.0)
    assert first + (both - first) / (1 - 1 / 4) == pytest.approx(exact, rel=1e-5, abs=2e-6)


def test_a_combination_is_followed_to_its_leaf(three_words: str, tmp_path: Path) -> None:
    reward = (0.5 * After(name="likelihood") + 2.0 * TokenF1()).then("clip", low=-100.0, high=100.0)
    trainer = made("rloo", three_words, reward, tmp_path)
    trainer.likelihood_coefficient = 3.0
    with_term = lemma_gradient(trainer, 0.0)
    trainer.likelihood_coefficient = 0.0
    without = lemma_gradient(trainer, 0.0)
    plain = made("rloo", three_words, After(), tmp_path)
    both = lemma_gradient(plain, 0.0)
    plain.likelihood_coefficient = 0.0
    assert (with_term - without) / 3.0 == pytest.approx(0.5 * (both - lemma_gradient(plain, 0.0)), abs=2e-6)


# -- through the tree, without a trainer ------------------------------------------------------------------------------


class Fixed:
    """A policy that gives every reference the same log-probabilities."""

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[Any]:
        from guerdon.models.lm import TokenScores

        return [TokenScores(np.arange(2), np.array([-0.25, -0.5])) for _ in requests]


BATCH = Batch(["x", "b c", "y"], ["p"] * 3, reference=["b c"] * 3)


def factors(reward: Reward) -> list[tuple[int, float]]:
    with bound_policy(Fixed()):  # type: ignore[arg-type]
        scores = reward.score(BATCH)
    return [(each.row, round(each.factor, 6)) for each in owed(reward, BATCH, scores)]


def test_factors_are_derivatives_of_the_rules_above() -> None:
    from guerdon import Gate, Product

    leaf = After("prob")
    value = float(np.exp(-0.75))
    assert factors(leaf) == [(0, 1.0), (1, 1.0), (2, 1.0)]
    assert factors(-2.0 * leaf + TokenF1()) == [(0, -2.0), (1, -2.0), (2, -2.0)]
    assert factors(Gate(TokenF1(), leaf)) == [(1, 1.0)], "only where the gate lets it through"
    assert factors(Product(TokenF1(), leaf)) == [(1, 1.0)]
    assert factors(leaf.then("clip", low=0.6, high=1.0)) == [], "a clipped value does not move"
    squared = factors(Product(leaf, leaf.then("affine", shift=0.0)))
    assert squared == [(i, round(value, 6)) for _ in range(2) for i in range(3)]
    named = Sum(leaf, TokenF1(), weights=(0.5, 1.0), name="mixed")
    assert factors(named * 2.0) == [(0, 1.0), (1, 1.0), (2, 1.0)]
    assert factors(named.part("after")) == [(0, 1.0), (1, 1.0), (2, 1.0)]
    assert factors(TokenF1()) == [] and not owes_gradient(TokenF1())


def test_what_has_no_gradient_of_this_form_is_an_error() -> None:
    with pytest.raises(UserError, match=r"center.*depends on others"):
        factors(After().then("center"))

    @dataclass(frozen=True, repr=False)
    class Half(Reward):
        of_: Reward = After()
        heavy = True

        def _score(self, batch: Batch) -> Scores:
            return Scores(self.of_.score(batch).values / 2)

    with pytest.raises(UserError, match="does not say how"):
        factors(Half() + TokenF1())


# -- the real trainers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "half"), [("grpo", False), ("rloo", False), ("rloo", True)])
def test_a_policy_learns_the_reference(three_words: str, tmp_path: Path, kind: str, half: bool) -> None:
    options = {"max_steps": 12, "learning_rate": 0.02, "lr_scheduler_type": "constant", "bf16": half}
    trainer = made(kind, three_words, After(), tmp_path, **options)
    trainer.train()
    seen = [entry["rewards/after/mean"] for entry in trainer.state.log_history if "rewards/after/mean" in entry]
    assert np.mean(seen[-3:]) > np.mean(seen[:3]) + 0.5, seen
    assert trainer.model.training


def test_rewards_see_the_weights_of_the_moment(three_words: str, tmp_path: Path) -> None:
    trainer = made("grpo", three_words, After(), tmp_path)
    rows = [{"prompt": PROMPT, "reference": REFERENCE}]
    before = trainer._calculate_rewards(rows, [PROMPT], ["a"], [[0]])
    with torch.no_grad():
        trainer.model.lm_head.weight.mul_(-1.0)
        logits = trainer.model(torch.tensor([[0, 1, 0, 1, 2]])).logits[0].log_softmax(-1)
    after = trainer._calculate_rewards(rows, [PROMPT], ["a"], [[0]])
    assert float(after) == pytest.approx(float(logits[2, 1] + logits[3, 2]), abs=1e-5)
    assert abs(float(after) - float(before)) > 1e-3


def test_chat_prompts_accumulation_and_several_iterations(tiny_llama: str, tmp_path: Path) -> None:
    prompts = [[{"role": "user", "content": question}] for question in ("What is two plus three?", "Which city?")]
    trainer = made(
        "grpo",
        tiny_llama,
        [After(), TokenF1()],
        tmp_path,
        rows={"prompt": prompts, "reference": ["five", "Paris"]},
        max_completion_length=6,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        steps_per_generation=4,
        num_generations=4,
        num_iterations=2,
        max_steps=5,
        reward_weights=[0.1, 1.0],
        loss_type="dapo",
        gradient_checkpointing=True,
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 5 and np.isfinite(losses).all()


def test_evaluation_between_does_not_mix_up_completions(three_words: str, tmp_path: Path) -> None:
    trainer = made("rloo", three_words, After(), tmp_path, per_device_train_batch_size=4, steps_per_generation=2)
    trainer._owed["train"] = [["kept"]]  # type: ignore[list-item]
    trainer.model.eval()
    trainer._calculate_rewards([{"prompt": PROMPT, "reference": REFERENCE}], [PROMPT], ["a"], [[0]])
    assert trainer._owed["train"] == [["kept"]] and len(trainer._owed["eval"]) == 1
    assert not trainer.model.training


@pytest.mark.parametrize("aggregate", ["sum", "mean_prob"])
def test_the_likelihood_reward_as_it_is(tiny_llama: str, tmp_path: Path, aggregate: str) -> None:
    from guerdon.rewards.likelihood import Likelihood

    reward = Likelihood("policy", aggregate) + 0.5 * TokenF1()  # type: ignore[arg-type]
    rows = {"prompt": ["What is two plus three? ", "Which city? "], "reference": [["five"], ["Paris", "Rome"]]}
    options = {"max_completion_length": 6, "max_steps": 12, "learning_rate": 3e-3, "lr_scheduler_type": "constant"}
    trainer = made("rloo", tiny_llama, reward, tmp_path, rows=rows, per_device_train_batch_size=8, **options)
    trainer.train()
    assert all(terms and terms[0][1].factor == pytest.approx(1.0) for terms in trainer._owed["train"])
    key = "likelihood+token_f1/likelihood"
    seen = [entry[key] for entry in trainer.state.log_history if key in entry]
    assert np.mean(seen[-3:]) > np.mean(seen[:3]), seen


def test_adapters_get_the_gradient(three_words: str, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    options = {"max_steps": 10, "learning_rate": 0.05, "lr_scheduler_type": "constant"}
    trainer = made("rloo", three_words, After(), tmp_path, peft_config=config, **options)
    trainer.train()
    seen = [entry["rewards/after/mean"] for entry in trainer.state.log_history if "rewards/after/mean" in entry]
    assert np.mean(seen[-3:]) > np.mean(seen[:3]) + 0.1, seen


def test_terms_apart_owe_their_share(three_words: str, tmp_path: Path) -> None:
    functions, weights = reward_functions(After() + 0.25 * TokenF1())
    trainer = made("grpo", three_words, functions, tmp_path, reward_weights=weights)
    trainer.train()
    assert all(terms and terms[0][0] == 1.0 for terms in trainer._owed["train"])


def test_a_scorer_keeps_its_state(three_words: str, tmp_path: Path) -> None:
    scorer = (After() + TokenF1()).scorer()
    trainer = made("grpo", three_words, scorer, tmp_path)
    trainer.train()
    assert trainer.reward_func_names == ["after+token_f1"]


def test_the_usual_rewards_pass_untouched(three_words: str, tmp_path: Path) -> None:
    reward = TokenF1()
    trainer = made("grpo", three_words, reward, tmp_path)
    trainer.train()
    assert trainer.reward_funcs == [reward] and not trainer._owes


def test_a_plain_trainer_is_told_which_one_to_take(three_words: str, tmp_path: Path) -> None:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    config = GRPOConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=4,
        num_generations=4,
        max_completion_length=1,
        max_steps=1,
        report_to="none",
        use_cpu=True,
        bf16=False,
    )
    rows = Dataset.from_dict({"prompt": [PROMPT] * 4, "reference": [REFERENCE] * 4})
    trainer = GRPOTrainer(three_words, reward_funcs=After(), args=config, train_dataset=rows)
    with pytest.raises(UnboundPolicy, match="LikelihoodGRPOTrainer"):
        trainer.train()


def test_a_scaled_advantage_is_warned_of(three_words: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="scale_rewards='none'"):
        made("grpo", three_words, After(), tmp_path, scale_rewards="group")


def test_a_coefficient_that_cannot_be(three_words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="likelihood_coefficient=nan"):
        made("grpo", three_words, After(), tmp_path, likelihood_coefficient=float("nan"))


def _rank(rank: int, port: int, policy: str, folder: str, results: Any) -> None:
    import faulthandler
    import os

    faulthandler.dump_traceback_later(60, exit=True)  # a deadlock shows where, and ends
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    os.environ["MASTER_PORT"] = str(port)
    options = {"per_device_train_batch_size": 2, "max_steps": 3, "learning_rate": 0.02}
    trainer = made("rloo", policy, Uneven(), Path(folder), **options)
    trainer.train()
    weights = torch.cat([p.detach().reshape(-1) for p in trainer.accelerator.unwrap_model(trainer.model).parameters()])
    results.put((rank, weights.double().numpy(), [len(terms) for terms in trainer._owed["train"]]))
    torch.distributed.destroy_process_group()
    results.close()
    results.join_thread()
    os._exit(0)  # the exit handlers of other libraries now and then wait for each other


@dataclass(frozen=True, repr=False)
class Uneven(After):
    """Tied to the group, and owing a gradient for completions that are not "a" only: ranks have different numbers of them."""

    ties = "group"

    def policy_terms(self, batch: Batch, scores: Scores) -> Sequence[PolicyTerm | None]:
        texts = batch.texts()
        return [
            None if text == "a" else term for term, text in zip(super().policy_terms(batch, scores), texts, strict=True)
        ]


def test_two_processes_stay_in_step(three_words: str, tmp_path: Path) -> None:
    import multiprocessing
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    ranks = [context.Process(target=_rank, args=(rank, port, three_words, str(tmp_path), results)) for rank in range(2)]
    for process in ranks:
        process.start()
    got = {rank: (weights, owed) for rank, weights, owed in (results.get(timeout=100) for _ in ranks)}
    for process in ranks:
        process.join(timeout=60)
        assert process.exitcode == 0
    assert np.isfinite(got[0][0]).all() and got[0][0] == pytest.approx(got[1][0], abs=1e-7)
    assert [len(owed) for _, owed in got.values()] == [2, 2]
