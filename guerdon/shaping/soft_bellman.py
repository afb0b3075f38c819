"""Inverse soft Bellman: the reward of every token that a language model's logits imply when they are read as soft Q-values."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values

Terminal = Literal["zero", "next"]
SequenceAggregate = Literal["sum", "mean", "discounted_sum"]


def soft_values(logits: ArrayLike, *, alpha: float = 1.0) -> Floats:
    """V(s) = alpha logsumexp_a(Q(s, a) / alpha) over the last axis: (H, V) -> (H,).

    Never overflows; -inf (masked) logits take no part; a state whose logits are all -inf has -inf.

    Raises:
        ValueError: an alpha that is not positive.

    >>> soft_values([[0.0, 0.0], [1000.0, -np.inf]]).round(4).tolist()
    [0.6931, 1000.0]
    """
    _check_alpha(alpha)
    q = np.asarray(logits, dtype=np.float64) / alpha
    top = q.max(axis=-1, keepdims=True) if q.size else q[..., :1]
    top = np.where(np.isneginf(top), 0.0, top)
    with np.errstate(divide="ignore"):
        return np.asarray(alpha * (np.log(np.exp(q - top).sum(axis=-1)) + top[..., 0]))


def soft_token_rewards(chosen: ArrayLike, values: ArrayLike, *, terminal: Terminal = "zero") -> Floats:
    """r_h = Q(s_h, a_h) - V(s_{h+1}) for every token, (H,): its log-probability plus shaping with potential V.

    ``terminal="zero"`` takes the potential after the last token as 0, so that the last reward is Q(s_H, a_H); ``"next"`` uses
    that of the logits after it. The sum is alpha log pi + V(s_1), or that minus V(s_{H+1}): only with ``"zero"`` does it rank
    the responses to one prompt whatever constants are added to the logits of single states.

    Args:
        chosen: (H,) logits of the tokens, Q.
        values: (H + 1,) soft values of the states before each token and after the last; (H,) will do for ``"zero"``.

    Raises:
        ValueError: an unknown ``terminal``, or too few values for it.

    Source: Li et al. 2025 (arXiv 2506.23235), eq. 11.

    >>> (
    ...     soft_token_rewards([1.0, 2.0], [1.5, 2.5, 3.0]).tolist(),
    ...     soft_token_rewards([1.0, 2.0], [1.5, 2.5, 3.0], terminal="next").tolist(),
    ... )
    ([-1.5, 2.0], [-1.5, -1.0])
    """
    if terminal not in ("zero", "next"):
        raise ValueError(f"terminal={terminal!r} is unknown; choices: zero, next")
    q, v = as_values(chosen, "chosen"), as_values(values, "values")
    needed = len(q) + (terminal == "next")
    if len(v) < needed:
        raise ValueError(f"terminal={terminal!r} needs {needed} state values for {len(q)} tokens, not {len(v)}")
    after = np.append(v[1 : len(q)], 0.0) if terminal == "zero" else v[1 : len(q) + 1]
    impossible = np.isneginf(q)
    return np.asarray(np.where(impossible, -np.inf, np.where(impossible, 0.0, q) - after[: len(q)]))


class Endogenous(NamedTuple):
    """What a response's logits say: rewards (H,), state values (H,) or (H + 1,), their sum, and alpha log pi(response)."""

    token_rewards: Floats
    values: Floats
    sequence_reward: float
    alpha_times_logprob: float


def endogenous_rewards(
    logits: ArrayLike, token_ids: ArrayLike, *, alpha: float = 1.0, terminal: Terminal = "zero"
) -> Endogenous:
    """Token rewards of a response from full logits (H, V), or (H + 1, V) for ``terminal="next"``; see :func:`soft_token_rewards`.

    No tokens: no rewards, and a sum of 0.

    Source: Li et al. 2025 (arXiv 2506.23235), eqs. 11 and 12.

    >>> endogenous_rewards([[0.0, 0.0], [1.0, 0.0]], [0, 0]).token_rewards.round(4).tolist()
    [-1.3133, 1.0]
    """
    _check_alpha(alpha)
    ids = np.asarray(token_ids, dtype=np.int64).reshape(-1)
    table = np.asarray(logits, dtype=np.float64)
    if not len(ids):
        values = soft_values(table[: terminal == "next"], alpha=alpha) if table.ndim == 2 else np.zeros(0)
        return Endogenous(np.zeros(0), values, 0.0, 0.0)
    if table.ndim != 2 or len(table) < len(ids):
        raise ValueError(
            f"logits have shape {table.shape}; give one row of the vocabulary's size per token ({len(ids)})"
        )
    values = soft_values(table, alpha=alpha)
    chosen = table[np.arange(len(ids)), ids]
    rewards = soft_token_rewards(chosen, values, terminal=terminal)
    impossible = np.isneginf(chosen)
    logprob = -np.inf if impossible.any() else float((chosen - values[: len(ids)]).sum())
    kept = values[: len(ids) + (terminal == "next")]
    return Endogenous(rewards, kept, float(rewards.sum()), logprob)


def weighted_tokens(
    rewards: ArrayLike, how: SequenceAggregate = "sum", *, gamma: float = 0.95, clip_min: float = 0.2
) -> Floats:
    """Rewards of tokens, (H,), times the weight each has in the sequence's: their sum is the aggregate.

    1 for ``"sum"``, 1 / H for ``"mean"``, max(gamma^t, clip_min) with t from 0 for ``"discounted_sum"``.

    Raises:
        ValueError: an unknown ``how``.

    >>> weighted_tokens([-0.5, -1.0, -0.2], "discounted_sum").round(4).tolist()
    [-0.5, -0.95, -0.1805]
    """
    r = as_values(rewards, "rewards")
    if how == "sum":
        return r
    if how == "mean":
        return np.asarray(r / max(len(r), 1))
    if how == "discounted_sum":
        with np.errstate(under="ignore"):
            return np.asarray(r * np.maximum(gamma ** np.arange(len(r)), clip_min))
    raise ValueError(f"how={how!r} is unknown; choices: sum, mean, discounted_sum")


def sequence_score(
    logprobs: ArrayLike,
    how: SequenceAggregate = "sum",
    *,
    alpha: float = 1.0,
    gamma: float = 0.95,
    clip_min: float = 0.2,
) -> float:
    """Outcome reward of a response from its tokens' log-probabilities alone, up to V(s_1), which only the prompt decides.

    alpha times the aggregate of :func:`weighted_tokens`; 0 for no tokens.

    Source: Li et al. 2025 (arXiv 2506.23235); ``mean`` and ``discounted_sum`` are a public reimplementation's.

    >>> sequence_score([-0.5, -1.0, -0.2]), round(sequence_score([-0.5, -1.0, -0.2], "discounted_sum"), 4)
    (-1.7, -1.6305)
    """
    _check_alpha(alpha)
    return alpha * float(weighted_tokens(logprobs, how, gamma=gamma, clip_min=clip_min).sum())


def _check_alpha(alpha: float) -> None:
    if not alpha > 0:
        raise ValueError(f"alpha={alpha} must be above 0")
