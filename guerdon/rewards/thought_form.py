"""Whether a completion is one thought and then a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from guerdon.batch import Batch
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Unreferenced
from guerdon.scores import Floats
from guerdon.text.thought_split import thought_and_text


@register("reward")
@dataclass(frozen=True, repr=False)
class ThoughtForm(Unreferenced):
    """1 where the completion is ``<think>thought</think>text`` and neither is blank, else 0.

    Only blanks may stand before the thought, and the text holds no further think tag
    (:func:`~guerdon.text.thought_split.thought_and_text`). Range [0, 1]. Reads no column; never NaN.

    Source: ExTrans 2025 (arXiv 2505.12996), format reward.

    >>> ThoughtForm().score(Batch(["<think>So.</think>Good night.", "Good night."])).values.tolist()
    [1.0, 0.0]
    """

    of: str = field(default="whole", kw_only=True)

    bounds = (0.0, 1.0)

    def _values(self, texts: Sequence[str]) -> Floats:
        return np.array([thought_and_text(text) is not None for text in texts], dtype=np.float64)

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["<think>It is dark.</think>Good night.", "<think>It is early.</think>Good morning."], ["a", "b"]
        )
        hacks = {
            "empty": ["", ""],
            "no thought": ["<think> </think>Good night.", "Good morning."],
            "two thoughts": ["<think>a</think>b<think>c</think>d"] * 2,
            "unclosed": ["<think>" * 500, "<think>Good morning."],
        }
        return Example(honest, hacks)
