"""Rewards on the form of a completion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Unreferenced
from guerdon.scores import Floats
from guerdon.text.tags import tags_in_order


@register("reward")
@dataclass(frozen=True, repr=False, init=False)
class Tags(Unreferenced):
    """Whether the completion holds each required block exactly once and in order: 1 or 0.

    ``Tags("think", "answer")`` wants ``<think>...</think><answer>...</answer>``. ``strict`` allows nothing but whitespace around
    and between the blocks. Range [0, 1]. Reads no column; never NaN.

    >>> batch = Batch(["<think>2+2</think><answer>4</answer>", "<answer>4</answer>"])
    >>> Tags("think", "answer").score(batch).values.tolist()
    [1.0, 0.0]
    """

    tags: tuple[str, ...] = ()
    strict: bool = True
    of: str = field(default="whole", kw_only=True)

    bounds = (0.0, 1.0)

    def __init__(self, *tags: str, strict: bool = True, of: str = "whole", name: str = "") -> None:
        if not tags or not all(tags):
            raise UserError(f"tags={tags!r}: name at least one block, as in Tags('think', 'answer')")
        for field_name, value in {"tags": tags, "strict": strict, "of": of, "name": name}.items():
            object.__setattr__(self, field_name, value)
        self.__post_init__()

    @classmethod
    def from_fields(cls, tags: Sequence[str], **fields: object) -> Tags:
        """From named fields, as a specification gives them."""
        return cls(*tags, **fields)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        said = [repr(tag) for tag in self.tags]
        said += [] if self.strict else ["strict=False"]
        said += [] if self.of == "whole" else [f"of={self.of!r}"]
        said += [] if self.name == self._default_name() else [f"name={self.name!r}"]
        return f"Tags({', '.join(said)})"

    def _values(self, texts: Sequence[str]) -> Floats:
        return np.array([tags_in_order(text, self.tags, self.strict) for text in texts], dtype=np.float64)

    @classmethod
    def example_reward(cls) -> Tags:
        return cls("think", "answer")

    @classmethod
    def example(cls) -> Example:
        return Example(
            Batch(
                ["<think>two and two</think>\n<answer>4</answer>", "<think>1+2</think><answer>3</answer>"],
                ["2+2?", "1+2?"],
            ),
            {
                "stuffing": ["<think></think><answer>4</answer>" * 3, "<think><answer></answer></think>"],
                "order": ["<answer>4</answer><think>two and two</think>", "<answer>3</answer>"],
                "empty": ["", ""],
            },
        )
