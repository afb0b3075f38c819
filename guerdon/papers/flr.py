"""FLR: the likelihood of satisfied against dissatisfied follow-ups as a reward, and preference pairs mined with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from guerdon.errors import UserError
from guerdon.models.lm import CausalLM
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import FollowUpLikelihood
from guerdon.rewards.followups import follow_up_reward
from guerdon.text.dialogues import Messages, alternating

PAPER = Paper(
    slug="flr",
    title="Aligning Language Models Using Follow-up Likelihood as Reward Signal",
    year=2024,
    arxiv="2409.13948",
    kind="reward",
    parts={
        "likelihood of follow-ups in the user's next turn": PUBLISHED,
        "raw logits at one position": RELEASED,
        "dialogues with exchanged roles for a tuned scorer": RELEASED,
        "difference of the means, mean over categories": OURS,
        "the utterances, calibration, guard against begging": OURS,
        "best and worst of several samples as a pair": PUBLISHED,
    },
    columns=(),
    range=(-math.inf, math.inf),
    variants=("default", "official", "finetuned"),
)

MODEL = "meta-llama/Meta-Llama-3-8B-Instruct"


def build(variant: str = "default", *, lm: CausalLM | str = MODEL, **options: Any) -> Reward:
    """r = mean over categories of (mean score of positive follow-ups - mean score of negative ones), by the user's next turn.

    ``"official"`` reads what the released code reads, raw logits at one position, and leaves begging in; for a tokenizer that
    puts a token before any text give its id as ``bos``. ``"finetuned"`` exchanges the roles for a scorer tuned to give feedback on
    the user's answers. The released code scores one category a run: ``categories=("correctness",)``.

    Mine pairs with ``guerdon.training.preferences.pairs.preference_pairs(batch, build(lm=...))``, from 4 to 8 samples per prompt.

    Args:
        lm: the scoring chat model; by default the released code's.
        options: fields of :class:`guerdon.rewards.FollowUpLikelihood`.
    """
    own: dict[str, dict[str, Any]] = {
        "official": {"scoring": "official_logit", "guard": False},
        "finetuned": {"swapped": True},
    }
    return FollowUpLikelihood(lm, **(own.get(variant, {}) | options))


def category_reward(categories: Mapping[str, Mapping[str, Sequence[float]]]) -> float:
    """The mean over categories of each one's difference of means; ``positive_scores`` and ``negative_scores`` per category.

    >>> category_reward({"relevance": {"positive_scores": [-1.0], "negative_scores": [-2.0]}})
    1.0
    """
    if not categories:
        raise UserError("categories is empty; give at least one")
    each = [follow_up_reward(scores["positive_scores"], scores["negative_scores"]) for scores in categories.values()]
    return float(np.mean(each))


def dialogue_messages(utterances: Sequence[str], variant: str = "default") -> Messages:
    """Bare utterances, the follow-up last, as messages: the first is left out where the follow-up would not be the user's.

    ``"finetuned"``: an invitation, the question, the answer, the feedback; the last is the assistant's, and all are kept.

    Raises:
        UserError: an odd number of utterances for ``"finetuned"``.

    >>> [message["role"] for message in dialogue_messages(["q", "a", "f"])]
    ['user', 'assistant', 'user']
    """
    if variant == "finetuned" and len(utterances) % 2:
        raise UserError(f"{len(utterances)} utterances: the feedback would not be the assistant's; give an even number")
    return alternating(utterances, last=None if variant == "finetuned" else "user")
