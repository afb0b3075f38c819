"""TRL's DPOTrainer with token rewards: credit for tokens beside the preference between whole responses.

Importing this module imports trl.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from typing import Any

from guerdon.errors import GuerdonError, MissingExtra, UserError
from guerdon.models.lm import CausalLM
from guerdon.training.losses.direct_preference import (
    implicit_token_rewards,
    sequence_weight,
    token_regularizer,
)
from guerdon.training.preferences.pairs import text_of
from guerdon.training.preferences.token_rewards import SIDES, aligned_rewards, token_rewards

try:
    import torch
    from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer
except ImportError as error:
    raise MissingExtra("trl", extra="train") from error

__all__ = ["TokenRegularizedDPOTrainer", "TokenRewardCollator"]

_REWARDS = tuple(f"token_rewards_{side}" for side in SIDES)
_IDS = tuple(f"token_ids_{side}" for side in SIDES)
# Base loss -> how the regulariser is reduced over tokens, so that the two keep their proportion.
_REDUCTION = {"sigmoid": "sum", "sigmoid_norm": "mean"}


@dataclass
class TokenRewardCollator(DataCollatorForPreference):
    """TRL's collator, with ``token_rewards`` (2B, L) beside ``input_ids``: 0 on prompt and padding, truncated as these are."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super().torch_call(examples)
        rewards = torch.zeros(output["input_ids"].shape, dtype=torch.float32)
        rows = [(example, side) for side in SIDES for example in examples]
        for row, (example, side) in zip(rewards, rows, strict=True):
            values = [0.0] * len(example["prompt_ids"]) + list(example[f"token_rewards_{side}"])
            if self.max_length is not None:
                values = (
                    values[: self.max_length] if self.truncation_mode == "keep_start" else values[-self.max_length :]
                )
            row[: len(values)] = torch.tensor(values)
        output["token_rewards"] = rewards
        return output


