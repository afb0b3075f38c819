"""Language models on this machine, by way of transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from guerdon.errors import MissingExtra, UserError
from guerdon.frozen import FrozenDict, freeze
from guerdon.models.lm import CausalLM, LogprobRequest, TokenScores
from guerdon.models.loaded import loaded, torch_usable_after_fork
from guerdon.models.zero3 import loading_outside_zero3
from guerdon.registry import register

if TYPE_CHECKING:
    from guerdon.models.lms.engine import LikelihoodEngine

Dtype = Literal["auto", "float32", "float16", "bfloat16", "float64"]


@register("lm", "transformers")
@dataclass(frozen=True, repr=False)
class TransformersLM(CausalLM):
    """Any ``AutoModelForCausalLM``, loaded when first used and shared by equal descriptions within the process.

    Log-probabilities are summed up in float32 whatever the dtype of the weights. A prompt is run once for all requests that begin
    with it, also in later calls while it is among the most recent (see :class:`guerdon.models.lms.engine.LikelihoodEngine`).

    Attributes:
        model: a hub id, or a folder.
        revision: the hub revision.
        dtype: of the weights; "auto": as they are stored.
        device: where it runs, such as "cpu" or "cuda"; "auto": the current GPU, else the CPU.
        max_tokens: tokens of prompt and target together; None: what the model's configuration says. Longer ones are not scored.
        batch_tokens: tokens per batch, padding included; None: what suits the device.
        vocabulary_chunk: entries of the vocabulary at a time.
        cache_bytes: memory for prompts kept from call to call.
        template_options: variables for the chat template, such as ``{"enable_thinking": False}``.
        trust_remote_code: whether code in the model's repository may run.

    >>> TransformersLM("organisation/model", dtype="bfloat16")
    TransformersLM(model='organisation/model', dtype='bfloat16')
    """

    model: str
    revision: str | None = None
    dtype: Dtype = "auto"
    device: str = "auto"
    max_tokens: int | None = None
    batch_tokens: int | None = None
    vocabulary_chunk: int = 4096
    cache_bytes: int = 2**28
    template_options: Mapping[str, Any] = field(default_factory=FrozenDict)
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "template_options", freeze(dict(self.template_options)))
        if not self.model or not isinstance(self.model, str):
            raise UserError(f"model={self.model!r} must be a folder or a hub id")
        if self.dtype not in get_args(Dtype):
            raise UserError(f"dtype={self.dtype!r} is unknown; choose one of {', '.join(get_args(Dtype))}")
        for name, least in (("max_tokens", 2), ("batch_tokens", 1), ("vocabulary_chunk", 1), ("cache_bytes", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"{name}={value} must be {least} or more")

    def __repr__(self) -> str:
        said = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != (f.default_factory() if callable(f.default_factory) else f.default)
        ]
        return f"{type(self).__name__}({', '.join(said)})"

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        """Token scores of each request's target, in order.

        Raises:
            UserError: the model cannot be loaded, a request has images, or its messages cannot be rendered.
        """
        return self.engine.logprobs(requests)

    @property
    def engine(self) -> LikelihoodEngine:
        """The loaded model; its ``tensors(requests)`` gives tensors, its ``store`` counts the prompts that were known."""
        return loaded(self, self._load)

    def _load(self) -> LikelihoodEngine:
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise MissingExtra(str(error.name or "transformers"), extra="lm") from error
        from guerdon.models.lms.engine import LikelihoodEngine

        torch_usable_after_fork()
        where = {"revision": self.revision, "trust_remote_code": self.trust_remote_code}
        dtype = self.dtype if self.dtype == "auto" else getattr(torch, self.dtype)
        try:
            tokenizer = AutoTokenizer.from_pretrained(self.model, **where)
            with loading_outside_zero3():
                model: Any = AutoModelForCausalLM.from_pretrained(self.model, dtype=dtype, **where)
        except (OSError, ValueError) as error:
            raise UserError(
                f"model={self.model!r} cannot be loaded as a causal language model "
                f"({' '.join(str(error).split())[:300]}); give a folder, or a hub id this machine can reach"
            ) from error
        return LikelihoodEngine(
            model.to(self._device()).eval().requires_grad_(False),
            tokenizer,
            limit=self.max_tokens,
            batch_tokens=self.batch_tokens,
            vocabulary_chunk=self.vocabulary_chunk,
            cache_bytes=self.cache_bytes,
            template_options=self.template_options,
        )

    def _device(self) -> str:
        if self.device != "auto":
            return self.device
        import torch

        return f"cuda:{torch.cuda.current_device()}" if torch.cuda.is_available() else "cpu"
