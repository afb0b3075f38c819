"""Prompts with images: which image stands at which place of the messages, and how a processor's chat template writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guerdon.errors import UserError
from guerdon.models.images import image_of_part, is_image_part
from guerdon.models.lms.spans import messages
from guerdon.models.lms.templates import ChatTemplate, Messages

_SENTINEL = "Guerdonsentinela"


def placed_images(prompt: Any, images: Sequence[Any]) -> tuple[Any, list[Any]]:
    """A prompt whose image parts only keep places, and the images in the order of these places.

    A content part ``{"type": "image"}`` takes the next of ``images``; one that carries its image (under ``image``, ``url``,
    ``path``, ... or OpenAI's ``image_url``) keeps it. Messages without any image part get ``images`` at the beginning of the first
    user message. A prompt of plain text stays as it is; its places are the model's own image tokens.

    Raises:
        UserError: more or fewer images than places; a message that is none.

    >>> placed_images([{"role": "user", "content": "What is this?"}], ["cat.png"])[0][0]["content"]
    [{'type': 'image'}, {'type': 'text', 'text': 'What is this?'}]
    """
    if isinstance(prompt, str):
        return prompt, list(images)
    waiting, found, places = list(images), list[Any](), 0
    said = messages(prompt)
    for message in said:
        content = message.get("content")
        if not isinstance(content, list):
            continue
        for i, part in enumerate(content):
            if not is_image_part(part):
                continue
            carried = image_of_part(part)
            if carried is None:
                places += 1
                carried = waiting.pop(0) if waiting else None
            found.append(carried)
            content[i] = {"type": "image"}
    if not found and waiting:
        asked = next((m for m in said if m["role"] == "user"), said[0] if said else None)
        if asked is None:
            raise UserError("prompt has no message that the images could stand in")
        asked["content"] = [{"type": "image"} for _ in waiting] + text_parts(asked.get("content"))
        return said, waiting
    if places != len(images):
        raise UserError(
            f"the prompt keeps {places} places for images ({{'type': 'image'}} without one) and images has {len(images)}; "
            "give one image per place, or no place at all: images then stand before the first user message's text"
        )
    return said, found


def text_parts(content: Any) -> list[Any]:
    """A message's content as a list of parts.

    >>> text_parts("hi"), text_parts(None)
    ([{'type': 'text', 'text': 'hi'}], [])
    """
    if content is None or content == "":
        return []
    return list(content) if isinstance(content, (list, tuple)) else [{"type": "text", "text": str(content)}]


class VisionTemplate(ChatTemplate):
    """A processor's chat template. Contents go in as lists of parts, or as plain text where the template knows no parts.

    Args:
        processor: a transformers processor; where it has no template, its tokenizer's is used.
        options: further variables of the template.
    """

    def __init__(self, processor: Any, options: Mapping[str, Any] | None = None) -> None:
        own = getattr(processor, "chat_template", None)
        super().__init__(processor if own else processor.tokenizer, options)
        self._parts: bool | None = None

    def render(self, messages: Messages, *, open_turn: bool = False) -> str:
        if self._parts is None:
            self._parts = self._knows_parts()
        return super().render([self._written(m) for m in messages], open_turn=open_turn)

    def _written(self, message: Mapping[str, Any]) -> dict[str, Any]:
        content = message.get("content")
        if isinstance(content, str) and self._parts:
            return {**message, "content": text_parts(content)}
        if isinstance(content, list) and not self._parts and all(p.get("type") == "text" for p in content):
            return {**message, "content": "".join(str(p.get("text", "")) for p in content)}
        return dict(message)

    def _knows_parts(self) -> bool:
        """Whether a text part is written as its text, and not dropped or printed as Python would."""
        try:
            said = super().render([{"role": "user", "content": text_parts(_SENTINEL)}])
        except UserError:
            return False
        return said.count(_SENTINEL) == 1 and "'text'" not in said
