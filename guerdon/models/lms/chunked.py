"""Log-probabilities of given tokens from hidden states and head, in chunks of the vocabulary: the N x V logits never exist."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from guerdon.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

VOCABULARY_CHUNK = 4096
ROW_CHUNK = 1024


def chunked_logprobs(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    bias: Tensor | None = None,
    *,
    temperature: float | Tensor = 1.0,
    scale: float = 1.0,
    softcap: float | None = None,
    vocabulary_chunk: int = VOCABULARY_CHUNK,
    row_chunk: int = ROW_CHUNK,
) -> tuple[Tensor, Tensor]:
    """``(logprobs, logsumexp)``, both (N,) float32, of the logits ``softcap * tanh(scale (h W' + b) / softcap) / temperature``.

    The normaliser is accumulated over chunks of the vocabulary in float32, whatever the dtype of ``hidden`` and ``weight``
    (float64 stays float64). Differentiable in ``hidden``, ``weight`` and ``bias``: the backward pass computes each chunk anew, so
    that memory stays at ``row_chunk * vocabulary_chunk`` numbers in both directions.

    Args:
        hidden: (N, d).
        weight: (V, d).
        targets: (N,) token ids; -1 where only the normaliser is wanted: the log-probability is 0 there.
        bias: (V,) or None.
        temperature: a number, or one per row.
        scale: factor of the logits (Cohere, Granite).
        softcap: bound of the logits (Gemma), or None.
        vocabulary_chunk: columns at a time.
        row_chunk: rows at a time.

    >>> import torch
    >>> h, w = torch.randn(3, 4), torch.randn(7, 4)
    >>> found, _ = chunked_logprobs(h, w, torch.tensor([0, 6, 2]), vocabulary_chunk=2)
    >>> exact = torch.log_softmax(h @ w.T, dim=-1)[torch.arange(3), torch.tensor([0, 6, 2])]
    >>> bool(torch.allclose(found, exact, atol=1e-5))
    True
    """
    import torch

    if vocabulary_chunk < 1 or row_chunk < 1:
        raise UserError(f"vocabulary_chunk={vocabulary_chunk} and row_chunk={row_chunk} must be 1 or more")
    if len(targets) != len(hidden):
        raise UserError(f"targets has {len(targets)} entries for {len(hidden)} rows of hidden")
    kept = torch.float64 if hidden.dtype == torch.float64 else torch.float32
    each = torch.as_tensor(temperature, dtype=kept, device=hidden.device).expand(len(hidden))
    found: tuple[Tensor, Tensor] = _function().apply(
        hidden, weight, targets, bias, each, scale, softcap, vocabulary_chunk, row_chunk
    )
    return found


def _logits(rows: Tensor, columns: Tensor, bias: Tensor | None, kept: Any) -> Tensor:
    """``rows @ columns.T + bias``, products and sums in ``kept``."""
    import torch

    if rows.is_cuda and rows.dtype == columns.dtype and rows.dtype in (torch.bfloat16, torch.float16):
        try:  # half-precision factors, float32 sums and result: no copy of the head in float32
            logits = torch.mm(rows, columns.t(), out_dtype=kept)
        except TypeError:  # before torch 2.8
            logits = rows.to(kept) @ columns.to(kept).t()
    else:
        logits = rows.to(kept) @ columns.to(kept).t()
    return logits if bias is None else logits.add_(bias.to(kept))


@cache
def _function() -> Any:
    """The differentiable function; made when torch is first needed."""
    import torch

    class ChunkedLogprobs(torch.autograd.Function):
        @staticmethod
        def forward(
            ctx: Any,
            hidden: Tensor,
            weight: Tensor,
            targets: Tensor,
            bias: Tensor | None,
            temperature: Tensor,
            scale: float,
            softcap: float | None,
            vocabulary_chunk: int,
            row_chunk: int,
        ) -> tuple[Tensor, Tensor]:
            kept = temperature.dtype
            logprobs = torch.zeros(len(hidden), dtype=kept, device=hidden.device)
            normaliser = torch.empty_like(logprobs)
            for top in range(0, len(hidden), row_chunk):
                rows = slice(top, top + row_chunk)
                chosen, inverse = targets[rows], temperature[rows].reciprocal()
                largest = torch.full_like(normaliser[rows], -torch.inf)
                total, picked = torch.zeros_like(largest), torch.zeros_like(largest)
                for left in range(0, len(weight), vocabulary_chunk):
                    columns = slice(left, left + vocabulary_chunk)
                    logits = _logits(hidden[rows], weight[columns], None if bias is None else bias[columns], kept)
                    logits = _shaped(logits, scale, softcap).mul_(inverse[:, None])
                    here = (chosen >= left) & (chosen < left + logits.shape[1])
                    at = torch.where(here, chosen - left, 0)
                    picked += torch.where(here, logits.gather(1, at[:, None])[:, 0], 0)
                    before, largest = largest, torch.maximum(largest, logits.amax(dim=1))
                    # A row whose logits are all -inf so far has sum 0, not NaN.
                    level = torch.where(largest == -torch.inf, 0, largest)
                    total *= torch.exp(before - level)
                    total += logits.sub_(level[:, None]).exp_().sum(dim=1)
                normaliser[rows] = largest + torch.log(total)
                logprobs[rows] = torch.where(chosen >= 0, picked - normaliser[rows], 0)
            ctx.save_for_backward(hidden, weight, targets, bias, temperature, normaliser)
            ctx.settings = (scale, softcap, vocabulary_chunk, row_chunk)
            return logprobs, normaliser

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
            hidden, weight, targets, bias, temperature, normaliser = ctx.saved_tensors
            scale, softcap, vocabulary_chunk, row_chunk = ctx.settings
            kept = temperature.dtype
            wants_hidden, wants_weight, _, wants_bias = ctx.needs_input_grad[:4]
            to_hidden = torch.zeros(hidden.shape, dtype=kept, device=hidden.device) if wants_hidden else None
            to_weight = torch.zeros(weight.shape, dtype=kept, device=hidden.device) if wants_weight else None
            to_bias = torch.zeros(len(weight), dtype=kept, device=hidden.device) if wants_bias else None
            for_logprob = torch.where(targets >= 0, gradients[0], 0)
            for_softmax = gradients[1] - for_logprob
            for top in range(0, len(hidden), row_chunk):
                rows = slice(top, top + row_chunk)
                chosen, inverse = targets[rows], temperature[rows].reciprocal()[:, None]
                for left in range(0, len(weight), vocabulary_chunk):
                    columns = slice(left, left + vocabulary_chunk)
                    raw = _logits(hidden[rows], weight[columns], None if bias is None else bias[columns], kept)
                    logits = _shaped(raw, scale, softcap)
                    slope = inverse * scale
                    if softcap is not None:
                        slope = slope * (1 - (logits / softcap).square())
                    flow = logits.mul(inverse).sub_(normaliser[rows, None]).exp_().mul_(for_softmax[rows, None])
                    here = (chosen >= left) & (chosen < left + flow.shape[1])
                    at = torch.where(here, chosen - left, 0)
                    flow.scatter_add_(1, at[:, None], torch.where(here, for_logprob[rows], 0)[:, None])
                    flow *= slope
                    if to_hidden is not None:
                        to_hidden[rows] += flow @ weight[columns].to(kept)
                    if to_weight is not None:
                        to_weight[columns] += flow.t() @ hidden[rows].to(kept)
                    if to_bias is not None:
                        to_bias[columns] += flow.sum(dim=0)
            return (
                None if to_hidden is None else to_hidden.to(hidden.dtype),
                None if to_weight is None else to_weight.to(weight.dtype),
                None,
                None if to_bias is None else to_bias.to(bias.dtype),
                *(None,) * 5,
            )

    return ChunkedLogprobs


def _shaped(logits: Tensor, scale: float, softcap: float | None) -> Tensor:
    """Logits after the model's own scale and bound; may write over ``logits``."""
    if scale != 1.0:
        logits = logits.mul_(scale)
    return logits if softcap is None else logits.div_(softcap).tanh_().mul_(softcap)
