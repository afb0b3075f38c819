"""Token-regularised DPO inside TRL's real DPOTrainer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import Outcome
from guerdon.errors import GuerdonError, UserError
from guerdon.models.lm import CausalLM, LogprobRequest, TokenScores
from guerdon.training.losses.direct_preference import dpo_reg_loss
from guerdon.training.preferences.token_rewards import with_token_rewards
from tests.integrations.tiny import save_policy

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

PROMPTS = ["what is one plus one ", "what is two plus one ", "what is two plus two "]
CHOSEN = ["the answer is two", "three", "the answer is four because two plus two"]
REJECTED = ["the answer is five", "no", "one"]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_policy(tmp_path_factory.mktemp("policy"))


@dataclass(frozen=True)
class Evaluator(CausalLM):
    """Finds odd token ids likelier under a wish for better, by ``size``; fails on demand."""

    size: float = 1.0
    fails: bool = False

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        if self.fails:
            return [TokenScores.failed(Outcome.TRUNCATED, "too long") for _ in requests]
        return [self._one(request) for request in requests]

    def _one(self, request: LogprobRequest) -> TokenScores:
        ids = np.array(
            request.target if isinstance(request.target, tuple) else [6 + k for k in range(len(request.target.split()))]
        )
        better = "worse" if "incorrect" in str(request.prompt) else "better"
        return TokenScores(ids, np.where(ids % 2 == 1, self.size, -self.size) * (better == "better") - 2.0)


def rows(chat: bool, *, rewards: bool = True) -> list[dict[str, Any]]:
    made = []
    for k, texts in enumerate(zip(PROMPTS, CHOSEN, REJECTED, strict=True)):
        roles = ("user", "assistant", "assistant")
        said = [[{"role": r, "content": t}] if chat else t for r, t in zip(roles, texts, strict=True)]
        row: dict[str, Any] = dict(zip(("prompt", "chosen", "rejected"), said, strict=True))
        if rewards:  # text rows get an end-of-text token, chat rows what the template ends a turn with: nothing
            rng = np.random.default_rng(k)
            for side, text in zip(("chosen", "rejected"), texts[1:], strict=True):
                size = len(text.split()) + (not chat)
                row[f"token_rewards_{side}"] = rng.uniform(-0.5, 0.5, size).tolist()
        made.append(row)
    return made


def trainer(policy: str, tmp_path: Path, data: list[dict[str, Any]], *, plain: bool = False, **options: Any) -> Any:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    from guerdon.integrations.trl_dpo import TokenRegularizedDPOTrainer

    own = {
        name: options.pop(name)
        for name in ("alpha", "evaluator", "clip", "show_answer", "eval_dataset")
        if name in options
    }
    settings: dict[str, Any] = {
        "output_dir": str(tmp_path),
        "per_device_train_batch_size": 3,
        "max_steps": 3,
        "learning_rate": 1e-2,
        "report_to": [],
        "use_cpu": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "gradient_checkpointing": False,
        "bf16": False,
        "disable_tqdm": True,
        "seed": 0,
    } | options
    torch.manual_seed(0)
    made: Any = DPOTrainer if plain else TokenRegularizedDPOTrainer
    return made(
        AutoModelForCausalLM.from_pretrained(policy),
        args=DPOConfig(**settings),
        train_dataset=Dataset.from_list(data),
        processing_class=AutoTokenizer.from_pretrained(policy),
        **own,
    )


def weights(model: Any) -> Any:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def history(trained: Any, key: str) -> list[float]:
    return [entry[key] for entry in trained.state.log_history if key in entry]


@pytest.mark.parametrize("chat", [False, True])
def test_without_weight_it_is_dpo(policy: str, tmp_path: Path, chat: bool) -> None:
    plain = trainer(policy, tmp_path, rows(chat, rewards=False), plain=True)
    ours = trainer(policy, tmp_path, rows(chat), alpha=0.0)
    zero = trainer(policy, tmp_path, with_zero_rewards(rows(chat)), alpha=0.5)
    for each in (plain, ours, zero):
        each.train()
    assert torch.equal(weights(plain.model), weights(ours.model))
    assert torch.equal(weights(plain.model), weights(zero.model))
    assert history(plain, "loss") == history(ours, "loss") == history(zero, "loss")


def with_zero_rewards(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: [0.0] * len(v) if k.startswith("token_rewards") else v for k, v in row.items()} for row in data]


@pytest.mark.parametrize("options", [{}, {"precompute_ref_log_probs": True}, {"loss_type": ["sigmoid_norm"]}])
def test_the_loss_is_that_of_the_formula(policy: str, tmp_path: Path, options: dict[str, Any]) -> None:
    made = trainer(policy, tmp_path, rows(True), alpha=0.5, beta=0.3, max_steps=2, **options)
    made.train()  # so that policy and reference differ
    batch = made.data_collator([made.train_dataset[k] for k in range(3)])
    reference = made.ref_model or trainer(policy, tmp_path, rows(True)).model
    logps = [token_logps(model, batch) for model in (made.model, reference)]
    mask = batch["completion_mask"][:, 1:]
    if made.precompute_ref_logps:
        batch["ref_chosen_logps"], batch["ref_rejected_logps"] = (logps[1] * mask).sum(1).chunk(2)
    pieces = [tensor.chunk(2) for tensor in (*logps, batch["token_rewards"][:, 1:], mask)]
    (pi_w, pi_l), (ref_w, ref_l), (r_w, r_l), (m_w, m_l) = pieces
    if "loss_type" in options:
        sizes = mask.sum(1)
        average = [
            ((p - r) * m).sum(1) / n for p, r, m, n in zip(*[pieces[i] for i in (0, 1, 3)], sizes.chunk(2), strict=True)
        ]
        margin = 0.3 * (average[0] - average[1])
        terms = [
            -0.3 * (p * r * m).sum(1) / n
            for p, r, m, n in zip(pieces[0], pieces[2], pieces[3], sizes.chunk(2), strict=True)
        ]
        base = -torch.nn.functional.logsigmoid(margin)
        expected = (base + 0.5 * torch.sigmoid(-margin).detach() * (terms[0] + terms[1])).mean()
    else:
        parts = dpo_reg_loss(
            pi_w, ref_w, pi_l, ref_l, r_w, r_l, beta=0.3, alpha=0.5, mask_chosen=m_w, mask_rejected=m_l
        )
        expected = parts["loss"]
    gradient = torch.autograd.grad(expected, list(made.model.parameters()))
    loss = made.compute_loss(made.model, batch)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    for ours, known in zip(torch.autograd.grad(loss, list(made.model.parameters())), gradient, strict=True):
        assert torch.allclose(ours, known, atol=1e-6)


def token_logps(model: Any, batch: dict[str, Any]) -> Any:
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    return logits.log_softmax(-1).gather(2, batch["input_ids"][:, 1:, None]).squeeze(2)


def test_token_rewards_move_the_tokens_they_stand_on(policy: str, tmp_path: Path) -> None:
    data = with_zero_rewards(rows(True))
    for row in data:
        row["token_rewards_chosen"][-1] = 0.5
    ours, dpo = trainer(policy, tmp_path, data, alpha=20.0), trainer(policy, tmp_path, data, alpha=0.0)
    batch = ours.data_collator([ours.train_dataset[k] for k in range(3)])
    marked = batch["token_rewards"][:, 1:] > 0
    for each in (ours, dpo):
        each.train()
    assert marked.sum() == 3
    assert (token_logps(ours.model, batch)[marked] > token_logps(dpo.model, batch)[marked]).all()
    assert len(history(ours, "token_rewards/loss")) == 3 and history(ours, "token_rewards/weight")[0] == pytest.approx(
        0.5
    )
    assert history(ours, "token_rewards/agreement")[-1] > 0


@pytest.mark.parametrize("chat", [False, True])
def test_an_evaluator_scores_the_trainers_own_tokens(policy: str, tmp_path: Path, chat: bool) -> None:
    made = trainer(policy, tmp_path, rows(chat, rewards=False), evaluator=Evaluator(), max_steps=1)
    row = made.train_dataset[0]
    ids, rewards = row["chosen_ids"], row["token_rewards_chosen"]
    closing = not chat
    assert len(ids) == len(rewards) == 4 + closing
    large = 1 / (1 + np.exp(-1)) - 0.5
    assert rewards[:4] == pytest.approx([large if token % 2 else -large for token in ids[:4]])
    assert not closing or rewards[-1] == 0.0
    made.train()


def test_rewards_of_an_answers_own_tokens_are_found_in_the_trainers(policy: str, tmp_path: Path) -> None:
    from guerdon.models.lms.transformers_lm import TransformersLM

    data = with_token_rewards(rows(False, rewards=False), TransformersLM(policy))
    made = trainer(policy, tmp_path, data, max_steps=1)
    for k, row in enumerate(made.train_dataset):
        assert row["token_rewards_chosen"] == [*data[k]["token_rewards_chosen"], 0.0]
        assert "token_ids_chosen" not in row
    made.train()


def test_truncation_cuts_rewards_with_their_tokens(policy: str, tmp_path: Path) -> None:
    data = rows(False)
    for mode, length in (("keep_start", 7), ("keep_end", 7)):
        made = trainer(policy, tmp_path, data, max_length=length, truncation_mode=mode, max_steps=1)
        batch = made.data_collator([made.train_dataset[0]])
        whole = [0.0] * 5 + data[0]["token_rewards_chosen"]
        cut = whole[:length] if mode == "keep_start" else whole[-length:]
        assert batch["token_rewards"][0].tolist() == pytest.approx(cut)
        assert batch["token_rewards"].shape == batch["input_ids"].shape


def test_large_rewards_are_clipped(policy: str, tmp_path: Path) -> None:
    data = rows(True)
    scaled = [{k: [100 * x for x in v] if k.startswith("token_rewards") else v for k, v in row.items()} for row in data]
    signs = [
        {k: [0.1 * np.sign(x) for x in v] if k.startswith("token_rewards") else v for k, v in row.items()}
        for row in data
    ]
    losses = []
    for each in (scaled, signs):
        made = trainer(policy, tmp_path, each, clip=0.1)
        losses.append(made.compute_loss(made.model, made.data_collator([made.train_dataset[0]])).item())
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_evaluation_reports_the_same_figures(policy: str, tmp_path: Path) -> None:
    from datasets import Dataset

    made = trainer(policy, tmp_path, rows(True), alpha=0.5, eval_dataset=Dataset.from_list(rows(True)))
    figures = made.evaluate()
    made.evaluate(eval_dataset=Dataset.from_list(rows(True)))
    assert np.isfinite(figures["eval_loss"])
    assert "eval_token_rewards/loss" in {key for entry in made.state.log_history for key in entry}


def test_with_an_adapter_the_reference_is_the_base(policy: str, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig

    from guerdon.integrations.trl_dpo import TokenRegularizedDPOTrainer

    torch.manual_seed(0)
    adapter = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    settings = DPOConfig(
        str(tmp_path), max_steps=1, report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False, beta=0.3
    )
    base = AutoModelForCausalLM.from_pretrained(policy)
    frozen = copy.deepcopy(base)
    made = TokenRegularizedDPOTrainer(
        base,
        args=settings,
        train_dataset=Dataset.from_list(rows(True)),
        processing_class=AutoTokenizer.from_pretrained(policy),
        peft_config=adapter,
        alpha=0.5,
    )
    batch = made.data_collator([made.train_dataset[k] for k in range(3)])
    made.model.eval()
    with torch.no_grad():
        loss = made.compute_loss(made.model, batch).item()
        mask = batch["completion_mask"][:, 1:]
        tensors = (token_logps(made.model, batch), token_logps(frozen, batch), batch["token_rewards"][:, 1:], mask)
        (pi_w, pi_l), (ref_w, ref_l), (r_w, r_l), (m_w, m_l) = (each.chunk(2) for each in tensors)
        known = dpo_reg_loss(
            pi_w, ref_w, pi_l, ref_l, r_w, r_l, beta=0.3, alpha=0.5, mask_chosen=m_w, mask_rejected=m_l
        )
    assert (pi_w - ref_w).abs().max() > 1e-4
    assert loss == pytest.approx(known["loss"].item(), abs=1e-6)


def test_what_cannot_work_is_said(policy: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="token_rewards_chosen"):
        trainer(policy, tmp_path, rows(False, rewards=False))
    short = rows(False)
    short[1]["token_rewards_chosen"] = [0.1, 0.1, 0.1, 0.1]
    with pytest.raises(UserError, match="4 token rewards for a response of 2 tokens"):
        trainer(policy, tmp_path, short)
    other = rows(False)
    other[0] |= {"token_ids_chosen": [7, 7], "token_rewards_chosen": [0.1, 0.1]}
    with pytest.raises(UserError, match="do not stand in the response"):
        trainer(
            policy,
            tmp_path,
            [row | {"token_ids_chosen": [7, 7], "token_ids_rejected": [7, 7]} | other[0] for row in other],
        )
    with pytest.raises(UserError, match="loss_type"):
        trainer(policy, tmp_path, rows(False), loss_type=["ipo"])
    with pytest.raises(UserError, match="ld_alpha"):
        trainer(policy, tmp_path, rows(False), ld_alpha=0.5)
    with pytest.raises(UserError, match="alpha=-1"):
        trainer(policy, tmp_path, rows(False), alpha=-1)
    with pytest.raises(GuerdonError, match="too long"):
        trainer(policy, tmp_path, rows(False, rewards=False), evaluator=Evaluator(fails=True))
