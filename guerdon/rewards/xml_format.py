"""Rewards on a thinking block followed by an answer block, with partial credit for single tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Unreferenced
from guerdon.scores import Floats

_POINT = 0.125
_PER_CHARACTER = 0.001
_LEAST = -0.5

_HONEST = Batch(
    [
        "<reasoning>\nTwo and two.\n</reasoning>\n<answer>\n4\n</answer>\n",
        "<reasoning>\nOne and two.\n</reasoning>\n<answer>\n3\n</answer>",
    ],
    ["2+2?", "1+2?"],
)
_HACKS = {
    "stuffing": ["<reasoning>\n</reasoning>\n<answer>\n</answer>\n" * 5, "<reasoning><answer></answer></reasoning>"],
    "chatter": ["<answer>\n4\n</answer>\n" + "I hope this helps. " * 50, "3"],
    "empty": ["", ""],
}


@register("reward")
@dataclass(frozen=True, repr=False)
class XMLCount(Unreferenced):
    """Credit for each of four tags that stands on a line of its own, exactly once; less for text after the answer.

    0.125 each for ``<reasoning>`` before a line break, ``</reasoning>`` and ``<answer>`` between line breaks and ``</answer>``
    after one; minus 0.001 per character that follows ``</answer>`` and its line break, once for ``<answer>`` and once for
    ``</answer>`` where it has credit; at least -0.5. ``tags`` names other tags.

    ``variant="official"``: there is no lower bound, and where ``</answer>`` and a line break after it are missing the
    charge for ``<answer>`` is on the whole text.

    Range [-0.5, 0.5], official (-inf, 0.5]. Reads no column; never NaN.

    Source: Pourreza et al. 2025, Reasoning-SQL (arXiv 2503.23157), released code; the lower bound is ours.

    >>> text = "<reasoning>\\na\\n</reasoning>\\n<answer>\\nb\\n</answer>"
    >>> XMLCount().score(Batch([text, text + "!" * 100])).values.round(3).tolist()
    [0.5, 0.3]
    """

    tags: tuple[str, str] = ("reasoning", "answer")
    variant: str = field(default="default", kw_only=True)
    of: str = field(default="whole", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_tags(self.tags)
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choices: default, official")

    @property
    def range(self) -> tuple[float, float]:
        return (-np.inf if self.variant == "official" else _LEAST, 4 * _POINT)

    @property
    def floor(self) -> float:
        return 0.0

    def _values(self, texts: Sequence[str]) -> Floats:
        return np.array([xml_count(text, *self.tags, official=self.variant == "official") for text in texts])

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, _HACKS)


def xml_count(text: str, thinking: str = "reasoning", answer: str = "answer", *, official: bool = False) -> float:
    """The score of :class:`XMLCount` for one text.

    >>> xml_count("<answer>\\n4\\n</answer>"), xml_count("\\n<answer>\\n4\\n</answer>", official=True).__round__(3)
    (0.125, 0.23)
    """
    opened, closed = f"\n<{answer}>\n", f"\n</{answer}>"
    score = _POINT * ((text.count(f"<{thinking}>\n") == 1) + (text.count(f"\n</{thinking}>\n") == 1))
    trailing = text.rpartition(closed)[2] if closed in text else ""
    charge = len(trailing.removeprefix("\n"))
    if text.count(opened) == 1:
        score += _POINT - _PER_CHARACTER * (len(text.split(f"{closed}\n")[-1]) if official else charge)
    if text.count(closed) == 1:
        score += _POINT - _PER_CHARACTER * (len(trailing) - 1 if official else charge)
    return score if official else max(score, _LEAST)


@register("reward")
@dataclass(frozen=True, repr=False)
class XMLFormat(Unreferenced):
    """Whether a thinking block is followed by an answer block, with nothing but whitespace between them: 1 or 0.

    ``strict`` lets nothing but whitespace stand before and after them. Blocks may hold anything, further
    blocks too; :class:`~guerdon.rewards.format.Tags` asks for each exactly once. Range [0, 1]. Reads no column; never NaN.

    Source: Pourreza et al. 2025, Reasoning-SQL (arXiv 2503.23157), released code.

    >>> texts = ["<reasoning>a</reasoning> <answer>b</answer>", "So: <reasoning>a</reasoning><answer>b</answer>"]
    >>> XMLFormat().score(Batch(texts)).values.tolist(), XMLFormat(strict=True).score(Batch(texts)).values.tolist()
    ([1.0, 1.0], [1.0, 0.0])
    """

    tags: tuple[str, str] = ("reasoning", "answer")
    strict: bool = False
    of: str = field(default="whole", kw_only=True)

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_tags(self.tags)

    def _values(self, texts: Sequence[str]) -> Floats:
        return np.array([has_blocks(text, *self.tags, strict=self.strict) for text in texts], dtype=np.float64)

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, {"swapped": ["<answer>4</answer><reasoning>2+2</reasoning>", "3"], "empty": ["", ""]})


def has_blocks(text: str, thinking: str = "reasoning", answer: str = "answer", *, strict: bool = False) -> bool:
    """Whether ``<thinking>...</thinking>`` whitespace ``<answer>...</answer>`` stands in the text; ``strict``: is the text.

    >>> has_blocks("<reasoning></reasoning>\\n<answer></answer>\\n", strict=True)
    True
    """
    text = text.strip() if strict else text
    start, closing = text.find(f"<{thinking}>"), f"</{answer}>"
    if start < 0 or (strict and not (start == 0 and text.endswith(closing))):
        return False
    between = re.compile(rf"</{re.escape(thinking)}>\s*+<{re.escape(answer)}>").search(text, start + len(thinking) + 2)
    return between is not None and text.rfind(closing) >= between.end()


def _check_tags(tags: Sequence[str]) -> None:
    if len(tags) != 2 or not all(tags):
        raise UserError(f"tags={tags!r} must name the thinking block and the answer block")
