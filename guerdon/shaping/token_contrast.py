"""Token rewards by contrast: how much likelier a token is after a prompt that asks for better than after one for worse."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def contrast_token_rewards(
    logp_better: ArrayLike, logp_worse: ArrayLike, *, mask: ArrayLike | None = None
) -> NDArray[np.float64]:
    """sigmoid(log p_better - log p_worse) - 1/2 per token, in (-1/2, 1/2); exactly +-1/2 where one of them is impossible.

    Swapping the prompts negates it. A token outside ``mask`` has no counterpart and gets 0, as does one that is impossible
    under both prompts; NaN in either stays NaN.

    Args:
        logp_better, logp_worse: (T,) log-probabilities of the same tokens under the two prompts.
        mask: (T,) which tokens count; default all.

    Raises:
        ValueError: the shapes differ.

    Source: Zhou et al. 2024, T-REG (arXiv 2412.02685).

    >>> contrast_token_rewards([-1.0, -2.0, -0.5], [-1.0, -1.0, -60.0]).round(3).tolist()
    [0.0, -0.231, 0.5]
    """
    better, worse = np.asarray(logp_better, dtype=np.float64), np.asarray(logp_worse, dtype=np.float64)
    if better.shape != worse.shape:
        raise ValueError(
            f"logp_better has shape {better.shape} and logp_worse {worse.shape}; score the same tokens under both"
        )
    both = np.isneginf(better) & np.isneginf(worse)
    gap = np.where(both, 0.0, better) - np.where(both, 0.0, worse)
    rewards = 0.5 * np.tanh(0.5 * gap)
    if mask is None:
        return rewards
    kept = np.asarray(mask, dtype=bool)
    if kept.shape != better.shape:
        raise ValueError(
            f"mask has shape {kept.shape} and the log-probabilities {better.shape}; give one value per token"
        )
    return np.where(kept, rewards, 0.0)


def contrast_gap(logp_better: ArrayLike, logp_worse: ArrayLike) -> NDArray[np.float64]:
    """log p_better - log p_worse per token, the unsquashed contrast; 0 where a token is impossible under both.

    Its mean over an answer is the log of the ratio of perplexities, its sum the log ratio of likelihoods.

    >>> contrast_gap([-1.0, -np.inf], [-3.0, -np.inf]).tolist()
    [2.0, 0.0]
    """
    better, worse = np.asarray(logp_better, dtype=np.float64), np.asarray(logp_worse, dtype=np.float64)
    both = np.isneginf(better) & np.isneginf(worse)
    return np.asarray(np.where(both, 0.0, better) - np.where(both, 0.0, worse))
