"""ARMed: the default variant."""

from __future__ import annotations

from collections.abc import Sequence

from guerdon import Batch, find_paper
from guerdon.models.encoders import CharNGramEncoder
from guerdon.papers.armed import discriminability
from guerdon.shaping.normalize import adaptive_quantile

PAPER = find_paper("armed")
REWARD = PAPER.build(encoder=CharNGramEncoder(), of="whole")


def _adaptive(
    score: float,
    history: Sequence[float],
    low_quantile: float,
    high_quantile: float,
    min_history: int,
    group: Sequence[float] = (),
) -> float:
    """With too little history the group's scores stand in for it."""
    return _between(score, [history, group][len(history) < min_history], low_quantile, high_quantile)


def _between(score: float, seen: Sequence[float], low: float, high: float) -> float:
    return float(adaptive_quantile([score], [0], {"window": seen}, low=low, high=high, min_history=1)[0])


PARTS = {
    "textual_correctness": lambda answer, gold: float(
        REWARD.score(Batch([answer], ["q"], reference=[gold])).parts["textual"][0]
    ),
    "adaptive_semantic": _adaptive,
    "discriminability": lambda group, history: discriminability(group, history),
}
