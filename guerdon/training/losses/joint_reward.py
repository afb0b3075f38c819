"""A reward model that also writes: ranking of pairs, and the likelihood of the traces it should write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.training.losses.direct_preference import Parts
from guerdon.training.losses.reward_ranking import bradley_terry_loss
from guerdon.training.losses.tensors import as_tensor

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100


def next_token_loss(logits: Any, labels: Any) -> Tensor | None:
    """Mean cross-entropy of the next token over the tokens whose label is not -100; None where all are.

    ``logits`` (B, T, V), ``labels`` (B, T); position t predicts label t + 1.

    >>> round(next_token_loss([[[0.0, 0.0], [0.0, 0.0]]], [[-100, 1]]).item(), 4)
    0.6931
    """
    import torch

    scores, wanted = as_tensor(logits)[:, :-1], torch.as_tensor(labels)[:, 1:].long()
    kept = wanted != IGNORED
    if not bool(kept.any()):
        return None
    return torch.nn.functional.cross_entropy(scores[kept], wanted[kept])


@register("objective", "joint_reward")
@dataclass(frozen=True)
class JointReward:
    """L = L_LM + ``rm_weight`` L_RM: trains a model to write a trace and to score it. L_RM alone where there is nothing to write.

    L_RM is the mean of -log sigmoid(r_chosen - r_rejected), L_LM :func:`next_token_loss` of both traces. Labels mask what is
    not learned: the prompt always, observations or the rationale if wanted. Gives ``loss``, ``ranking``, and ``language`` if any.

    Source: Themis 2023 (arXiv 2310.01045), released code: weights of 1 and 0.5, all parts of a trace alike.

    >>> parts = JointReward()([0.0], [0.0], [[[0.0, 0.0], [0.0, 0.0]]], [[-100, 1]])
    >>> {name: round(part.item(), 4) for name, part in parts.items()}
    {'loss': 1.0397, 'ranking': 0.6931, 'language': 0.6931}
    """

    rm_weight: float = 0.5

    def __post_init__(self) -> None:
        if self.rm_weight < 0:
            raise UserError(f"rm_weight={self.rm_weight} must not be negative")

    def __call__(self, chosen: Any, rejected: Any, logits: Any = None, labels: Any = None) -> Parts:
        ranking = bradley_terry_loss(chosen, rejected)
        language = None if logits is None else next_token_loss(logits, labels)
        if language is None:
            return {"loss": ranking, "ranking": ranking}
        return {"loss": language + self.rm_weight * ranking, "ranking": ranking, "language": language}
