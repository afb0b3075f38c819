"""Layouts as pictures: the boxes of a plan drawn with their names, for a judge that reads coordinates badly and pictures well."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from guerdon.errors import MissingExtra, UserError
from guerdon.text.boxes import Box

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_OBJECTS = 200
_LABEL_LENGTH = 24
_GOLDEN = 0.618033988749895

Placed = tuple[str, Box]


def layout_color(index: int) -> tuple[int, int, int]:
    """The colour of the ``index``-th object: strong, dark enough for white paper, far from those before it.

    >>> layout_color(0), layout_color(0) == layout_color(1)
    ((191, 0, 0), False)
    """
    red, green, blue = colorsys.hsv_to_rgb(index * _GOLDEN % 1.0, 1.0, (0.75, 0.55, 0.9)[index % 3])
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_layout(
    objects: Sequence[Placed], *, width: int = 512, height: int = 512, extent: float = 1000.0, labels: bool = True
) -> Image:
    """A white picture with one outlined, numbered box per object, each in the colour :func:`layout_color` of its place in the list.

    Coordinates run from 0 to ``extent`` along width and height, corners in any order; what lies outside is cut off. Large boxes
    are drawn first, so that small ones stay visible. The label is the number from 1 and, where the font has its letters, the
    name, cut to 24 characters. Objects after the 200th are not drawn. Equal objects give equal pixels.

    Source: GoT-R1 2025 (arXiv 2505.17022), the layout a judge of R_spa sees; colours and labels are ours.

    Raises:
        UserError: a size below 16 pixels, or an extent that is not positive.
        MissingExtra: Pillow is not installed.

    >>> picture = draw_layout([("bee", (0, 0, 500, 1000))], width=64, height=32)
    >>> picture.size, picture.getpixel((0, 10)), picture.getpixel((60, 10))
    ((64, 32), (191, 0, 0), (255, 255, 255))
    """
    try:
        from PIL import Image as Pictures
        from PIL import ImageDraw
    except ImportError as error:
        raise MissingExtra("pillow", extra="lm") from error
    if min(width, height) < 16 or not extent > 0:
        raise UserError(
            f"width={width}, height={height}, extent={extent}: give at least 16 pixels and a positive extent"
        )
    picture = Pictures.new("RGB", (width, height), "white")
    brush = ImageDraw.Draw(picture)
    boxes = [_pixels(box, width / extent, height / extent, width, height) for _, box in objects[:MOST_OBJECTS]]
    order = sorted(range(len(boxes)), key=lambda k: (-_area(boxes[k]), k))
    line = max(2, min(width, height) // 170)
    for k in order:
        brush.rectangle(boxes[k], outline=layout_color(k), width=line)
    for k in order if labels else ():
        left, top = boxes[k][0] + line + 1, boxes[k][1] + line
        brush.text((left, top), _label(k, objects[k][0]), fill=(0, 0, 0))
    return picture


def _pixels(box: Box, across: float, down: float, width: int, height: int) -> tuple[int, int, int, int]:
    def kept(value: float, scale: float, size: int) -> int:
        return round(min(max(value * scale, 0.0), size - 1.0))

    x1, y1, x2, y2 = box
    xs, ys = (
        sorted((kept(x1, across, width), kept(x2, across, width))),
        sorted((kept(y1, down, height), kept(y2, down, height))),
    )
    return xs[0], ys[0], xs[1], ys[1]


def _area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _label(index: int, name: str) -> str:
    """Number and name; the number alone where Pillow's own font would draw empty boxes."""
    shown = " ".join(name.split())[:_LABEL_LENGTH]
    drawable = all(" " <= c <= "~" or "\u00c0" <= c <= "\u00ff" for c in shown)
    return f"{index + 1} {shown}" if drawable else str(index + 1)
