"""Language models on this machine, by way of transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from guerdon.frozen import FrozenDict, freeze
from guerdon.models.lm import CausalLM, LogprobRequest, TokenScores
from guerdon.models.loaded import loaded
from guerdon.models.pretrained import Dtype, check_weights, load_causal_lm, shown
from guerdon.registry import register

if TYPE_CHECKING:
    from guerdon.models.lms.engine import LikelihoodEngine


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
        check_weights(self, max_tokens=2, batch_tokens=1, vocabulary_chunk=1, cache_bytes=0)

    def __repr__(self) -> str:
        return shown(self)

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
        model, tokenizer = load_causal_lm(self)
        from guerdon.models.lms.engine import LikelihoodEngine

        return LikelihoodEngine(
            model,
            tokenizer,
            limit=self.max_tokens,
            batch_tokens=self.batch_tokens,
            vocabulary_chunk=self.vocabulary_chunk,
            cache_bytes=self.cache_bytes,
            template_options=self.template_options,
        )
