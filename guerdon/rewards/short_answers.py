"""Rewards on short answers: matched to the letter, or numbers within a tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Referenced
from guerdon.scores import Floats, Note
from guerdon.text.short_answers import chart_score, same_short_answer
from guerdon.text.tags import extract_tag


def tagged_or_all(text: str) -> str:
    """The content of the last ``<answer>`` block, all of the text where there is none.

    >>> tagged_or_all("so <answer> B </answer>"), tagged_or_all("B")
    ('B', 'B')
    """
    answer = extract_tag(text, "answer")
    return text if answer is None else answer


@register("reward")
@dataclass(frozen=True, repr=False)
class ShortAnswer(Referenced):
    """Whether a short answer, such as yes, B or a word, is the reference: 1 or 0; see :func:`normalize_short_answer`.

    Read is the last ``<answer>`` block, or the whole completion, thinking stripped. "B", "(b)" and "B) Rome" are the same; a
    sentence around the answer is none. Range [0, 1]. Column ``reference`` (a list: any counts). NaN without one.

    Source: Mixed-R1 (arXiv 2505.24164); the normalisation is ours.

    >>> ShortAnswer().score(Batch(["<answer>Yes.</answer>", "No"], reference=["yes", "yes"])).values.tolist()
    [1.0, 0.0]
    """

    bounds = (0.0, 1.0)

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        said = [tagged_or_all(text) for text, _ in pairs]
        values = [same_short_answer(answer, gold) for answer, (_, gold) in zip(said, pairs, strict=True)]
        return np.array(values, dtype=np.float64), _answers(said)

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["<think>It barks.</think><answer>Yes.</answer>", "(B)"], ["A dog?", "Which?"], reference=["yes", "B"]
        )
        return Example(
            honest,
            {
                "empty": ["", "<answer></answer>"],
                "both": ["yes or no", "A or B"],
                "shopping": ["<answer>yes</answer><answer>no</answer>", "A, B, C, D"],
                "only thought": ["<think>yes</think>", "<think>B</think>"],
            },
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class ChartAnswer(Referenced):
    """Whether an answer read off a chart is right: numbers within a relative ``tolerance``, other answers to the letter.

    See :func:`~guerdon.text.short_answers.chart_score`; ``graded`` gives max(0, 1 - relative error) instead. Read is the last
    ``<answer>`` block, or the whole completion, thinking stripped. Range [0, 1]. Column ``reference`` (a list: the best counts).
    NaN without one.

    Source: Mixed-R1 (arXiv 2505.24164); 5% is the usual relaxed accuracy on charts.

    >>> ChartAnswer().score(Batch(["<answer>104</answer>", "110"], reference=["100", "100"])).values.tolist()
    [1.0, 0.0]
    """

    tolerance: float = 0.05
    graded: bool = False

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.tolerance < 1:
            raise UserError(f"tolerance={self.tolerance!r} must lie in [0, 1)")

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> tuple[Floats, dict[int, Note]]:
        said = [tagged_or_all(text) for text, _ in pairs]
        values = [
            chart_score(answer, gold, tolerance=self.tolerance, graded=self.graded)
            for answer, (_, gold) in zip(said, pairs, strict=True)
        ]
        return np.array(values, dtype=np.float64), _answers(said)

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["<answer>1,200</answer>", "The bar<answer>Spain</answer>"],
            ["How many?", "Who?"],
            reference=["1200", "Spain"],
        )
        return Example(
            honest,
            {
                "empty": ["", ""],
                "not a number": ["nan", "inf"],
                "shopping": ["1100 1200 1300", "Spain, France, Italy"],
                "huge": ["1" * 5000, "Spain " * 5000],
            },
        )


def _answers(said: Sequence[str]) -> dict[int, Note]:
    return {k: Note(answer=answer[:80]) for k, answer in enumerate(said)}
