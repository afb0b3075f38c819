"""Endogenous reward: the logits of a language model are soft Q-values, and hold a reward for every token without any training."""

from __future__ import annotations

from typing import Any

from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Endogenous

PAPER = Paper(
    slug="endogenous-reward",
    title="Generalist Reward Models: Found Inside Large Language Models",
    year=2025,
    arxiv="2506.23235",
    kind="reward",
    parts={
        "token rewards by the inverse soft Bellman operator": PUBLISHED,
        "outcome reward, preference of a pair": PUBLISHED,
        "steering by a system prompt": PUBLISHED,
        "mean and discounted sum": OURS,
        "value after the last token (terminal 'next')": OURS,
    },
    range=(float("-inf"), float("inf")),
    variants=("default", "tokens", "mean", "discounted"),
)

_AGGREGATES = {"default": "sum", "tokens": "sum", "mean": "mean", "discounted": "discounted_sum"}


def build(
    variant: str = "default",
    *,
    lm: Any = "Qwen/Qwen2.5-Math-7B",
    system: str | None = None,
    alpha: float = 1.0,
    terminal: str = "zero",
    closed: bool = True,
) -> Reward:
    """The reward a frozen language model holds of a completion; in training the model the policy started from, with a KL term.

    Variants: ``"tokens"`` also gives every token's reward and counts V(s_1) in (it needs the logits' normaliser, which servers
    do not give); ``"mean"`` and ``"discounted"`` weigh tokens so that long completions are not the worse for it.

    Args:
        lm: the language model; one whose text is worth imitating.
        system: what to judge by, put before the prompt.
        alpha: temperature of the soft values.
        terminal: ``"zero"`` or, for ``"tokens"``, ``"next"``.
        closed: whether the end of the turn is scored where completions are text.
    """
    return Endogenous(lm, variant == "tokens", terminal, alpha, _AGGREGATES[variant], system=system, closed=closed)
