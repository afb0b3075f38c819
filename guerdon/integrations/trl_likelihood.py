"""TRL trainers for rewards that read the policy being trained (``lm="policy"``).

They do two things that a reward function cannot. While rewards are computed they bind the live policy, so that ``lm="policy"``
sees the weights of the moment. And in every training step they add what such a reward R owes beyond its value, its own gradient:
the loss of a completion z becomes -(A log pi(z | prompt) + R), with the advantage A held fixed. Without the last term the
gradient is not that of E[R].

Source: Likelihood-Based Reward Designs for General LLM Reasoning, arXiv 2602.03979, Lemma 1.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from guerdon.errors import MissingExtra, UserError
from guerdon.integrations.trl import Term
from guerdon.integrations.trl_watched import Watched
from guerdon.models.lm import CausalLM, LogprobRequest, TokenScores, bound_policy
from guerdon.models.lms.engine import LikelihoodEngine, TokenTensors
from guerdon.reward import Reward
from guerdon.rewards.policy_terms import Owed, owed, owes_gradient
from guerdon.scorer import Scorer
from guerdon.scores import Outcome

try:
    import torch
    from trl.models.utils import unwrap_model_for_generation
    from trl.trainer.grpo_trainer import GRPOTrainer
    from trl.trainer.rloo_trainer import RLOOTrainer
except ImportError as error:
    raise MissingExtra("trl", extra="train") from error

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LikelihoodGRPOTrainer", "LikelihoodRLOOTrainer"]

_ROWS = "likelihood_rows"


# -- the reward's side ------------------------------------------------------------------------------------------------


class LivePolicy(CausalLM):
    """The policy as it is now; an equal request within one binding is computed once.

    ``precision`` opens the context of mixed precision, which holds for one thread only.
    """

    def __init__(self, engine: LikelihoodEngine, precision: Callable[[], Any] = nullcontext) -> None:
        self.engine, self.precision = engine, precision
        self._known: dict[LogprobRequest, TokenScores] = {}
        self._lock = threading.Lock()

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        with self._lock:  # one forward pass at a time; rewards may ask from several threads
            missing = [request for request in dict.fromkeys(requests) if request not in self._known]
            if missing:
                with self.precision():
                    self._known.update(zip(missing, self.engine.logprobs(missing), strict=True))
            return [self._known[request] for request in requests]


class _Watched(Watched):
    """A reward function that keeps what it last scored, for the gradient it owes."""

    def owed(self) -> list[list[Owed]]:
        """What each of this process's completions owes."""
        if self.seen is None:
            return []
        batch, own, scores = self.seen
        rows: list[list[Owed]] = [[] for _ in range(len(batch))]
        for each in owed(self.reward, batch, scores):
            rows[each.row].append(each)
        return rows if own is None else [rows[i] for i in own]


def _watched(function: Any) -> Any:
    reward = _Watched(function).reward if isinstance(function, (Reward, Scorer, Term)) else None
    return _Watched(function) if reward is not None and owes_gradient(reward) else function


# -- the trainer's side -----------------------------------------------------------------------------------------------


