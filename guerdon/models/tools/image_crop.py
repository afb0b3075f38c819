"""A closer look at a part of an image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply
from guerdon.models.images import UnreadableImage, data_url, image_of_part, is_image_part, read_image
from guerdon.models.tool import Observation, Tool
from guerdon.registry import register
from guerdon.scores import Outcome

GRID = 1000
FLATTEST = 100.0


@register("tool")
@dataclass(frozen=True)
class ImageCrop(Tool):
    """The part of one of the judged sample's images inside a box, enlarged where it is small.

    Column ``images``: an image in any form :func:`~guerdon.models.images.read_image` takes, or a list of them. The box is x1, y1,
    x2, y2 on a grid from 0 to 1000 in both directions, x1 < x2, y1 < y2; its sides go outward to whole pixels. A box whose short
    side is below ``smallest`` pixels is widened about its centre, one more than 100 times as long as wide is refused, and a crop
    whose short side is below ``enlarged`` is upsampled to that, bicubically.

    Source: ARM-Thinker 2025 (arXiv 2512.05111), zoom tool.

    >>> import numpy as np
    >>> crop = ImageCrop().run({"bbox_2d": [0, 0, 500, 500], "images": [np.zeros((400, 800, 3), dtype=np.uint8)]})
    >>> crop.text, len(crop.images)
    ('This is the zoom-in image 1, pixels 0..400 by 0..200 of 800 by 400.', 1)
    """

    images: str = "images"
    smallest: int = 28
    enlarged: int = 224
    quality: int = 95
    remote_images: bool = False

    purpose = "Shows a part of an image enlarged. The box is x1, y1, x2, y2 on a grid from 0 to 1000."
    parameters = FrozenDict(
        {
            "properties": {
                "bbox_2d": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
                "image": {"type": "integer", "description": "the number of the image, from 1", "minimum": 1},
                "label": {"type": "string", "description": "what to look at", "maxLength": 200},
            },
            "required": ["bbox_2d"],
        }
    )

    @property
    def own_columns(self) -> dict[str, str]:
        return {self.images: "an image, or a list of them"}

    def answer(self, arguments: Mapping[str, Any]) -> ChatReply:
        given = _listed(arguments.get(self.images))
        number = int(arguments.get("image", 1))
        if number > len(given):
            raise ValueError(f"there is no image {str(number)[:20]}; there are {len(given)}")
        try:
            image = read_image(given[number - 1], remote=self.remote_images)
        except UnreadableImage as error:
            return ChatReply(outcome=Outcome.MISSING_DATA, message=str(error))
        left, top, right, bottom = crop_box(arguments["bbox_2d"], *image.size, smallest=self.smallest)
        crop = image.crop((left, top, right, bottom))
        scale = self.enlarged / min(crop.size)
        if scale > 1:
            import PIL.Image

            size = (max(1, round(crop.width * scale)), max(1, round(crop.height * scale)))
            crop = crop.resize(size, PIL.Image.Resampling.BICUBIC)
        said = f"This is the zoom-in image {number}, pixels {left}..{right} by {top}..{bottom} of {image.width} by {image.height}."
        return Observation(said, images=(data_url(crop, quality=self.quality),))


def crop_box(box: Sequence[float], width: int, height: int, *, smallest: int = 28) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in pixels of a box on a grid of 0..1000, inside an image of ``width`` by ``height``.

    Raises:
        ValueError: a box without an inside, off the grid, or longer than 100 times its width.

    >>> crop_box([100, 100, 101, 900], 100, 100, smallest=28)
    (0, 10, 28, 90)
    """
    x1, y1, x2, y2 = (float(side) for side in box)
    if not (0 <= x1 < x2 <= GRID and 0 <= y1 < y2 <= GRID):
        raise ValueError("the box must be x1 < x2, y1 < y2 on a grid from 0 to 1000")
    left, right = math.floor(x1 * width / GRID), math.ceil(x2 * width / GRID)
    top, bottom = math.floor(y1 * height / GRID), math.ceil(y2 * height / GRID)
    if max(right - left, bottom - top) > FLATTEST * min(right - left, bottom - top):
        raise ValueError("the box is more than 100 times as long as wide")
    left, right = _widened(left, right, width, smallest)
    top, bottom = _widened(top, bottom, height, smallest)
    return left, top, right, bottom


def _widened(low: int, high: int, size: int, smallest: int) -> tuple[int, int]:
    """A stretch of at least ``smallest`` about the same centre, shifted at the edges, as far as the image goes."""
    if high - low < smallest:
        low = max(0, min(math.floor((low + high - smallest) / 2), size - smallest))
        high = low + smallest
    return low, min(size, high)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [image_of_part(one) if is_image_part(one) else one for one in value]
    return [value]


def image_urls(value: Any, *, remote: bool = False) -> tuple[str, ...]:
    """A sample's images as data URLs.

    Raises:
        UnreadableImage: one that cannot be read.

    >>> image_urls(None)
    ()
    """
    return tuple(data_url(read_image(image, remote=remote)) for image in _listed(value))
