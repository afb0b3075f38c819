"""BLEUBERI: smoothed BLEU against good references as the reward, on the prompts where the base model scores lowest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.batch import Batch
from guerdon.combine import Combine, Sum
from guerdon.errors import UserError
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.rewards import Bleu, Given, RougeL, Tags
from guerdon.rewards.textual import Unreferenced
from guerdon.scores import Floats
from guerdon.shaping.selection import by_difficulty

PAPER = Paper(
    slug="bleuberi",
    title="BLEUBERI: BLEU is a Surprisingly Effective Reward for Instruction Following",
    year=2025,
    arxiv="2505.11080",
    kind="reward",
    parts={
        "smoothed BLEU, shortest reference": RELEASED,
        "answer extraction": RELEASED,
        "ROUGE-L and their harmonic mean": RELEASED,
        "BLEU + reward model, z-scored": RELEASED,
        "format": RELEASED,
        "difficulty selection": RELEASED,
        "human agreement": RELEASED,
        "z-scores by prompt instead of by batch": OURS,
    },
    columns=("references",),
    range=(0.0, 1.0),
    variants=("default", "official", "rouge", "bleu-rouge", "bleu-rm", "precision", "brevity"),
)


def build(
    variant: str = "default",
    *,
    references: str = "references",
    model: Reward | None = None,
    tokenizer: str = "13a",
    form: bool = False,
) -> Reward:
    """Smoothed sentence BLEU of the answer with all references.

    Variants: ``"rouge"`` (ROUGE-L, best reference), ``"bleu-rouge"`` (their harmonic mean), ``"bleu-rm"`` (mean of the z-scores,
    within the prompt's group, of BLEU and ``model``), ``"precision"`` and ``"brevity"`` (ablations), ``"official"`` (thinking is
    scored too where there is no answer block).

    Args:
        references: column of one or several reference answers.
        model: a reward model's score for ``"bleu-rm"``; default: column ``rm_score``.
        tokenizer: ``"13a"``, or ``"13a-han"`` for text without spaces.
        form: whether to add the reasoning mode's format term.
    """
    of = "answer-or-whole" if variant == "official" else "reply"
    measure = variant if variant in ("precision", "brevity") else "bleu"
    bleu = Bleu(reference=references, measure=measure, tokenizer=tokenizer, of=of)
    rouge = RougeL(reference=references, of=of)
    reward: Reward = bleu
    if variant == "rouge":
        reward = rouge
    elif variant == "bleu-rouge":
        reward = Combine((bleu, rouge), "harmonic_mean")
    elif variant == "bleu-rm":
        scored = model or Given("rm_score", name="rm")
        reward = Sum(*(term.then("zscore", ddof=1, eps=1e-6) for term in (bleu, scored)), weights=(0.5, 0.5))
    if not form:
        return reward
    return Sum(reward, SingleLineForm() if variant == "official" else Tags("think", "answer", name="form"))


@register("reward", "bleuberi_form")
@dataclass(frozen=True, repr=False)
class SingleLineForm(Unreferenced):
    """The released format check: ``<think>...</think><answer>...</answer>`` and no line break but one at the end. 1 or 0.

    ``Tags("think", "answer")`` is what it means to check.

    >>> SingleLineForm().score(
    ...     Batch(["<think>a</think><answer>b</answer>", "<think>a\\n</think><answer>b</answer>"])
    ... ).values.tolist()
    [1.0, 0.0]
    """

    of: str = field(default="whole", kw_only=True)

    bounds = (0.0, 1.0)

    def _values(self, texts: Sequence[str]) -> Floats:
        return np.array([_on_one_line(text) for text in texts], dtype=np.float64)

    @classmethod
    def example(cls) -> Example:
        return Example(
            Batch(["<think>2+2</think><answer>4</answer>"], ["2+2?"]),
            {"empty": [""], "no answer": ["<think>4</think>"]},
        )


def _on_one_line(text: str) -> bool:
    line = text.removesuffix("\n")
    middle = line.find("</think><answer>", len("<think>"))
    closed = line.find("</answer>", middle + len("</think><answer>")) >= 0
    return "\n" not in line and line.startswith("<think>") and middle >= 0 and closed and line.endswith("</answer>")


def select_prompts(
    prompts: Sequence[Any], scores: ArrayLike, count: int, *, mode: str = "hard", seed: int = 42
) -> list[Any]:
    """The prompts to train on, by the score of the base model's first answers, listed from high to low score.

    >>> select_prompts(["a", "b", "c"], [0.9, 0.1, 0.5], 2)
    ['c', 'b']
    """
    if mode not in ("hard", "easy", "medium", "random"):
        raise UserError(f"mode={mode!r} is unknown; choose 'hard', 'easy', 'medium' or 'random'")
    return [prompts[i] for i in by_difficulty(scores, count, mode=mode, seed=seed)]  # type: ignore[arg-type]


def human_agreement(first: ArrayLike, second: ArrayLike, winners: Sequence[str]) -> float:
    """Share of pairs on which the metric's order is the human's: ``model_a``, ``model_b`` or ``tie``; rows "both bad" are left out.

    >>> human_agreement([0.2, 0.1], [0.1, 0.1], ["model_a", "model_b"])
    0.5
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    said = np.where(a > b, "model_a", np.where(b > a, "model_b", "tie"))
    human = ["drop" if "bad" in winner else "tie" if winner.startswith("tie") else winner for winner in winners]
    agreed = [metric == label for metric, label in zip(said.tolist(), human, strict=True) if label != "drop"]
    return float(np.mean(agreed)) if agreed else float("nan")
