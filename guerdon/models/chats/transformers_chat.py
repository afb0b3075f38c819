"""A chat model on this machine, by way of transformers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from guerdon.frozen import FrozenDict, freeze
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.models.chats.spending import Spending
from guerdon.models.loaded import loaded
from guerdon.models.pretrained import check_weights, load_causal_lm
from guerdon.registry import register

if TYPE_CHECKING:
    from guerdon.models.chats.generation import Generator

Dtype = Literal["auto", "float32", "float16", "bfloat16"]


@register("chat", "transformers")
@dataclass(frozen=True)
class TransformersChat(ChatModel):
    """Any ``AutoModelForCausalLM`` with a chat template, loaded when first used and shared by equal descriptions.

    Requests are answered in left-padded batches of similar length, equal repeatable ones once. Sampling draws each request's tokens
    from its own seed, so a reply does not depend on what else is in the batch (but for rounding). ``choices`` are enforced token by
    token; ``schema`` is not. A reply that reaches its limit of tokens is ``TRUNCATED``; a conversation longer than the model's
    context ``INSTRUMENT_ERROR``.

    Attributes:
        model: a hub id, or a folder. revision: the hub revision.
        dtype: of the weights; "auto": as they are stored.
        device: where it runs, such as "cpu" or "cuda"; "auto": the current GPU, else the CPU.
        max_tokens: tokens of a reply where the request does not say.
        batch_tokens: tokens of a batch, prompts, replies and padding together.
        template_options: variables for the chat template, such as ``{"enable_thinking": False}``.
        trust_remote_code: whether code in the model's repository may run.

    Raises:
        UserError: the model cannot be loaded, or has no chat template.
    """

    model: str
    revision: str | None = None
    dtype: Dtype = "auto"
    device: str = "auto"
    max_tokens: int = 1024
    batch_tokens: int = 16_384
    template_options: Mapping[str, Any] = field(default_factory=FrozenDict)
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "template_options", freeze(dict(self.template_options)))
        check_weights(self, dtypes=get_args(Dtype), max_tokens=1, batch_tokens=1)

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        """One reply per request, in order. Runs in a thread; cancelled, it stops at the next token."""
        stopped = threading.Event()
        distinct: dict[Any, int] = {}
        places = [
            distinct.setdefault(request if request.repeatable else object(), len(distinct)) for request in requests
        ]
        asked = {place: request for request, place in zip(requests, places, strict=True)}
        try:
            found = await asyncio.to_thread(self._generated, [asked[place] for place in range(len(asked))], stopped)
        finally:
            stopped.set()
        spent = Spending(calls=len(asked), shared=len(requests) - len(asked))
        for reply in found:
            spent.failed += not reply.arrived
            spent.tokens_in += reply.usage.get("tokens_in", 0.0)
            spent.tokens_out += reply.usage.get("tokens_out", 0.0)
        spent.tell()
        return [found[place] for place in places]

    def _generated(self, requests: Sequence[ChatRequest], stopped: threading.Event) -> list[ChatReply]:
        return self.generator.replies(requests, stopped) if requests else []

    @property
    def generator(self) -> Generator:
        """The loaded model."""
        return loaded(self, self._load)

    def _load(self) -> Generator:
        model, tokenizer = load_causal_lm(self, padding_side="left")
        from guerdon.models.chats.generation import Generator

        return Generator(
            model,
            tokenizer,
            max_tokens=self.max_tokens,
            batch_tokens=self.batch_tokens,
            template_options=self.template_options,
        )
