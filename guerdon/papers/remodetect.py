"""ReMoDetect: a reward model, tuned to prefer what aligned models write, as a detector of their texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.errors import UserError
from guerdon.models.reward_model import RewardModel
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import HumanLikeness
from guerdon.shaping.calibration import auroc, false_positive_threshold, precision_recall_auc, true_positive_rate_at
from guerdon.training.losses.reward_ranking import ContinualPreference

PAPER = Paper(
    slug="remodetect",
    title="ReMoDetect: Reward Models Recognize Aligned LLM's Generations",
    year=2024,
    arxiv="2405.17382",
    kind="objective",
    parts={
        "ranking of model's, mixed and human texts": RELEASED,
        "replay anchored to the initial rewards": RELEASED,
        "half of a human text's sentences rephrased": RELEASED,
        "AUROC, area under precision and recall, hits at 1% false alarms": RELEASED,
        "texts ordered, not shifted, after an unreadable reply": PUBLISHED,
        "a threshold from human texts, the reward for reading as human": OURS,
    },
    columns=(),
)

FALSE_POSITIVE_RATE = 0.01


def build(variant: str = "default", **options: Any) -> ContinualPreference:
    """The objective mean_k lambda_k l(a_k, b_k) + c sum (r_0 - r)^2, l(a, b) = -log sigmoid(r_a - r_b) + l2 (r_a^2 + r_b^2) / 2.

    Pairs and lambdas: (model's, mixed) 0.35, (model's, human) 1, (mixed, human) 0.35, as in the released run; l2 and c are 0.01.
    :func:`guerdon.training.continual_preference.tune_with_replay` trains with it, on texts of
    :mod:`guerdon.training.preferences.mixed_texts`.

    Args:
        options: fields of :class:`guerdon.training.losses.reward_ranking.ContinualPreference`.
    """
    return ContinualPreference(**options)


def detection(scores_human: ArrayLike, scores_llm: ArrayLike) -> dict[str, float]:
    """How well scores tell models' texts (higher) from human ones: ``auroc``, ``pr_auc``, ``tpr_at_1_fpr``.

    Raises:
        ValueError: one of the classes is empty.

    >>> detection([0.1, 0.2], [0.3, 0.4])
    {'auroc': 1.0, 'pr_auc': 1.0, 'tpr_at_1_fpr': 1.0}
    """
    scores, labels = _labelled(scores_human, scores_llm)
    return {
        "auroc": auroc(scores, labels),
        "pr_auc": precision_recall_auc(scores, labels),
        "tpr_at_1_fpr": true_positive_rate_at(scores, labels, false_positive_rate=FALSE_POSITIVE_RATE),
    }


def human_reward(
    model: RewardModel, human_scores: ArrayLike, *, false_positive_rate: float = 0.05, **options: Any
) -> Reward:
    """A reward for text that the detector does not find: 0.5 where a text scores as high as all but 5% of the human ones.

    Args:
        model: the tuned reward model.
        human_scores: its scores of human texts of the domain and language the reward is for.
        false_positive_rate: share of those that may lie above the threshold.
        options: fields of :class:`guerdon.rewards.HumanLikeness`.
    """
    try:
        threshold = false_positive_threshold(human_scores, false_positive_rate=false_positive_rate)
    except ValueError as error:
        raise UserError(str(error)) from None
    return HumanLikeness(model, threshold=threshold, **options)


def _labelled(scores_human: ArrayLike, scores_llm: ArrayLike) -> tuple[list[float], list[int]]:
    human, llm = np.asarray(scores_human, dtype=np.float64).tolist(), np.asarray(scores_llm, dtype=np.float64).tolist()
    return [*human, *llm], [0] * len(human) + [1] * len(llm)
