"""RewardAnything: variant ``"official"`` throughout; the accuracy's kernel is fed what a judge's reply would hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guerdon import Batch, Scores, find_paper
from guerdon.shaping.concordance import weighted_concordance
from guerdon.text.score_lists import Masked, ScoreList, masked_names, read_score_list

REWARD = find_paper("rewardanything").build("official")


def _scored(completion: str, gold_json: str) -> Scores:
    return REWARD.score(Batch([completion], gold=[gold_json]))


def _without_consistency(scores: Scores) -> float:
    return float(scores.parts["list_verdict/format"][0] - 0.2 * scores.parts["list_verdict/consistency"][0])


def _list(said: ScoreList) -> dict[str, Any]:
    return {"reasoning": said.reasoning, "scores": dict(said.scores), "ranking": said.ranking}


def _masked(masked: Masked) -> dict[str, Any]:
    return {"responses_masked": masked.responses, "masked_to_real": masked.real}


def _parsed(completion: str, masked_to_real: Mapping[str, str] | None = None) -> dict[str, Any]:
    return _list(read_score_list(completion, masked_to_real, variant="official"))


PARTS = {
    "weighted_pair_reward": lambda pred_scores, gold_scores: weighted_concordance(
        pred_scores, gold_scores, variant="official"
    ),
    "parse_output": _parsed,
    "mask_names": lambda responses: _masked(masked_names(responses)),
    "format_reward_without_consistency": lambda completion, gold_json: _without_consistency(
        _scored(completion, gold_json)
    ),
    "format_reward_full": lambda completion, gold_json: float(
        _scored(completion, gold_json).parts["list_verdict/format"][0]
    ),
}
