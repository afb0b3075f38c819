"""Apple's cut-cross-entropy kernel for the head on CUDA, where it is installed and exact enough; never needed."""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from guerdon.models.lms.chunked import chunked_logprobs

if TYPE_CHECKING:
    from torch import Tensor

# Nats by which the kernel may differ from chunks in float32 on the rows it is tried on.
EXACT = 1e-3
_TRIED_ROWS = 16


def fused_logprobs(
    hidden: Tensor, weight: Tensor, targets: Tensor, bias: Tensor | None = None, *, softcap: float | None = None
) -> tuple[Tensor, Tensor] | None:
    """``(logprobs, logsumexp)`` as of :func:`~guerdon.models.lms.chunked.chunked_logprobs` at temperature 1; no gradient.

    None where the kernel is of no use: not installed, not half precision on CUDA, or, on the first rows it was given in this
    process under these dtypes and shapes, more than 0.001 nats from the chunks (then with a warning).

    >>> import torch
    >>> fused_logprobs(torch.zeros(1, 2), torch.zeros(3, 2), torch.tensor([0])) is None
    True
    """
    import torch

    if not hidden.is_cuda or hidden.dtype != weight.dtype or hidden.dtype not in (torch.float16, torch.bfloat16):
        return None
    return checked(hidden, weight, targets, bias, softcap)


def checked(
    hidden: Tensor, weight: Tensor, targets: Tensor, bias: Tensor | None, softcap: float | None
) -> tuple[Tensor, Tensor] | None:
    """The kernel's numbers once it was seen to agree with the chunks, else None."""
    kernel = _kernel()
    kind = (str(hidden.device), hidden.dtype, tuple(weight.shape), bias is not None, softcap)
    if kernel is None or _agrees.get(kind) is False:
        return None
    try:
        if kind not in _agrees:
            few = slice(0, _TRIED_ROWS)
            tried = _scored(kernel, hidden[few], weight, targets[few], bias, softcap)
            sure = chunked_logprobs(hidden[few], weight, targets[few], bias, softcap=softcap)
            apart = max(float((a - b).abs().max()) for a, b in zip(tried, sure, strict=True))
            _agrees[kind] = apart <= EXACT
            if not _agrees[kind]:
                warnings.warn(
                    f"cut-cross-entropy is {apart:.2g} nats off here and not used", RuntimeWarning, stacklevel=2
                )
                return None
        return _scored(kernel, hidden, weight, targets, bias, softcap)
    except Exception as error:  # a kernel that does not compile on this GPU, a release with another signature
        _agrees[kind] = False
        warnings.warn(f"cut-cross-entropy fails here and is not used: {error}", RuntimeWarning, stacklevel=2)
        return None


# Whether the kernel was seen to agree, by device, dtype and shape.
_agrees: dict[tuple[Any, ...], bool] = {}


def _scored(
    kernel: Any, hidden: Tensor, weight: Tensor, targets: Tensor, bias: Tensor | None, softcap: float | None
) -> tuple[Tensor, Tensor]:
    import torch

    chosen = targets.clamp(min=0)
    loss = kernel(hidden, weight, chosen, bias=bias, softcap=softcap, reduction="none").float()
    picked = (hidden.float() * weight[chosen].float()).sum(dim=1)
    picked = picked if bias is None else picked + bias[chosen].float()
    picked = picked if softcap is None else softcap * torch.tanh(picked / softcap)
    return torch.where(targets >= 0, -loss, 0), loss + picked


@cache
def _kernel() -> Any:
    try:
        return importlib.import_module("cut_cross_entropy").linear_cross_entropy
    except (ImportError, AttributeError):
        return None
