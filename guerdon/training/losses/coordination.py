"""Losses that make a team predictable: agents predict their team-mates, or a coach's choice of sub-policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.training.losses.direct_preference import Parts
from guerdon.training.losses.tensors import as_tensor

if TYPE_CHECKING:
    from torch import Tensor


def logits_kl(real: Any, predicted: Any) -> Tensor:
    """KL(real || predicted) of the distributions of two sets of logits over the last axis, averaged over the rest.

    >>> round(logits_kl([[0.0, 0.0]], [[0.0, 0.0]]).item(), 6), logits_kl([[0.0, -1e9]], [[-1e9, 0.0]]).item() > 1e8
    (0.0, True)
    """
    from torch.nn.functional import log_softmax

    p, q = log_softmax(as_tensor(real), dim=-1), log_softmax(as_tensor(predicted), dim=-1)
    return (p.exp() * (p - q)).sum(dim=-1).mean()


def both_ways(loss: Any, real: Any, predicted: Any, *, predictor: float, predicted_weight: float) -> Tensor:
    """The loss of a prediction with one weight for what predicts and another for what is predicted.

    predictor * loss(stop(real), predicted) + predicted_weight * loss(real, stop(predicted)): the value is (predictor +
    predicted_weight) * loss, each side gets its own gradient.

    >>> both_ways(lambda a, b: ((a - b) ** 2).mean(), [1.0], [3.0], predictor=1.0, predicted_weight=0.5).item()
    6.0
    """
    a, b = as_tensor(real), as_tensor(predicted)
    total: Tensor = predictor * loss(a.detach(), b) + predicted_weight * loss(a, b.detach())
    return total


def sub_policy_masks(count: int, width: int) -> Tensor:
    """(count, width) masks of zeros and ones, one per sub-policy, that share an embedding evenly: mask k keeps the k-th part.

    Raises:
        UserError: a width that is not a multiple of the count.

    >>> sub_policy_masks(2, 4).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    """
    import torch

    if count < 1 or width < count or width % count:
        raise UserError(f"width={width} must be a positive multiple of count={count}, so that all masks have one size")
    return torch.eye(count).repeat_interleave(width // count, dim=1)


def chosen_mask(logits: Any, masks: Any, *, temperature: float = 1.0, noise: Any = None) -> Tensor:
    """(B, width) the mask of one sub-policy per sample, drawn with Gumbel noise; hard forward, soft backward (straight through).

    Args:
        logits: (B, K) of the sub-policies.
        masks: (K, width).
        temperature: of the soft choice that gradients go through.
        noise: (B, K) Gumbel noise; None: none, the likeliest sub-policy.

    >>> chosen_mask([[0.0, 3.0]], sub_policy_masks(2, 4)).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    import torch
    from torch.nn.functional import one_hot, softmax

    scores, kept = as_tensor(logits), as_tensor(masks)
    scores = scores if noise is None else scores + as_tensor(noise)
    soft = softmax(scores / temperature, dim=-1)
    hard = one_hot(scores.argmax(dim=-1), scores.shape[-1]).to(soft.dtype)
    choice: Tensor = hard - soft.detach() + soft
    return torch.matmul(choice, kept.to(soft.dtype))