class TokenRegularizedDPOTrainer(DPOTrainer):
    """DPO plus alpha w (L_REG(chosen) + L_REG(rejected)): see :func:`guerdon.training.losses.direct_preference.dpo_reg_loss`.

    Token rewards come with the dataset, in the columns ``token_rewards_chosen`` and ``token_rewards_rejected``: one per token of
    the response as this trainer tokenises it, or with ``token_ids_chosen`` and ``token_ids_rejected`` as
    :func:`guerdon.training.preferences.token_rewards.with_token_rewards` gives them. Or they are computed before training by
    ``evaluator``, on this trainer's own token ids (tokens that close the turn get 0).

    It adds one number per token to a batch and no forward pass. With ``alpha=0`` it is DPOTrainer. Logged beside DPOTrainer's
    figures: ``token_rewards/loss`` (before alpha), ``token_rewards/weight`` (w) and ``token_rewards/agreement`` (sum of implicit
    times given token reward per response, where the reference model runs in training).

    Args:
        alpha: weight of the regulariser; the paper tries 0.1, 0.25 and 0.5.
        evaluator: computes token rewards where the dataset has none: the reference model, described as any CausalLM.
        show_answer: whether the evaluator's prompts show the answer to be revised.
        clip: largest absolute token reward; lower it where rejected responses lose likelihood without end.
        options: those of DPOTrainer. ``loss_type`` must be ``"sigmoid"``, or ``"sigmoid_norm"`` with the regulariser averaged.

    Raises:
        UserError: no token rewards and no evaluator, rewards that do not fit the tokens, or options the method has no form for.

    Source: Zhou et al. 2024, T-REG (arXiv 2412.02685).
    """

    def __init__(
        self,
        *positional: Any,
        alpha: float = 0.25,
        evaluator: CausalLM | None = None,
        show_answer: bool = True,
        clip: float = 0.5,
        **options: Any,
    ) -> None:
        if not alpha >= 0 or not clip > 0:
            raise UserError(f"alpha={alpha!r} must be at least 0 and clip={clip!r} above 0")
        self.alpha, self.clip, self.evaluator, self.show_answer = alpha, clip, evaluator, show_answer
        super().__init__(*positional, **options)
        self._check()
        known = {item.name: getattr(self.data_collator, item.name) for item in fields(DataCollatorForPreference)}
        self.data_collator = TokenRewardCollator(**known)

    def _check(self) -> None:
        args = self.args
        if len(self.loss_types) != 1 or self.loss_types[0] not in _REDUCTION:
            raise UserError(
                f"loss_type={self.loss_types} has no token-regularised form; choices: {', '.join(_REDUCTION)}"
            )
        for name, plain in (("f_divergence_type", "reverse_kl"), ("ld_alpha", None), ("use_weighting", False)):
            if getattr(args, name) != plain:
                raise UserError(f"{name}={getattr(args, name)!r} has no token-regularised form; leave it {plain!r}")
        if self._is_vision_dataset or not isinstance(self.data_collator, DataCollatorForPreference):
            raise UserError(
                "token rewards need text data and TRL's DataCollatorForPreference; leave data_collator=None"
            )

    # -- data ---------------------------------------------------------------------------------------------------------

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:
        prepared = super()._prepare_dataset(dataset, processing_class, args, dataset_name)
        given = set(next(iter(prepared)))
        if set(_REWARDS) <= given:
            return prepared.map(self._aligned, remove_columns=[name for name in _IDS if name in given])
        if self.evaluator is None:
            raise UserError(
                f"the {dataset_name} dataset lacks {', '.join(_REWARDS)} (columns: {', '.join(sorted(given))}); add them with "
                "guerdon.training.preferences.token_rewards.with_token_rewards, or give evaluator="
            )
        return prepared.map(self._evaluated, batched=True, batch_size=64)

    def _aligned(self, row: Mapping[str, Any]) -> dict[str, list[float]]:
        return {
            rewards: aligned_rewards(row[rewards], row[f"{side}_ids"], row.get(ids))
            for side, rewards, ids in zip(SIDES, _REWARDS, _IDS, strict=True)
        }

    def _evaluated(self, rows: Mapping[str, list[Any]]) -> dict[str, list[list[float]]]:
        assert self.evaluator is not None
        made: dict[str, list[list[float]]] = {}
        for side, column in zip(SIDES, _REWARDS, strict=True):
            whole = rows[f"{side}_ids"]
            targets = [tuple(ids[: self._content_length(ids)]) for ids in whole]
            answers = [text_of(said) for said in rows[side]]
            found = token_rewards(self.evaluator, rows["prompt"], targets, answers, show_answer=self.show_answer)
            for each in found:
                if each.note is not None:
                    raise GuerdonError(f"the evaluator gave no token rewards: {each.note}")
            made[column] = [
                [*each.rewards.tolist(), *[0.0] * (len(ids) - len(each.rewards))]
                for each, ids in zip(found, whole, strict=True)
            ]
        return made

    def _content_length(self, ids: Sequence[int]) -> int:
        """How many tokens come before those that close the turn: special ones at the end, white space after them included."""
        special = set(self._tokenizer.all_special_ids)
        last = max((k for k, token in enumerate(ids) if token in special), default=-1)
        if last < 0 or self._tokenizer.decode(ids[last + 1 :]).strip():
            return len(ids)
        while last and ids[last - 1] in special:
            last -= 1
        return last

    def _set_signature_columns_if_needed(self) -> None:
        parent: Any = super()
        parent._set_signature_columns_if_needed()
        columns: Any = self._signature_columns
        self._signature_columns: Any = list(dict.fromkeys([*columns, *_REWARDS]))

    # -- loss ---------------------------------------------------------------------------------------------------------

    def compute_ref_log_probs(self, model: Any, inputs: Mapping[str, Any]) -> Any:
        parent: Any = super()
        return parent.compute_ref_log_probs(model, _without_rewards(inputs))

    def _compute_loss(self, model: Any, inputs: Mapping[str, Any], return_outputs: bool) -> Any:
        parent: Any = super()
        plain = _without_rewards(inputs)
        if not self.alpha:
            return parent._compute_loss(model, plain, return_outputs)
        heard: list[Any] = []
        own: Any = self.ref_model or self.model
        with ExitStack() as hooks:
            for module in {id(m): m for m in (model, own)}.values():
                hooks.callback(module.register_forward_hook(lambda _m, _i, output: heard.append(output)).remove)
            result = parent._compute_loss(model, plain, return_outputs)
        # The policy runs first, the reference after it.
        spoken = [output.log_probs for output in heard if getattr(output, "log_probs", None) is not None]
        reference = None if self.precompute_ref_logps else spoken[-1].detach()
        extra = self.alpha * self._regularizer(spoken[0], reference, inputs)
        return (result[0] + extra, result[1]) if return_outputs else result + extra

    def _regularizer(self, policy: Any, reference: Any, inputs: Mapping[str, Any]) -> Any:
        """w (L_REG(chosen) + L_REG(rejected)), averaged over the pairs."""
        mask = inputs["completion_mask"][:, 1:]
        policy = policy[:, -mask.size(1) :]
        rewards = inputs["token_rewards"][:, 1:].to(policy).clamp(-self.clip, self.clip)
        if reference is None:
            known = torch.cat([inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]])
        else:
            reference = reference[:, -mask.size(1) :]
            known = reference.sum(dim=1)
        reduction = _REDUCTION[self.loss_types[0]]
        ratios = policy.detach().sum(dim=1) - known
        if reduction == "mean":
            ratios = ratios / inputs["completion_mask"].sum(dim=1).clamp(min=1)
        chosen, rejected = ratios.chunk(2)
        weight = sequence_weight(self.beta * (chosen - rejected))
        terms = token_regularizer(policy, rewards, beta=self.beta, mask=mask, reduction=reduction)  # type: ignore[arg-type]
        regularizer = (weight * sum(terms.chunk(2))).mean()
        self._log_mean("loss", regularizer.detach())
        self._log_mean("weight", weight.mean())
        if reference is not None:
            implicit = implicit_token_rewards(policy.detach(), reference, beta=self.beta)
            self._log_mean("agreement", (implicit * rewards * mask).sum(dim=1).mean())
        return regularizer

    def _log_mean(self, name: str, value: Any) -> None:
        own: Any = self.model
        mode = "train" if own.training else "eval"
        self._metrics[mode][f"token_rewards/{name}"].append(self.accelerator.gather(value).mean().item())


def _without_rewards(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name != "token_rewards"}
