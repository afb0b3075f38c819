"""Vision-language models on this machine, by way of transformers: log-probabilities of a text given images and a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from guerdon.errors import MissingExtra, UserError
from guerdon.frozen import FrozenDict, freeze, plain
from guerdon.models.lm import CausalLM, LogprobRequest, TokenScores
from guerdon.models.loaded import loaded
from guerdon.models.pretrained import Dtype, check_weights, hub_options, load_weights, not_loaded, shown
from guerdon.registry import register

if TYPE_CHECKING:
    from guerdon.models.lms.vision_engine import VisionEngine


@register("lm", "vision")
@dataclass(frozen=True, repr=False)
class VisionLM(CausalLM):
    """Any ``AutoModelForImageTextToText`` that predicts its text from left to right, with its processor.

    A request's images stand where its messages have image parts, or before the text of the first user message (see
    :func:`~guerdon.models.lms.vision_prompts.placed_images`); a prompt of plain text holds the model's own image tokens. The
    processor expands them; the target is tokenised by itself, so what is scored is exactly the target. An image that is missing
    or cannot be read is ``missing_data``. Equal requests are computed once, and requests that share their images and prompt run
    those once where the architecture allows it (see :class:`~guerdon.models.lms.vision_engine.VisionEngine`).

    Attributes:
        model: a hub id, or a folder with model and processor.
        revision: the hub revision.
        dtype: of the weights; "auto": as they are stored.
        device: where it runs, such as "cpu" or "cuda"; "auto": the current GPU, else the CPU.
        max_tokens: tokens of prompt, images and target together; None: what the model's configuration says. Longer ones are not
            scored.
        batch_tokens: tokens per batch, those of images and padding included; None: what suits the device.
        vocabulary_chunk: entries of the vocabulary at a time.
        processor_options: settings of the processor. Scores depend on the size images are scaled to: fix it here, for instance
            ``{"min_pixels": 262144, "max_pixels": 262144}`` for Qwen models.
        template_options: variables for the chat template.
        remote_images: whether ``http(s)`` addresses of images may be fetched.
        trust_remote_code: whether code in the model's repository may run.

    >>> VisionLM("organisation/model", dtype="bfloat16")
    VisionLM(model='organisation/model', dtype='bfloat16')
    """

    model: str
    revision: str | None = None
    dtype: Dtype = "auto"
    device: str = "auto"
    max_tokens: int | None = None
    batch_tokens: int | None = None
    vocabulary_chunk: int = 4096
    processor_options: Mapping[str, Any] = field(default_factory=FrozenDict)
    template_options: Mapping[str, Any] = field(default_factory=FrozenDict)
    remote_images: bool = False
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        for name in ("processor_options", "template_options"):
            object.__setattr__(self, name, freeze(dict(getattr(self, name))))
        check_weights(self, max_tokens=2, batch_tokens=1, vocabulary_chunk=1)

    def __repr__(self) -> str:
        return shown(self)

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        """Token scores of each request's target, in order.

        Raises:
            UserError: the model cannot be loaded, a prompt cannot be rendered, or places and images do not match.
        """
        return self.engine.logprobs(requests)

    @property
    def engine(self) -> VisionEngine:
        """The loaded model."""
        return loaded(self, self._load)

    def _load(self) -> VisionEngine:
        try:
            import PIL.Image  # noqa: F401 - asked for before minutes are spent on weights
            import torch  # noqa: F401
            from transformers import AutoModelForImageTextToText, AutoProcessor
        except ImportError as error:
            raise MissingExtra(
                "pillow" if error.name == "PIL" else str(error.name or "transformers"), extra="lm"
            ) from error
        from guerdon.models.lms.vision_engine import VisionEngine

        try:
            load: Any = AutoProcessor.from_pretrained  # ships no types
            processor = load(self.model, **hub_options(self), **plain(self.processor_options))
            model = load_weights(AutoModelForImageTextToText, self)
        except ImportError as error:
            raise UserError(f"model={self.model!r}: its processor needs more than is installed: {error}") from error
        except (OSError, ValueError) as error:
            raise not_loaded(self, "a vision-language model with its processor", error) from error
        return VisionEngine(
            model,
            processor,
            limit=self.max_tokens,
            batch_tokens=self.batch_tokens,
            vocabulary_chunk=self.vocabulary_chunk,
            template_options=self.template_options,
            remote_images=self.remote_images,
        )
