"""Boxes as models write them."""

from __future__ import annotations

import math
import re
from typing import Any

from guerdon.text.json_text import json_values

Box = tuple[float, float, float, float]

_NUMBER = r"\s{0,8}(-?\d{1,9}(?:\.\d{1,9})?)\s{0,8}"
_CORNERS = re.compile(rf"\({_NUMBER},{_NUMBER}\)\s{{0,8}},?\s{{0,8}}\({_NUMBER},{_NUMBER}\)")
_LARGEST = 1e9
_OBJECT, _END_OBJECT = "<|obj_start|>", "<|obj_end|>"
_BOX = re.compile(r"\s{0,8}<\|box_start\|>[^<]{0,200}<\|box_end\|>")
_PLACED = re.compile(rf"\s{{0,8}}<\|box_start\|>\s{{0,8}}{_CORNERS.pattern}\s{{0,8}}<\|box_end\|>")


def extract_boxes(text: str) -> list[Box]:
    """Every box in a text, in order: four numbers in JSON, wherever they are nested, else corners as ``(x1,y1),(x2,y2)``.

    >>> extract_boxes('[{"bbox_2d": [1, 2, 30, 40]}]'), extract_boxes("at (1,2),(30,40)"), extract_boxes("none")
    ([(1.0, 2.0, 30.0, 40.0)], [(1.0, 2.0, 30.0, 40.0)], [])
    """
    found = [box for value in json_values(text, "{[") for box in nested_boxes(value.value)]
    if found:
        return found
    return [_box(match.groups()) for match in _CORNERS.finditer(text)]


def nested_boxes(value: Any) -> list[Box]:
    """The lists of four finite numbers inside lists and mappings, in order.

    >>> nested_boxes([[0, 0, 1, 1], {"box": (2, 2, 3, 3)}, "x"])
    [(0.0, 0.0, 1.0, 1.0), (2.0, 2.0, 3.0, 3.0)]
    """
    boxes: list[Box] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict) or hasattr(item, "values"):
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, (list, tuple)):
            if len(item) == 4 and all(map(_is_coordinate, item)):
                boxes.append(_box(item))
            else:
                stack.extend(reversed(item))
    return boxes


def placed_objects(text: str) -> list[tuple[str, Box]]:
    """The objects of a layout plan with their boxes, in order; an object without a box is left out.

    ``<|obj_start|>name<|obj_end|><|box_start|>(x1,y1),(x2,y2)<|box_end|>``, a blank allowed between the two.

    Source: the grammar of GoT-R1's released chains (arXiv 2505.17022).

    >>> placed_objects("<|obj_start|>bee<|obj_end|> <|box_start|>(1,2),(3,4)<|box_end|>")
    [('bee', (1.0, 2.0, 3.0, 4.0))]
    """
    objects: list[tuple[str, Box]] = []
    for piece in text.split(_OBJECT)[1:]:
        name, closed, rest = piece.partition(_END_OBJECT)
        placed = _PLACED.match(rest) if closed else None
        if placed is not None and name.strip():
            objects.append((name.strip(), _box(placed.groups())))
    return objects


def without_boxes(text: str) -> str:
    """A layout plan as it reads without its coordinates: names stay, their marks and every box go.

    >>> without_boxes("a <|obj_start|>bee<|obj_end|> <|box_start|>(1,2),(3,4)<|box_end|>, flying")
    'a bee, flying'
    """
    pieces = _BOX.sub("", text).split(_OBJECT)
    return "".join(piece.replace(_END_OBJECT, "") for piece in pieces)


def _is_coordinate(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and abs(value) <= _LARGEST


def _box(numbers: Any) -> Box:
    x1, y1, x2, y2 = map(float, numbers)
    return x1, y1, x2, y2