@register("objective", "team_prediction")
@dataclass(frozen=True)
class TeamPrediction:
    """TeamReg: each agent predicts what its team-mates do, and is trained to be predictable itself.

    L = policy loss + mean over ordered pairs (i, j) of [lambda_1 D(stop(a_j), a_ij) + lambda_2 D(a_j, stop(a_ij))], a_ij being what
    i predicts of j; D is KL(real || predicted) of logits for discrete actions, the mean squared error for continuous ones.
    Called with ``real`` and ``predicted``, lists with one (B, A) each per pair, and optionally ``policy_loss``; gives ``loss``,
    ``team`` (the plain prediction error) and ``policy``.

    Attributes:
        predictor: lambda_1, for the agents that predict.
        predicted: lambda_2, for those predicted.
        actions: ``"discrete"`` (logits) or ``"continuous"``.

    Source: Roy et al. 2020 (arXiv 1908.02269).

    >>> parts = TeamPrediction(1.0, 0.5, actions="continuous")([[[1.0, 0.0]]], [[[0.0, 0.0]]], policy_loss=2.0)
    >>> {name: part.item() for name, part in parts.items()}
    {'loss': 2.75, 'team': 0.5, 'policy': 2.0}
    """

    predictor: float = 1.0
    predicted: float = 1.0
    actions: Literal["discrete", "continuous"] = "discrete"

    def __post_init__(self) -> None:
        if min(self.predictor, self.predicted) < 0:
            raise UserError(f"predictor={self.predictor}, predicted={self.predicted}: neither may be negative")
        if self.actions not in ("discrete", "continuous"):
            raise UserError(f"actions={self.actions!r} is unknown; choices: discrete, continuous")

    def __call__(self, real: Any, predicted: Any, *, policy_loss: Any = 0.0) -> Parts:
        if not len(real) or len(real) != len(predicted):
            raise UserError(
                f"{len(real)} real and {len(predicted)} predicted actions; give one of each per pair of agents"
            )
        distance = logits_kl if self.actions == "discrete" else _squared_error
        weights = {"predictor": self.predictor, "predicted_weight": self.predicted}
        pairs = [(as_tensor(a), as_tensor(b)) for a, b in zip(real, predicted, strict=True)]
        terms = [both_ways(distance, a, b, **weights) for a, b in pairs]
        plain = [distance(a, b).detach() for a, b in pairs]
        policy = as_tensor(policy_loss)
        return {"loss": policy + sum(terms) / len(terms), "team": sum(plain) / len(plain), "policy": policy}


@register("objective", "coached")
@dataclass(frozen=True)
class Coached:
    """CoachReg: a coach that sees everything picks one of K sub-policies for all agents, who learn to foresee its choice.

    L = policy loss + lambda_2 coached policy loss + mean_i [lambda_1 KL(stop(c) || a_i) + lambda_3 KL(c || stop(a_i))], c the
    coach's distribution over sub-policies, a_i agent i's from its own observation. The coached policy loss is the agents' policy
    loss while all use the mask of the coach's choice (:func:`chosen_mask`), so that the coach learns which plan pays; in play each
    agent uses its own choice. Called with logits ``coach`` (B, K) and ``agents`` (N, B, K), and optionally ``policy_loss`` and
    ``coached_loss``; gives ``loss``, ``agreement`` (the plain KL), ``policy`` and ``coached``.

    Attributes:
        agents: lambda_1, of the agents' agreement with the coach.
        policy: lambda_2, of the policy loss under the coach's choice.
        coach: lambda_3, of the coach's agreement with the agents: it picks what they can foresee.

    Source: Roy et al. 2020 (arXiv 1908.02269).

    >>> parts = Coached()([[0.0, 0.0]], [[[0.0, 0.0]], [[0.0, 0.0]]], policy_loss=1.0, coached_loss=0.5)
    >>> parts["loss"].item(), parts["agreement"].item()
    (1.5, 0.0)
    """

    agents: float = 1.0
    policy: float = 1.0
    coach: float = 1.0

    def __post_init__(self) -> None:
        if min(self.agents, self.policy, self.coach) < 0:
            raise UserError(f"agents={self.agents}, policy={self.policy}, coach={self.coach}: none may be negative")

    def __call__(self, coach: Any, agents: Any, *, policy_loss: Any = 0.0, coached_loss: Any = 0.0) -> Parts:
        c, own = as_tensor(coach), as_tensor(agents)
        if own.ndim != c.ndim + 1 or own.shape[1:] != c.shape or not len(own):
            raise UserError(
                f"agents has shape {tuple(own.shape)} and coach {tuple(c.shape)}; give (N, B, K) and (B, K), N at least 1"
            )
        everyone = c.expand_as(own)
        agreement = both_ways(logits_kl, everyone, own, predictor=self.agents, predicted_weight=self.coach)
        policy, coached = as_tensor(policy_loss), as_tensor(coached_loss)
        return {
            "loss": policy + self.policy * coached + agreement,
            "agreement": logits_kl(everyone, own).detach(),
            "policy": policy,
            "coached": coached,
        }


def _squared_error(real: Tensor, predicted: Tensor) -> Tensor:
    return ((real - predicted) ** 2).mean()
