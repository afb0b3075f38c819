"""Direct preference losses, and their regularisation by token rewards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.training.losses.tensors import as_tensor, neg_log_sigmoid

if TYPE_CHECKING:
    from torch import Tensor

Reduction = Literal["sum", "mean"]
Parts = dict[str, Any]


def dpo_loss(chosen_ratio: Any, rejected_ratio: Any, *, beta: float) -> Tensor:
    """-log sigmoid(beta (chosen - rejected)) per pair, of log pi / pi_ref of the whole responses; (B,) or a scalar.

    >>> round(dpo_loss(0.0, 0.0, beta=0.1).item(), 4)
    0.6931
    """
    return neg_log_sigmoid(beta * (as_tensor(chosen_ratio) - as_tensor(rejected_ratio)))


def simpo_loss(chosen_average: Any, rejected_average: Any, *, beta: float, gamma: float = 0.0) -> Tensor:
    """-log sigmoid(beta (chosen - rejected) - gamma) per pair, of the responses' mean log-probabilities; no reference model.

    >>> round(simpo_loss(-1.0, -2.0, beta=2.0, gamma=2.0).item(), 4)
    0.6931
    """
    return neg_log_sigmoid(beta * (as_tensor(chosen_average) - as_tensor(rejected_average)) - gamma)


def implicit_token_rewards(policy_logps: Any, ref_logps: Any, *, beta: float) -> Tensor:
    """beta (log pi - log pi_ref) per token: the token rewards that a policy trained by DPO stands for.

    >>> implicit_token_rewards([-1.0], [-0.5], beta=0.1).tolist()
    [-0.05]
    """
    return beta * (as_tensor(policy_logps) - as_tensor(ref_logps))


def token_similarity(policy_logps: Any, ref_logps: Any, token_rewards: Any, *, beta: float) -> Tensor:
    """sum_t r_t rhat_t: how far the implicit token rewards agree with given ones; what the regulariser raises.

    >>> round(token_similarity([-1.0, -0.2], [-0.5, -0.9], [0.3, -0.4], beta=0.1).item(), 3)
    -0.043
    """
    return (implicit_token_rewards(policy_logps, ref_logps, beta=beta) * as_tensor(token_rewards)).sum(-1)


def token_regularizer(
    policy_logps: Any, token_rewards: Any, *, beta: float, mask: Any = None, reduction: Reduction = "sum"
) -> Tensor:
    """-sum_t beta rhat_t log pi(y_t): raises tokens of positive reward and lowers those of negative reward; (B,) or a scalar.

    Args:
        policy_logps, token_rewards: (..., T); what ``mask`` leaves out may hold anything finite.
        mask: (..., T) which tokens belong to the response; default all.
        reduction: ``"mean"`` divides by the number of tokens (at least 1).
    """
    if reduction not in ("sum", "mean"):
        raise UserError(f"reduction={reduction!r} is unknown; choices: sum, mean")
    logps, rewards = as_tensor(policy_logps), as_tensor(token_rewards)
    if logps.shape != rewards.shape:
        raise UserError(f"policy_logps has shape {tuple(logps.shape)} and token_rewards {tuple(rewards.shape)}")
    kept = rewards * as_tensor(mask).to(rewards) if mask is not None else rewards
    # A token of reward 0 takes no part, not even where its log-probability is -inf.
    terms = -beta * kept * logps.masked_fill(kept == 0, 0.0)
    total = terms.sum(-1)
    if reduction == "sum":
        return total
    count = as_tensor(mask).sum(-1).to(total) if mask is not None else total.new_full(total.shape, logps.shape[-1])
    return total / count.clamp(min=1)


def dpo_reg_loss(
    policy_logps_chosen: Any,
    ref_logps_chosen: Any,
    policy_logps_rejected: Any,
    ref_logps_rejected: Any,
    token_rewards_chosen: Any,
    token_rewards_rejected: Any,
    *,
    beta: float = 0.1,
    alpha: float = 0.25,
    mask_chosen: Any = None,
    mask_rejected: Any = None,
    reduction: Reduction = "sum",
) -> Parts:
    """L_DPO + alpha w (L_REG(y_w) + L_REG(y_l)), averaged over pairs; w = sigmoid(r(y_l) - r(y_w)) carries no gradient.

    r = beta (log pi - log pi_ref) of the whole response; L_REG as in :func:`token_regularizer`. All arguments (..., T), log-
    probabilities of the response's tokens. With alpha = 0, or token rewards of 0, it is DPO.

    Returns:
        ``loss``, ``dpo_loss``, ``sequence_weight``, ``reg_chosen``, ``reg_rejected``: scalars, means over pairs.

    Source: Zhou et al. 2024, T-REG (arXiv 2412.02685); sum reduction and the detached weight where the paper leaves it open.

    >>> parts = dpo_reg_loss([-1.0], [-1.0], [-1.0], [-1.0], [0.4], [-0.4], beta=1.0, alpha=0.5)
    >>> {name: round(value.item(), 3) for name, value in parts.items()}
    {'loss': 0.693, 'dpo_loss': 0.693, 'sequence_weight': 0.5, 'reg_chosen': 0.4, 'reg_rejected': -0.4}
    """
    ratios = [
        _total(policy, mask) - _total(reference, mask)
        for policy, reference, mask in (
            (policy_logps_chosen, ref_logps_chosen, mask_chosen),
            (policy_logps_rejected, ref_logps_rejected, mask_rejected),
        )
    ]
    chosen = token_regularizer(
        policy_logps_chosen, token_rewards_chosen, beta=beta, mask=mask_chosen, reduction=reduction
    )
    rejected = token_regularizer(
        policy_logps_rejected, token_rewards_rejected, beta=beta, mask=mask_rejected, reduction=reduction
    )
    weight = sequence_weight(beta * (ratios[0] - ratios[1]))
    return _parts("dpo_loss", dpo_loss(*ratios, beta=beta), weight, chosen, rejected, alpha)


def simpo_reg_loss(
    policy_logps_chosen: Any,
    policy_logps_rejected: Any,
    token_rewards_chosen: Any,
    token_rewards_rejected: Any,
    *,
    beta: float = 2.0,
    gamma: float = 1.0,
    alpha: float = 0.25,
    mask_chosen: Any = None,
    mask_rejected: Any = None,
    reduction: Reduction = "mean",
) -> Parts:
    """L_SimPO + alpha w (L_REG(y_w) + L_REG(y_l)): :func:`dpo_reg_loss` with SimPO's length-averaged rewards and its margin.

    w = sigmoid(gamma - beta (mean log pi(y_w) - mean log pi(y_l))), without gradient. The formula is our reading: the paper
    names the variant and does not write it out.

    Returns:
        ``loss``, ``simpo_loss``, ``sequence_weight``, ``reg_chosen``, ``reg_rejected``.
    """
    chosen, rejected = (
        token_regularizer(logps, rewards, beta=beta, mask=mask, reduction=reduction)
        for logps, rewards, mask in (
            (policy_logps_chosen, token_rewards_chosen, mask_chosen),
            (policy_logps_rejected, token_rewards_rejected, mask_rejected),
        )
    )
    averages = [_average(policy_logps_chosen, mask_chosen), _average(policy_logps_rejected, mask_rejected)]
    weight = sequence_weight(beta * (averages[0] - averages[1]) - gamma)
    return _parts("simpo_loss", simpo_loss(*averages, beta=beta, gamma=gamma), weight, chosen, rejected, alpha)


def sequence_weight(margin: Any) -> Tensor:
    """sigmoid(-margin), without gradient: how far the pair is from being ordered, the weight of DPO's own gradient.

    >>> sequence_weight(0.0).item()
    0.5
    """
    return (-as_tensor(margin).detach()).sigmoid()


@register("objective", "token_regularized_preference")
@dataclass(frozen=True)
class TokenRegularizedPreference:
    """The training objective of T-REG with its constants: called with log-probabilities and token rewards, gives the loss's parts.

    Attributes:
        beta, alpha: scale of the rewards, weight of the regulariser.
        base: ``"dpo"`` or ``"simpo"``, which takes no reference log-probabilities.
        gamma: margin of SimPO.
        reduction: of the regulariser over tokens.

    >>> objective = TokenRegularizedPreference(beta=1.0, alpha=0.0)
    >>> round(objective([-1.0], [-2.0], [-1.0], [-2.0], [0.1], [0.1])["loss"].item(), 4)
    0.6931
    """

    beta: float = 0.1
    alpha: float = 0.25
    base: Literal["dpo", "simpo"] = "dpo"
    gamma: float = 0.0
    reduction: Reduction = "sum"

    def __post_init__(self) -> None:
        if self.base not in ("dpo", "simpo"):
            raise UserError(f"base={self.base!r} is unknown; choices: dpo, simpo")
        if not self.beta > 0 or not self.alpha >= 0:
            raise UserError(f"beta={self.beta!r} must be above 0 and alpha={self.alpha!r} at least 0")

    def __call__(self, *logps_and_rewards: Any, **masks: Any) -> Parts:
        options: dict[str, Any] = {"beta": self.beta, "alpha": self.alpha, "reduction": self.reduction, **masks}
        if self.base == "simpo":
            return partial(simpo_reg_loss, gamma=self.gamma, **options)(*logps_and_rewards)
        return partial(dpo_reg_loss, **options)(*logps_and_rewards)


def _parts(name: str, base: Tensor, weight: Tensor, chosen: Tensor, rejected: Tensor, alpha: float) -> Parts:
    loss = base + alpha * weight * (chosen + rejected) if alpha else base
    whole = {"loss": loss, name: base, "sequence_weight": weight, "reg_chosen": chosen, "reg_rejected": rejected}
    return {part: value.mean() for part, value in whole.items()}


def _total(logps: Any, mask: Any) -> Tensor:
    given = as_tensor(logps)
    return (given if mask is None else given.masked_fill(as_tensor(mask) == 0, 0.0)).sum(-1)


def _average(logps: Any, mask: Any) -> Tensor:
    given = as_tensor(logps)
    total = _total(given, mask)
    count = total.new_full(total.shape, given.shape[-1]) if mask is None else as_tensor(mask).sum(-1).to(total)
    return total / count.clamp(min=1)
