"""The head of a causal language model: how its hidden states become log-probabilities, checked against the model itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from guerdon.models.lms.chunked import VOCABULARY_CHUNK, chunked_logprobs
from guerdon.models.lms.fused import fused_logprobs

if TYPE_CHECKING:
    from torch import Tensor

# By how much logits of a probe may differ from the model's own, in shares of the largest; half precision rounds them.
EXACT, ROUNDED = 1e-4, 0.03
_ROWS_WITHOUT_CHUNKS = 64


@dataclass(frozen=True, eq=False)
class Head:
    """How hidden states become logits: ``softcap * tanh(scale * module(h) / softcap)``.

    Attributes:
        kind: "weight": the head is a linear map, run in chunks of the vocabulary; "module": it is called as it is, on target rows
            only (adapters, quantised or sharded weights); "model": the architecture is unknown, its own logits are used.
        decoder: the model without its head.
        module: the output embeddings.
        scale: factor of the logits.
        softcap: bound of the logits, or None.
    """

    kind: Literal["weight", "module", "model"]
    decoder: Any = None
    module: Any = None
    scale: float = 1.0
    softcap: float | None = None

    def logprobs(
        self, hidden: Tensor, targets: Tensor, temperature: Tensor, vocabulary_chunk: int = VOCABULARY_CHUNK
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities of ``targets`` (-1: none) and log normalisers, (N,) each, of hidden states (N, d)."""
        import torch

        if self.kind == "weight":
            weight, bias = self.module.weight, self.module.bias
            hidden, targets, temperature = (t.to(weight.device) for t in (hidden, targets, temperature))
            with torch.autocast(weight.device.type, enabled=False):
                if not torch.is_grad_enabled() and self.scale == 1 and bool((temperature == 1).all()):
                    fused = fused_logprobs(hidden, weight, targets, bias, softcap=self.softcap)
                    if fused is not None:
                        return fused
                return chunked_logprobs(
                    hidden,
                    weight,
                    targets,
                    bias,
                    temperature=temperature,
                    scale=self.scale,
                    softcap=self.softcap,
                    vocabulary_chunk=vocabulary_chunk,
                )
        found = []
        for top in range(0, len(hidden), _ROWS_WITHOUT_CHUNKS):
            rows = slice(top, top + _ROWS_WITHOUT_CHUNKS)
            found.append(from_logits(self.logits(hidden[rows]), targets[rows], temperature[rows]))
        return torch.cat([lp for lp, _ in found]), torch.cat([lse for _, lse in found])

    def logits(self, hidden: Tensor) -> Tensor:
        """The logits of hidden states, (..., V), as a whole."""
        logits: Tensor = self.module(hidden)
        logits = (logits if logits.dtype.itemsize == 8 else logits.float()) * self.scale
        return logits if self.softcap is None else (logits / self.softcap).tanh() * self.softcap


def from_logits(logits: Tensor, targets: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of ``targets`` (-1: 0) and log normalisers, (N,) each, of logits (N, V)."""
    import torch

    wide = logits if logits.dtype == torch.float64 else logits.float()
    wide = wide / temperature.to(wide)[:, None]
    normaliser = wide.logsumexp(dim=-1)
    targets = targets.to(wide.device)
    picked = wide.gather(1, targets.clamp(min=0)[:, None])[:, 0]
    return torch.where(targets >= 0, picked - normaliser, 0), normaliser


def find_head(model: Any, probe: Tensor) -> Head:
    """The head of a model, such that the logits of ``probe`` (B, T) computed with it are the model's own.

    Every way of computing them is tried against ``model(probe).logits``; one that differs is not used.
    """
    import torch

    with torch.no_grad():
        expected = model(input_ids=probe, use_cache=False).logits
        module = getattr(model, "get_output_embeddings", lambda: None)()
        if module is None:
            return Head("model")
        for decoder in _decoders(model):
            try:
                hidden = decoder(input_ids=probe, use_cache=False).last_hidden_state
            except (AttributeError, TypeError, ValueError, RuntimeError):
                continue  # no decoder of this model: the next, or the model as a whole
            for scale, softcap in _settings(model):
                head = Head("module", decoder, module, scale, softcap)
                if hidden.shape[-1] == _inputs(module) and same(head.logits(hidden), expected):
                    linear = type(module) is torch.nn.Linear and module.weight.numel() > 0
                    plain = linear and not hasattr(module.weight, "full_tensor") and not hasattr(module.weight, "ds_id")
                    return Head("weight", decoder, module, scale, softcap) if plain else head
    return Head("model")


def same(found: Tensor, expected: Tensor, exact: float = EXACT) -> bool:
    """Whether two tensors agree entry by entry and in their scale: to ``exact``, or as far as half precision allows."""
    if found.shape != expected.shape:
        return False
    half = expected.dtype.itemsize < 4
    left, right = found.double(), expected.double()
    largest = float(right.abs().max())
    slope = float((left * right).sum() / (right * right).sum().clamp(min=1e-30))
    within = float((left - right).abs().max()) <= (ROUNDED if half else exact) * largest
    return within and abs(slope - 1) <= (5e-3 if half else exact)


def _decoders(model: Any) -> Iterator[Any]:
    seen = [id(model)]
    ways: tuple[Callable[[], Any], ...] = (
        lambda: model.get_decoder(),
        lambda: model.base_model,
        lambda: model.model,
        lambda: model.get_base_model().get_decoder(),
        lambda: model.get_base_model().base_model,
    )
    for find in ways:
        try:
            decoder = find()
        except AttributeError:
            continue
        if decoder is not None and id(decoder) not in seen:
            seen.append(id(decoder))
            yield decoder


def _settings(model: Any) -> Iterator[tuple[float, float | None]]:
    """Factors and bounds of the logits that the configuration may mean: they go by many names, and some divide."""
    config = model.config.get_text_config()
    named = ("logit_scale", "lm_head_multiplier", "output_multiplier", "logits_scaling", "logits_scale")
    values = [getattr(config, name, None) for name in named] + [getattr(model, "logit_scale", None)]
    numbers = [float(v) for v in values if isinstance(v, (int, float)) and v not in (0, 1)]
    scales = [1.0, *(s for v in numbers for s in (v, 1 / v))]
    cap = getattr(config, "final_logit_softcapping", None)
    caps = [float(cap), None] if cap else [None]
    return ((scale, softcap) for softcap in caps for scale in scales)


def _inputs(module: Any) -> int | None:
    size = getattr(module, "in_features", None)
    if size is None:
        weight = getattr(module, "weight", None)
        size = None if weight is None else weight.shape[-1]
    return size