def likelihood_term(engine: LikelihoodEngine, terms: Sequence[Owed], weights: Sequence[float]) -> Tensor:
    """A scalar whose gradient is the sum over terms of ``weights * factor`` times the gradient of the value R of each.

    Its number means nothing: R enters by its derivative at the log-probabilities of this very pass. A request that cannot be scored
    moves nothing.
    """
    found = engine.tensors([request for each in terms for request in each.term.requests], with_grad=True)
    total, place = torch.zeros(()), 0
    for each, weight in zip(terms, weights, strict=True):
        own = found[place : place + len(each.term.requests)]
        place += len(own)
        numbers = [one if isinstance(one, TokenScores) else _numbers(one) for one in own]
        for one, scores, slope in zip(own, numbers, each.term.derivative(numbers), strict=True):
            if isinstance(one, TokenScores) or scores.outcome.unscored:
                continue
            finite = np.nan_to_num(np.asarray(slope, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
            moved = torch.tensor(weight * each.factor * finite).to(one.logprobs)
            total = total.to(moved) + (moved * one.logprobs).sum()
    return total


def _numbers(found: TokenTensors) -> TokenScores:
    """The numbers of one request without their graph; a typed failure where they are not finite."""
    logprobs = found.logprobs.detach().double().cpu().numpy()
    if not np.isfinite(logprobs).all():
        return TokenScores.failed(Outcome.INSTRUMENT_ERROR, "the policy's logits are not finite")
    return found.tokens.scores(logprobs, found.logsumexp.detach().double().cpu().numpy())


class _ReadsPolicy:
    """What both trainers add to TRL's."""

    def __init__(self, *args: Any, likelihood_coefficient: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        trainer: Any = self
        if not np.isfinite(likelihood_coefficient):
            raise UserError(
                f"likelihood_coefficient={likelihood_coefficient} must be a finite number, 1 or less as a rule"
            )
        self.likelihood_coefficient = likelihood_coefficient
        self._engine_of: LikelihoodEngine | None = None
        self._owed: dict[str, list[list[tuple[float, Owed]]]] = {"train": [], "eval": []}
        if likelihood_coefficient:
            trainer.reward_funcs = [_watched(function) for function in trainer.reward_funcs]
        self._owes = any(isinstance(function, _Watched) for function in trainer.reward_funcs)
        if self._owes:
            self._check_set_up(trainer)

    def _check_set_up(self, trainer: Any) -> None:
        plugin = getattr(trainer.accelerator.state, "deepspeed_plugin", None)
        if trainer.is_fsdp_enabled or (plugin is not None and plugin.zero_stage == 3):
            raise UserError(
                "the gradient of a likelihood reward runs the policy another number of times on every process, which sharded "
                "weights (FSDP, ZeRO-3) do not allow; use DDP, ZeRO-1 or 2, or likelihood_coefficient=0"
            )
        scaled = str(getattr(trainer.args, "scale_rewards", "none")).lower() not in ("none", "false")
        if scaled or getattr(trainer.args, "normalize_advantages", False):
            option = "scale_rewards='none'" if scaled else "normalize_advantages=False"
            warnings.warn(
                "advantages are divided by a spread and the reward's own gradient is not, so their sum is not that of the expected "
                f"reward; set {option}, or weigh with likelihood_coefficient",
                stacklevel=4,
            )

    # -- while rewards are computed

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Any:
        trainer: Any = self
        mode = "train" if trainer.model.training else "eval"
        parent: Any = super()
        precision = trainer.accelerator.autocast
        with self._frozen_policy() as model, bound_policy(LivePolicy(self._engine(model), precision)):
            rewards = parent._calculate_rewards(inputs, prompts, completions, completion_ids_list)
            if self._owes:
                rows: list[list[tuple[float, Owed]]] = [[] for _ in prompts]
                for function, weight in zip(trainer.reward_funcs, trainer.reward_weights.tolist(), strict=True):
                    for i, terms in enumerate(function.owed() if isinstance(function, _Watched) else ()):
                        rows[i] += [(float(weight), each) for each in terms]
                self._owed[mode] = rows
        return rewards

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        parent: Any = super()
        output = parent._generate_and_score_completions(inputs)
        if self._owes:  # which completion is which, after TRL has shuffled and split them
            output[_ROWS] = torch.arange(len(inputs), device=output["completion_ids"].device)
        return output

    @contextmanager
    def _frozen_policy(self) -> Iterator[Any]:
        """The policy without wrappers, whole, in eval mode and without gradients."""
        trainer: Any = self
        with (
            unwrap_model_for_generation(
                trainer.model_wrapped,
                trainer.accelerator,
                gradient_checkpointing_kwargs=trainer.args.gradient_checkpointing_kwargs,
            ) as model,
            torch.no_grad(),
            trainer._dist.summon_full_params(trainer.model_wrapped, recurse=False),
        ):
            training = [module for module in model.modules() if module.training]
            model.eval()
            try:
                yield model
            finally:
                for module in training:
                    module.training = True

    def _engine(self, model: Any) -> LikelihoodEngine:
        if self._engine_of is None or self._engine_of.model is not model:
            trainer: Any = self
            tokenizer = getattr(trainer.processing_class, "tokenizer", trainer.processing_class)
            options = trainer.chat_template_kwargs
            self._engine_of = LikelihoodEngine(model, tokenizer, cache_bytes=0, template_options=options)
        return self._engine_of

    # -- in the training step

    def _compute_loss(self, model: Any, inputs: Any) -> Any:
        parent: Any = super()
        loss = parent._compute_loss(model, inputs)
        trainer: Any = self
        if not self._owes or not trainer.model.training:
            return loss
        weights = self.completion_weights(inputs)
        rows = [self._owed["train"][row] for row in inputs[_ROWS].tolist()]
        found = [(each, w * float(c)) for terms, c in zip(rows, weights.tolist(), strict=True) for w, each in terms]
        if not found:
            return loss
        engine = self._engine(trainer.accelerator.unwrap_model(model))
        with trainer.accelerator.autocast():
            term = likelihood_term(engine, [each for each, _ in found], [weight for _, weight in found])
        return loss - self.likelihood_coefficient * term.to(loss)

    def completion_weights(self, inputs: Any) -> Tensor:
        """(B,) the weight that log pi(z) of each completion has in the policy loss, so that R gets the same."""
        raise TypeError(f"{type(self).__name__} has no completion_weights(inputs); write it")


class LikelihoodGRPOTrainer(_ReadsPolicy, GRPOTrainer):
    """TRL's GRPOTrainer for rewards with ``lm="policy"``.

    All arguments of GRPOTrainer, and ``likelihood_coefficient``: the weight of the reward's own gradient, 1 by Lemma 1, 0 leaves it
    out. R gets the weight of one token of its completion in the loss (1 / length under ``loss_type="grpo"``, a constant under
    ``"dr_grpo"``), times 1 - 1 / G, since GRPO's baseline includes the completion itself. With ``scale_rewards="none"`` and
    ``"dr_grpo"`` the expected gradient of the first update on a batch is in the direction of that of E[R].

    Raises:
        UserError: weights are sharded (FSDP, ZeRO-3) and the coefficient is not 0, or a reward reads the policy through
            something that has no gradient of this form.
    """

    def completion_weights(self, inputs: Any) -> Tensor:
        trainer: Any = self
        mask: Tensor = inputs["completion_mask"]
        mask = mask * inputs["tool_mask"] if "tool_mask" in inputs else mask
        lengths = mask.sum(-1)
        weights: Tensor
        size, steps = len(mask), trainer.current_gradient_accumulation_steps
        if self.loss_type in ("grpo", "sapo"):
            weights = 1.0 / (lengths.clamp(min=1) * size * steps)
        elif self.loss_type == "bnpo":
            weights = torch.ones_like(lengths) / (lengths.sum().clamp(min=1) * steps)
        elif self.loss_type == "dr_grpo":
            weights = torch.full(
                lengths.shape, 1.0 / (size * trainer.max_completion_length * steps), device=mask.device
            )
        elif self.loss_type in ("cispo", "dapo", "vespo"):
            tokens = inputs["num_items_in_batch"].clamp(min=1.0) / trainer.accelerator.num_processes
            weights = torch.ones_like(lengths) * trainer.args.steps_per_generation / (tokens * steps)
        else:
            weights = torch.full(lengths.shape, 1.0 / (size * steps), device=mask.device)
        weights = weights * (lengths > 0) * (1.0 - 1.0 / trainer.num_generations)
        return weights


class LikelihoodRLOOTrainer(_ReadsPolicy, RLOOTrainer):
    """TRL's RLOOTrainer for rewards with ``lm="policy"``; its loss with ``beta=0`` is that of Lemma 1 as it stands.

    All arguments of RLOOTrainer, and ``likelihood_coefficient``: the weight of the reward's own gradient, 1 by Lemma 1, 0 leaves it
    out.

    Raises:
        UserError: weights are sharded (FSDP, ZeRO-3) and the coefficient is not 0, or a reward reads the policy through
            something that has no gradient of this form.
    """

    def completion_weights(self, inputs: Any) -> Tensor:
        mask: Tensor = inputs["completion_mask"]
        return (mask.sum(-1) > 0) / torch.tensor(float(len(mask)), device=mask.device)
