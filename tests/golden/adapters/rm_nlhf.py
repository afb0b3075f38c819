"""RM-NLHF: variant ``"official"`` with a scripted scorer; matches are decided by strength, ties to the first."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from guerdon import Batch, Scores, find_paper
from guerdon.models.chat import ScriptedChat
from guerdon.shaping.critique_rewards import argument_f1, critique_reward
from guerdon.shaping.tournaments import double_elimination, play
from guerdon.text.critiques import read_choice, read_evaluation


def _reward(
    completion: str,
    winner: str,
    human_critique: Any,
    scripted_scorer_output: str | None,
    weight_process: float,
    threshold: float,
) -> dict[str, float]:
    return _parts(
        find_paper("rm-nlhf")
        .build(
            "official",
            chat=ScriptedChat({}, default=scripted_scorer_output),
            weight_process=weight_process,
            threshold=threshold,
        )
        .score(Batch([completion], winner=[winner], human_critique=[human_critique]))
    )


def _parts(scores: Scores) -> dict[str, float]:
    """What was not asked for counts 0 in the released log."""
    return {
        "score": float(scores.values[0]),
        "weighted_sum_score": float(scores.values[0]),
        "reward_format": float(scores.parts["verdict/format"][0]),
        "reward_outcome": float(scores.parts["verdict/outcome"][0]),
        "reward_critique_score": float(np.nan_to_num(scores.parts["key_arguments"][0])),
        "reward_quant_critique_score": float(np.nan_to_num(scores.parts["process"][0])),
        "critique_precision": float(np.nan_to_num(scores.parts["key_arguments/precision"][0])),
        "critique_recall": float(np.nan_to_num(scores.parts["key_arguments/recall"][0])),
    }


def _combined(
    reward_format: float,
    reward_outcome: float,
    quantised_critique_score: float,
    has_human_critique: bool,
    metarm_score: float,
    weight_rule: float,
    weight_model: float,
) -> float:
    """A broken form is a verdict of -1."""
    return float(
        critique_reward(
            [[[reward_outcome, -1.0][reward_format < 0]], [quantised_critique_score], [metarm_score]],
            critiques=[["", "a critique"][has_human_critique]],
            weight_rule=weight_rule,
            weight_model=weight_model,
        )[0]
    )


def _standing(strengths: list[float], initial_order: list[int], tie_rule: str) -> Any:
    return _played([strengths[i] for i in initial_order])[np.argsort(initial_order)]


def _played(strengths: list[float]) -> Any:
    return play(
        double_elimination(len(strengths)),
        lambda i, j: (1.0 + np.sign(strengths[i] - strengths[j])) / 2.0,
    ).standing


PARTS = {
    "parse_evaluation": lambda completion: asdict(read_evaluation(completion)),
    "reward": _reward,
    "key_argument_f1": lambda true_positives, n_generated, n_reference: argument_f1(
        true_positives, n_generated, n_reference
    ),
    "combine_with_metarm": _combined,
    "pairwise_parse": lambda completion: {"choice": read_choice(completion)},
    "double_elimination_scores": _standing,
}
