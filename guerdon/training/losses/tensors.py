"""Numbers as tensors, so that losses take lists and arrays too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guerdon.errors import MissingExtra

if TYPE_CHECKING:
    from torch import Tensor


def as_tensor(values: Any) -> Tensor:
    """The tensor itself, or a float64 tensor of a number, list or array.

    Raises:
        MissingExtra: torch is not installed.

    >>> as_tensor([1, 2]).tolist()
    [1.0, 2.0]
    """
    try:
        import torch
    except ImportError:
        raise MissingExtra("torch", extra="train") from None
    return values if isinstance(values, torch.Tensor) else torch.as_tensor(values, dtype=torch.float64)


def neg_log_sigmoid(margin: Tensor) -> Tensor:
    """-log sigmoid(margin), without overflow.

    >>> neg_log_sigmoid(as_tensor([-1000.0])).tolist()
    [1000.0]
    """
    from torch.nn.functional import softplus

    return softplus(-margin)
