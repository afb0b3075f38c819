"""Image adherence: a judge that sees says which of two images follows the prompt better, looks apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.images import UnreadableImage, data_url, read_image
from guerdon.models.judge import Comparison, PairwiseProtocol, Verdict
from guerdon.registry import register
from guerdon.text.fences import FENCE_RULE, fenced
from guerdon.text.json_reply import json_reply
from guerdon.text.trajectory import prompt_text

PREFERENCES = {"image_a": 1.0, "image_b": 0.0, "tie": 0.5}

_TASK = """You judge how faithfully images follow the text they were generated from. Beauty, realism and artistic quality do not \
count: only whether what the text asks for is there, and nothing that contradicts it."""
_STEPS = """Go through the text and list what it demands:
- subjects and objects
- actions and poses
- attributes: colour, size, material, texture
- composition and layout
- style and mood
- writing that should appear
- spatial relations
- numbers of things
Then check Image A against the list: what is right, what is missing or wrong, what was added. Do the same for Image B. Then \
compare the two. Prefer the image that gets more of the list right; if they are about equally faithful, it is a tie.
Reply with one JSON object and nothing else:
{"reasoning": "<findings on A, findings on B, comparison>", "preference": "image_a" | "image_b" | "tie"}"""


@register("protocol", "image_adherence")
@dataclass(frozen=True)
class ImageAdherence(PairwiseProtocol):
    """How much better the first of two images follows the prompt: 1 the first, 0 the second, 0.5 a tie.

    ``first`` and ``second`` of the comparison are images in any form :func:`~guerdon.models.images.read_image` takes, sent as JPEG.
    A reply that is no JSON object with one of the three preferences is undecided. The prompt is ours; the released one asks the
    same.

    Raises:
        UnreadableImage: in ``ask``, an image that cannot be read; leave such a pair out.

    Source: DenseAlignBench of PromptEcho 2026 (arXiv 2604.12652): temperature 0.3, JPEG quality 95, random order.

    >>> ImageAdherence().read(ChatReply('{"reasoning": "", "preference": "image_b"}')).value
    0.0
    """

    temperature: float = 0.3
    quality: int = 95
    max_tokens: int | None = None
    remote_images: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise UserError(f"quality={self.quality} must lie in 1..100")

    def ask(self, comparison: Comparison) -> ChatRequest:
        asked = comparison.prompt if isinstance(comparison.prompt, str) else prompt_text(comparison.prompt)
        content: list[dict[str, Any]] = [{"type": "text", "text": f"{fenced('PROMPT', asked)}\n\n{_STEPS}"}]
        for name, image in (("Image A:", comparison.first), ("Image B:", comparison.second)):
            address = data_url(read_image(image, remote=self.remote_images), quality=self.quality)
            content += [{"type": "text", "text": name}, {"type": "image_url", "image_url": {"url": address}}]
        messages = ({"role": "system", "content": f"{_TASK}\n\n{FENCE_RULE}"}, {"role": "user", "content": content})
        return ChatRequest(messages, temperature=self.temperature, max_tokens=self.max_tokens)

    def read(self, reply: ChatReply) -> Verdict:
        said = json_reply(reply.text) if reply.arrived else None
        said = said if isinstance(said, dict) else {}
        preference = said.get("preference")
        if not isinstance(preference, str) or preference not in PREFERENCES:
            return Verdict.unread(reply)
        return Verdict(PREFERENCES[preference], critique=str(said.get("reasoning", "")))


__all__ = ["PREFERENCES", "ImageAdherence", "UnreadableImage"]
