"""Losses that train a reward model: preference pairs, ordered levels, and an anchor to the model it began as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.training.losses.direct_preference import Parts
from guerdon.training.losses.tensors import as_tensor, neg_log_sigmoid

if TYPE_CHECKING:
    from torch import Tensor


def bradley_terry_loss(better: Any, worse: Any, *, l2: float = 0.0) -> Tensor:
    """mean of -log sigmoid(r_better - r_worse) + l2 (r_better^2 + r_worse^2) / 2; the second term keeps rewards small.

    >>> round(bradley_terry_loss([1.0], [1.0], l2=0.1).item(), 4)
    0.7931
    """
    a, b = as_tensor(better), as_tensor(worse)
    return (neg_log_sigmoid(a - b) + l2 * 0.5 * (a**2 + b**2)).mean()


def ordinal_ranking_loss(levels: Sequence[Any], *, pair_weights: Sequence[float] = (), l2: float = 0.0) -> Tensor:
    """mean over the pairs of levels of weight times :func:`bradley_terry_loss`; ``levels`` from best to worst, each (B,).

    The pairs are those of ``itertools.combinations(levels, 2)``; the mean divides by how many there are, whatever they weigh.

    Raises:
        UserError: fewer than two levels, or weights for another number of pairs.

    >>> round(ordinal_ranking_loss([[0.0], [0.0], [0.0]]).item(), 4)
    0.6931
    """
    pairs = list(combinations(levels, 2))
    weights = tuple(pair_weights) or (1.0,) * len(pairs)
    if not pairs or len(weights) != len(pairs):
        raise UserError(
            f"{len(levels)} levels make {len(pairs)} pairs and pair_weights holds {len(weights)}; give one each"
        )
    losses = [weight * bradley_terry_loss(a, b, l2=l2) for weight, (a, b) in zip(weights, pairs, strict=True)]
    return sum(losses[1:], losses[0]) / len(losses)


def anchor_loss(
    teacher: Any, student: Any, *, coefficient: float = 0.01, reduction: Literal["sum", "mean"] = "sum"
) -> Tensor:
    """coefficient times the sum of (r_teacher - r_student)^2 over replayed texts, so that what was learned first is kept.

    A sum grows with the batch: with larger batches lower the coefficient, or take ``"mean"``. No gradient reaches the teacher.

    >>> round(anchor_loss([3.0], [0.0], coefficient=0.1).item(), 3)
    0.9
    """
    if reduction not in ("sum", "mean"):
        raise UserError(f"reduction={reduction!r} is unknown; choices: sum, mean")
    squares = (as_tensor(teacher).detach() - as_tensor(student)) ** 2
    return coefficient * (squares.sum() if reduction == "sum" or not squares.numel() else squares.mean())


@register("objective", "continual_preference")
@dataclass(frozen=True)
class ContinualPreference:
    """Ranking of levels plus anchor: trains a reward model on a new order without losing the old one.

    Called with the levels' rewards from best to worst, and ``teacher`` and ``student`` rewards of replayed texts; gives ``loss``,
    ``ranking`` and ``anchor``.

    Attributes:
        pair_weights: of the pairs of levels, in the order of ``itertools.combinations``.
        l2: of the magnitude penalty in each pair.
        anchor: coefficient of the replay term; 0 without.
        reduction: of the replay term.

    Source: Lee et al. 2024, ReMoDetect (arXiv 2405.17382); constants of the released training script.

    >>> parts = ContinualPreference()([3.0], [1.0], [-1.0], teacher=[1.0], student=[1.0])
    >>> round(parts["loss"].item(), 4), parts["anchor"].item()
    (0.0593, 0.0)
    """

    pair_weights: tuple[float, ...] = (0.35, 1.0, 0.35)
    l2: float = 0.01
    anchor: float = 0.01
    reduction: Literal["sum", "mean"] = "sum"

    def __post_init__(self) -> None:
        object.__setattr__(self, "pair_weights", tuple(self.pair_weights))
        if any(w < 0 for w in (*self.pair_weights, self.l2, self.anchor)):
            raise UserError(
                f"pair_weights={self.pair_weights}, l2={self.l2}, anchor={self.anchor}: none may be negative"
            )

    def __call__(self, *levels: Any, teacher: Any = (), student: Any = ()) -> Parts:
        ranking = ordinal_ranking_loss(levels, pair_weights=self.pair_weights, l2=self.l2)
        anchor = anchor_loss(teacher, student, coefficient=self.anchor, reduction=self.reduction)
        return {"loss": ranking + anchor, "ranking": ranking, "anchor": anchor}
