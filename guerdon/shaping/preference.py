"""Losses of preferences, demonstrations and labels, as numbers: what a reward model, or a policy, is fitted by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values, sibling_pairs


def preference_probability(first: ArrayLike, second: ArrayLike) -> Floats:
    """sigmoid(r_first - r_second): how often the first is preferred under Bradley-Terry; huge gaps are safe.

    >>> preference_probability([0.0, 1000.0], [0.0, -1000.0]).tolist()
    [0.5, 1.0]
    """
    gap = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return np.asarray(np.exp(-np.logaddexp(0.0, -gap)))


def bradley_terry_loss(
    chosen: ArrayLike,
    rejected: ArrayLike,
    *,
    margin: ArrayLike = 0.0,
    label: ArrayLike = 1.0,
    centering: float = 0.0,
) -> float:
    """-mean [p log sigmoid(d) + (1 - p) log sigmoid(-d)] + c mean (r_chosen + r_rejected)^2, d = r_chosen - r_rejected - margin.

    Args:
        chosen, rejected: (N,) rewards.
        margin: by how much the chosen one should win, one number or (N,).
        label: p, chance that "chosen" is the better one: 1 - epsilon smooths labels, 0.5 is a tie.
        centering: c, which holds rewards near 0.

    Raises:
        ValueError: no pairs, or not one chosen per rejected.

    Source: Bradley & Terry 1952; survey arXiv 2507.13158, section 4.1.

    >>> round(bradley_terry_loss([0.0], [0.0]), 4), bradley_terry_loss([1000.0], [-1000.0])
    (0.6931, 0.0)
    """
    good, bad = _paired(chosen, rejected)
    gap = good - bad - np.asarray(margin, dtype=np.float64)
    p = np.asarray(label, dtype=np.float64)
    losses = p * np.logaddexp(0.0, -gap) + (1.0 - p) * np.logaddexp(0.0, gap)
    return float(losses.mean() + centering * ((good + bad) ** 2).mean())


def classification_loss(chosen: ArrayLike, rejected: ArrayLike) -> float:
    """Order-consistent classifier: -mean over all 2N of log sigmoid(f) for chosen ones, log(1 - sigmoid(f)) for rejected ones.

    Pairs need not share a prompt, nor be as many on both sides: each side counts by the mean of its own, half each.

    Source: Sun et al. 2024; survey arXiv 2507.13158, section 4.1.

    >>> round(classification_loss([2.0, -1.0], [0.0, 1.0]), 4)
    0.8616
    """
    good, bad = as_values(chosen, "chosen"), as_values(rejected, "rejected")
    if not good.size or not bad.size:
        raise ValueError("chosen and rejected must hold at least one reward each")
    return float(0.5 * (np.logaddexp(0.0, -good).mean() + np.logaddexp(0.0, bad).mean()))


def correctness_loss(logits: ArrayLike, correct: ArrayLike) -> float:
    """Binary cross-entropy of logits (N,) against labels in [0, 1], such as whether a prompt made the answer right.

    Source: Sun et al. 2023, Prompt-OIRL; survey arXiv 2507.13158, section 4.2.

    >>> round(correctness_loss([-1.0, 1.0], [1, 0]), 4)
    1.3133
    """
    f, y = _paired(logits, correct, ("logits", "correct"))
    return float((np.logaddexp(0.0, f) - y * f).mean())


def dpo_loss(
    policy_chosen: ArrayLike,
    policy_rejected: ArrayLike,
    reference_chosen: ArrayLike,
    reference_rejected: ArrayLike,
    *,
    beta: float = 0.1,
) -> float:
    """-mean log sigmoid(beta [(log pi - log pi_ref)(chosen) - (log pi - log pi_ref)(rejected)]) of sequence log-probabilities.

    Source: Rafailov et al. 2023 (arXiv 2305.18290), eq. 7.

    >>> round(dpo_loss(-10.0, -12.0, -10.0, -12.0), 4)
    0.6931
    """
    terms = (policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    pc, pr, rc, rr = (np.atleast_1d(np.asarray(term, dtype=np.float64)) for term in terms)
    return bradley_terry_loss(beta * (pc - rc), beta * (pr - rr))


def ranked_loss(returns: ArrayLike, ranks: ArrayLike, groups: ArrayLike | None = None) -> float:
    """Bradley-Terry loss over all pairs of trajectories of a group of which one is ranked better (a larger rank), ties left out.

    Raises:
        ValueError: no pair.

    Source: Brown et al. 2019, T-REX (arXiv 1904.06387).

    >>> round(ranked_loss([0.0, 1.0, 2.0], [1, 2, 3]), 4)
    0.2512
    """
    values, order = _paired(returns, ranks, ("returns", "ranks"))
    better, worse = sibling_pairs(np.zeros(len(values), dtype=np.int64) if groups is None else groups)
    kept = order[better] > order[worse]
    return bradley_terry_loss(values[better[kept]], values[worse[kept]])


def maximum_margin_direction(expert: ArrayLike, policy: ArrayLike) -> Floats:
    """mu_expert - mu_policy, (D,): features that demonstrations have more of than samples; both (N, D).

    It is the weight of the projection method, which stops when its norm is small, and the gradient of maximum-entropy IRL.

    Source: Abbeel & Ng 2004; Ziebart et al. 2008; survey arXiv 2507.13158, Table 4.

    >>> maximum_margin_direction([[1.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]).tolist()
    [1.0, -0.5]
    """
    e, p = np.asarray(expert, dtype=np.float64), np.asarray(policy, dtype=np.float64)
    return np.asarray(e.mean(axis=0) - p.mean(axis=0))


def _paired(
    first: ArrayLike, second: ArrayLike, names: Sequence[str] = ("chosen", "rejected")
) -> tuple[Floats, Floats]:
    a, b = as_values(first, names[0]), as_values(second, names[1])
    if len(a) != len(b) or not a.size:
        raise ValueError(f"{names[0]} has {len(a)} values and {names[1]} {len(b)}; give as many of each, at least one")
    return a, b
