"""Transforming and combining rewards: the default variant."""

from __future__ import annotations

import math

from guerdon import Batch, find_paper
from guerdon.papers.transform_combine import aligned_policy, marginal_gain
from guerdon.shaping.transforms import reference_quantile

PAPER = find_paper("transform-combine")


def _combined(rewards: list[float], references: list[float]) -> float:
    return float(
        PAPER.build(properties=_names(rewards))
        .score(Batch(["y"], columns={**_columns("{}", rewards), **_columns("{}_reference", references)}))
        .values[0]
    )


def _names(rewards: list[float]) -> list[str]:
    return [f"property{i}" for i in range(len(rewards))]


def _columns(form: str, values: list[float]) -> dict[str, list[float]]:
    return {form.format(name): [value] for name, value in zip(_names(values), values, strict=True)}


PARTS = {
    "lsc_transform": lambda reward, reference: _combined([reward], [reference]),
    "reference_gaussian_quantile": lambda base_rewards, quantile: float(
        reference_quantile(base_rewards, quantile=quantile, method="gaussian")
    ),
    "reference_empirical_quantile": lambda base_rewards, quantile: float(
        reference_quantile(base_rewards, quantile=quantile, method="empirical")
    ),
    "combine_sum": _combined,
    "p_good_all": lambda rewards, references: math.exp(_combined(rewards, references)),
    "aligned_policy_closed_form": lambda base_probs, rewards, reference, gamma: aligned_policy(
        base_probs, rewards, reference=reference, gamma=gamma
    ),
    "gradient_wrt_reward": lambda reward, reference: float(marginal_gain(reward, reference=reference)),
}
