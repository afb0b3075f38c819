"""What a vision-language model takes: a processor's output for one prompt, and several of them with more tokens as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guerdon.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

# Inputs with one entry per token, beside those whose names end in token_type_ids; they say what text may see of the images.
_PER_TOKEN = ("cross_attention_mask", "image_attention_mask")
_IDS = ("image_token_id", "image_token_index", "video_token_id", "video_token_index", "boi_token_id", "boi_token_index")


@dataclass(frozen=True, eq=False)
class Inputs:
    """A processor's output for one prompt.

    Attributes:
        ids: (T,) token ids, places of images expanded.
        per_token: name -> (1, T, ...).
        others: name -> what describes the images, as tensor or list; first axis: prompts, images or patches.
    """

    ids: Tensor
    per_token: Mapping[str, Tensor]
    others: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def signature(self) -> tuple[Any, ...]:
        """Equal for inputs that can be put one after the other along the first axis."""
        described = sorted(
            (name, str(value.dtype), tuple(value.shape[1:])) if hasattr(value, "shape") else (name, "list", ())
            for name, value in self.others.items()
        )
        return tuple(described), tuple(sorted((name, tuple(v.shape[2:])) for name, v in self.per_token.items()))


class InputsMaker:
    """Runs the processor on one prompt at a time.

    Args:
        model: the model the inputs are for.
        processor: its processor.

    Attributes:
        image_ids: token ids that stand for images; no text may hold them.
        fill: the token type of what follows the prompt.
        padding: a token id that stands for no image.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self.processor = processor
        tokenizer = processor.tokenizer
        ids = [getattr(source, name, None) for source in (model.config, processor) for name in _IDS]
        self.image_ids = frozenset(int(i) for i in ids if isinstance(i, int))
        self.fill = 0
        self.padding = next(i for i in range(len(self.image_ids) + 1) if i not in self.image_ids)
        plain, whole = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (False, True))
        at = next((i for i in range(len(whole)) if whole[i : i + len(plain)] == plain), 0)
        self._opening = list(whole[:at])
        marker = getattr(processor, "boi_token", None) or getattr(processor, "image_token", None)
        self._marker = str(marker) if marker else None
        self._places_itself = type(processor).__name__.startswith("PaliGemma")

    def inputs(self, header: str, images: Sequence[Any]) -> Inputs:
        """What the model takes for a rendered prompt and its images, begun as the tokenizer begins a text.

        Raises:
            UserError: the prompt has more or fewer places than images.
        """
        import torch

        places = None if self._marker is None else header.count(self._marker)
        if places is not None and places != len(images) and not self._places_itself:
            raise UserError(
                f"the rendered prompt has {places} image tokens ({self._marker}) for {len(images)} images; put one "
                "{'type': 'image'} part per image into the messages, and no image token into their text"
            )
        try:
            found = dict(
                self.processor(
                    text=[header], images=[list(images)], add_special_tokens=False, padding=False, return_tensors="pt"
                )
            )
        except (ValueError, TypeError, IndexError, KeyError) as error:
            raise UserError(f"the model's processor refuses the prompt with {len(images)} images: {error}") from error
        ids = found.pop("input_ids")[0]
        found.pop("attention_mask", None)
        per_token = {
            name: found.pop(name) for name in list(found) if name in _PER_TOKEN or name.endswith("token_type_ids")
        }
        begins = ids[: len(self._opening)].tolist()
        if self._opening and begins != self._opening:
            ids = torch.cat([torch.tensor(self._opening, dtype=ids.dtype), ids])
            per_token = {
                n: torch.cat([v[:, :1].expand(-1, len(self._opening), *v.shape[2:]), v], 1)
                for n, v in per_token.items()
            }
        return Inputs(ids, per_token, {name: value for name, value in found.items() if value is not None})

    def text_inputs(self, ids: Sequence[int]) -> Inputs:
        """Inputs of a prompt without images."""
        import torch

        return Inputs(torch.tensor(ids, dtype=torch.long), {}, {})

    def batch(self, rows: Sequence[tuple[Inputs, Sequence[int]]]) -> dict[str, Any]:
        """Model inputs of prompts that each go on with some tokens, padded on the right; all have one signature."""
        import torch

        lengths = [len(inputs) + len(rest) for inputs, rest in rows]
        size = max(lengths)
        ids = torch.full((len(rows), size), self.padding)
        mask = torch.zeros((len(rows), size), dtype=torch.long)
        for k, (inputs, rest) in enumerate(rows):
            ids[k, : len(inputs)] = inputs.ids
            ids[k, len(inputs) : lengths[k]] = torch.as_tensor(rest)
            mask[k, : lengths[k]] = 1
        made: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        first = rows[0][0]
        for name in first.per_token:
            made[name] = torch.cat([self._stretched(name, inputs.per_token[name], size) for inputs, _ in rows])
        for name, value in first.others.items():
            values = [inputs.others[name] for inputs, _ in rows]
            made[name] = torch.cat(values) if hasattr(value, "shape") else [item for each in values for item in each]
        return made

    def _stretched(self, name: str, value: Tensor, size: int) -> Tensor:
        """(1, T, ...) as (1, size, ...): tokens after the prompt see the images as its last one does; types get ``fill``."""
        import torch

        more = size - value.shape[1]
        if name in _PER_TOKEN:
            tail = value[:, -1:].expand(-1, more, *value.shape[2:])
        else:
            fill = self.fill if name == "token_type_ids" else 0
            tail = torch.full((1, more, *value.shape[2:]), fill, dtype=value.dtype)
        return torch.cat([value, tail], dim=1)
