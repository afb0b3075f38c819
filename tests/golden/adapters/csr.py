"""CSR: the default variant, over given similarities."""

from __future__ import annotations

from typing import Any

import numpy as np

from guerdon.papers.csr import semantic_confidence
from guerdon.rewards.agreement import agreement_calibration
from guerdon.shaping.calibration import auroc, brier_score, expected_calibration_error


def _reward(correct: list[int], calibration: Any, weight: float) -> dict[str, Any]:
    return {"calibration": calibration, "reward": np.array(correct) + weight * calibration}


PARTS = {
    "csr_reward": lambda correct, similarity, scope, **options: _reward(
        correct,
        agreement_calibration(np.reshape(similarity, (len(correct),) * 2), correct, scope=scope),
        options["lambda"],
    ),
    "ece": lambda confidence, correct, num_bins: expected_calibration_error(confidence, correct, bins=num_bins),
    "auroc": lambda confidence, correct: auroc(confidence, correct),
    "brier": lambda confidence, correct: brier_score(confidence, correct),
    "semantic_confidence": lambda similarity, threshold: semantic_confidence(similarity, threshold=threshold),
}
