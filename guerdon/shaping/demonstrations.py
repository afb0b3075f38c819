"""Rewards and losses from demonstrations: log-ratios of two policies, discriminators, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, Ints, as_values

Windows = Sequence[ArrayLike]


def window_log_ratio(new_logp: Windows, old_logp: Windows) -> Floats:
    """sum log pi_new - sum log pi_old over each window (W,), the log-odds that it is expert behaviour; an empty window gives 0.

    Source: Barde et al. 2020, ASAF (arXiv 2006.13258).

    >>> window_log_ratio([[-0.5, -0.5], [-1.0]], [[-1.0, -1.0], [-1.0]]).tolist()
    [1.0, 0.0]
    """
    return np.asarray(_window_sums(new_logp, "new_logp") - _window_sums(old_logp, "old_logp"))


def asaf_loss(
    learner_new_logp: Windows, learner_old_logp: Windows, expert_new_logp: Windows, expert_old_logp: Windows
) -> float:
    """Mean cross-entropy of the discriminator made of two policies, over learner and expert windows alike.

    -log sigmoid(S_new - S_old) for an expert window, -log sigmoid(S_old - S_new) for a learner window, S the summed
    log-probabilities under the new policy and the frozen generator. Equal policies give ln 2.

    Raises:
        ValueError: no window at all.

    Source: Barde et al. 2020, ASAF (arXiv 2006.13258).

    >>> round(asaf_loss([[-1.0]], [[-1.0]], [[-0.5]], [[-0.5]]), 6)
    0.693147
    """
    learner = window_log_ratio(learner_new_logp, learner_old_logp)
    expert = window_log_ratio(expert_new_logp, expert_old_logp)
    losses = np.concatenate([np.logaddexp(0.0, learner), np.logaddexp(0.0, -expert)])
    if not losses.size:
        raise ValueError("asaf_loss needs at least one window")
    return float(losses.mean())


def episode_windows(not_done: ArrayLike, size: int) -> tuple[Ints, Ints]:
    """First and last step (inclusive) of windows of at most ``size`` steps that never cross the end of an episode.

    ``not_done`` (T,) is 0 at the last step of an episode; the shorter rest of an episode is a window of its own.

    >>> [edges.tolist() for edges in episode_windows([1, 1, 0, 1, 1, 1, 0], 2)]
    [[0, 2, 3, 5], [1, 2, 4, 6]]
    """
    if size < 1:
        raise ValueError(f"size={size} must be at least 1")
    going = np.asarray(not_done).astype(bool)
    stops = np.flatnonzero(~going).tolist()
    if len(going) and going[-1]:
        stops.append(len(going) - 1)
    starts: list[int] = []
    ends: list[int] = []
    first = 0
    for stop in stops:
        for start in range(first, stop + 1, size):
            starts.append(start)
            ends.append(min(start + size - 1, stop))
        first = stop + 1
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)


def implicit_token_reward(
    policy_logp: ArrayLike, reference_logp: ArrayLike, *, beta: float, mask: ArrayLike | None = None
) -> Floats:
    """beta (log pi - log pi_ref) per token (T,), 0 outside the mask; its sum is the implicit reward of the sequence.

    Source: Rafailov et al. 2024 (arXiv 2404.12358).

    >>> implicit_token_reward([-1.0, -2.0], [-1.2, -1.0], beta=0.1).round(6).tolist()
    [0.02, -0.1]
    """
    ratio = as_values(policy_logp, "policy_logp") - as_values(reference_logp, "reference_logp")
    kept = np.ones(len(ratio), dtype=bool) if mask is None else np.asarray(mask).astype(bool)
    return np.asarray(np.where(kept, beta * ratio, 0.0))


def adversarial_reward(probability: ArrayLike, *, clip: float = 1e-6) -> Floats:
    """log D - log(1 - D) with the discriminator's probability D kept within [clip, 1 - clip].

    >>> adversarial_reward([0.5, 1.0]).round(3).tolist()
    [0.0, 13.816]
    """
    if not 0.0 < clip < 0.5:
        raise ValueError(f"clip={clip} must lie in (0, 0.5)")
    p = np.clip(np.asarray(probability, dtype=np.float64), clip, 1.0 - clip)
    return np.asarray(np.log(p) - np.log(1.0 - p))


def f_divergence_reward(log_ratio: ArrayLike, *, kind: Literal["airl", "gail", "fairl"]) -> Floats:
    """A reward of h = log rho_demo / rho_policy: airl h (reverse KL), gail log(1 + e^h) (JS), fairl -h e^h (forward KL).

    >>> f_divergence_reward([0.0, 1.0], kind="gail").round(4).tolist()
    [0.6931, 1.3133]
    """
    h = np.asarray(log_ratio, dtype=np.float64)
    if kind == "airl":
        return np.asarray(h.copy())
    if kind == "gail":
        return np.asarray(np.logaddexp(0.0, h))
    if kind == "fairl":
        return np.asarray(-h * np.exp(h))
    raise ValueError(f"kind={kind!r} is unknown; choices: airl, gail, fairl")


def prediction_kl(real: ArrayLike, predicted: ArrayLike) -> float:
    """KL(real || predicted) = sum p ln(p / q) over the last axis, averaged over the rest; 0 ln 0 is 0.

    Source: Roy et al. 2020 (arXiv 1908.02269), discrete team-mate prediction.

    >>> round(prediction_kl([0.9, 0.1], [0.5, 0.5]), 4)
    0.3681
    """
    p, q = np.asarray(real, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(np.where(p > 0, p, 1.0)) - np.log(q)), 0.0)
    return float(terms.sum(axis=-1).mean())


def _window_sums(windows: Windows, name: str) -> Floats:
    return np.array([as_values(window, name).sum() for window in windows], dtype=np.float64)
