"""T-REG: token rewards from two contrary revision prompts regularise a preference loss."""

from __future__ import annotations

from typing import Any

from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.training.losses.direct_preference import TokenRegularizedPreference

PAPER = Paper(
    slug="t-reg",
    title="T-REG: Preference Optimization with Token-Level Reward Regularization",
    year=2024,
    arxiv="2412.02685",
    kind="objective",
    parts={
        "token rewards by contrastive prompting": PUBLISHED,
        "regulariser weighted by DPO's gradient": PUBLISHED,
        "best and worst of five samples as a pair": PUBLISHED,
        "wording of the prompts, answer shown in them": OURS,
        "weight without gradient, sum over tokens": OURS,
        "SimPO form": OURS,
    },
    columns=("prompt", "chosen", "rejected"),
    variants=("default", "simpo"),
)

#: What the paper searched alpha in.
ALPHAS = (0.1, 0.25, 0.5)


def build(variant: str = "default", **options: Any) -> TokenRegularizedPreference:
    """The objective L_DPO + alpha w (L_REG(chosen) + L_REG(rejected)); ``"simpo"``: with SimPO's loss in place of DPO's.

    Beta is not published: 0.1 is the usual default, 0.01 is common for on-policy pairs of an 8B model; SimPO's are 2.0 with a
    margin of 1.0. Three steps make the method: pairs by :func:`guerdon.training.preferences.pairs.preference_pairs`, token rewards
    by :func:`guerdon.training.preferences.token_rewards.with_token_rewards` under the reference model, and
    :class:`guerdon.integrations.trl_dpo.TokenRegularizedDPOTrainer`, which computes the default variant inside TRL.

    Args:
        options: fields of :class:`guerdon.training.losses.direct_preference.TokenRegularizedPreference`.
    """
    simpo: dict[str, Any] = {"base": "simpo", "beta": 2.0, "gamma": 1.0} if variant == "simpo" else {}
    return TokenRegularizedPreference(**(simpo | options))
