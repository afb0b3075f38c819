"""Rewards on the form of reasoning: a thought and an answer, as released rewards ask for them, and windows said over and over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Unreferenced
from guerdon.scores import Floats
from guerdon.text.reasoning_form import FORMS, Form, has_form
from guerdon.text.repetition import most_frequent_ngram

_HONEST = Batch(["<think>Two and two.</think><answer>4</answer>", "<think>One and two.</think> <answer>3</answer>"])


@register("reward")
@dataclass(frozen=True, repr=False)
class ReasoningForm(Unreferenced):
    """Whether the completion is a thought followed by an answer: 1 or 0.

    ``form`` is ``"begun"`` (begins with the thought, then the answer, text between and after), ``"answered"`` (one answer block in
    any text) or ``"bare"`` (both blocks and nothing else), see :func:`guerdon.text.reasoning_form.has_form`. Reads no column; never
    NaN.

    Source: RLPR (arXiv 2506.18254) and NOVER (arXiv 2505.16022), released code.

    >>> ReasoningForm().score(Batch(["<think>2+2</think> so <answer>4</answer>", "<answer>4</answer>"])).values.tolist()
    [1.0, 0.0]
    """

    form: str = "begun"
    of: str = field(default="whole", kw_only=True)

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in FORMS:
            raise UserError(f"form={self.form!r} is unknown; {closest(self.form, FORMS)}")

    def _values(self, texts: Sequence[str]) -> Floats:
        return np.array([has_form(text, cast(Form, self.form)) for text in texts], dtype=np.float64)

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, {"stuffing": ["<think></think><answer>4</answer>" * 2] * 2, "empty": ["", ""]})


@register("reward")
@dataclass(frozen=True, repr=False)
class RepeatedWindow(Unreferenced):
    """-1 where some run of ``window`` words occurs at least ``times`` times, else 0. Words are parted by white space and by ``_``.

    A text of no more than ``window`` words gets 0. Range [-1, 0]. Reads no column; never NaN.

    Source: RLPR (arXiv 2506.18254), released code.

    >>> RepeatedWindow(window=2, times=3).score(Batch(["no no no no", "no no no"])).values.tolist()
    [-1.0, 0.0]
    """

    window: int = 10
    times: int = 10
    of: str = field(default="whole", kw_only=True)

    bounds = (-1.0, 0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("window", "times"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}={getattr(self, name)} must be at least 1")

    @property
    def floor(self) -> float:
        return 0.0

    def _values(self, texts: Sequence[str]) -> Floats:
        return np.array([-1.0 if self._loops(text) else 0.0 for text in texts], dtype=np.float64)

    def _loops(self, text: str) -> bool:
        words = [word for segment in text.split() for word in segment.split("_")]
        return len(words) > self.window and most_frequent_ngram(words, self.window) >= self.times

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, {"loop": ["and then the same words come again and again and " * 12] * 2})
