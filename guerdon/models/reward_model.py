"""RewardModel: a trained model that scores prompt-completion pairs; the interface and its scripted stand-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guerdon.frozen import freeze
from guerdon.registry import register


@dataclass(frozen=True)
class Exchange:
    """A prompt and the completion to be scored, as text or chat messages."""

    prompt: Any
    completion: Any


class RewardModel:
    """A frozen description of a scalar or multi-head reward model; weights are loaded when first used."""

    heads: tuple[str, ...] = ()

    def score(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """(N,) scores, or (N, H) for a model with named heads. NaN where the model gave none."""
        raise TypeError(f"{type(self).__name__} has no score(exchanges); write it")


@register("reward_model", "scripted")
@dataclass(frozen=True)
class ScriptedRewardModel(RewardModel):
    """A stand-in whose scores are written down by completion text; what is not in the table scores NaN.

    >>> ScriptedRewardModel({"good": 1.5}).score([Exchange("q", "good")]).tolist()
    [1.5]
    """

    table: Mapping[str, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", freeze(dict(self.table)))

    def score(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        return np.array([self.table.get(str(exchange.completion), np.nan) for exchange in exchanges], dtype=np.float64)
