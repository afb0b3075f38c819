"""WebArbiter: the default variant."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, Scores, find_paper
from guerdon.papers.webarbiter import knockout_select
from guerdon.shaping.preference_accuracy import DistractorAccuracy, distractor_accuracy, macro_distractor_accuracy

REWARD = find_paper("webarbiter").build()


def _said(scores: Scores) -> dict[str, Any]:
    return {"verdict": scores.parts["verdict/verdict"][0], "reward": scores.values[0]}


def _named(found: DistractorAccuracy, pairwise: str, best_of_n: str) -> dict[str, float]:
    return {pairwise: found.pairwise, best_of_n: found.best_of_n}


PARTS = {
    "verdict_reward": lambda completion, gold: _said(REWARD.score(Batch([completion], winner=[gold]))),
    "webprmbench_metrics": lambda wins: _named(distractor_accuracy(wins), "pairwise_acc", "bon_acc"),
    "webprmbench_macro": lambda wins_by_env: _named(macro_distractor_accuracy(wins_by_env), "avg_pairwise", "avg_bon"),
    "knockout_select": lambda n, beats: knockout_select(n, beats),
}
