"""Likelihoods of a text as one number: aggregates of its tokens' log-probabilities, perplexities, and averages over answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values, group_count, group_rank

Aggregate = Literal["sum", "mean", "prob", "mean_prob", "exp_mean"]
AGGREGATES: tuple[str, ...] = get_args(Aggregate)

#: What an impossible token counts, so that sums, and the means of groups that hold them, stay finite.
FLOOR = -1e4


def sequence_likelihood(
    logprobs: ArrayLike,
    how: Aggregate = "sum",
    *,
    mask: ArrayLike | None = None,
    floor: float = FLOOR,
    empty: float | None = None,
) -> float:
    """How likely a text is by its tokens' log-probabilities l_t, T of them.

    * ``"sum"``: sum l_t, its log-probability; grows with length.
    * ``"mean"``: (1/T) sum l_t, per token.
    * ``"prob"``: exp(sum l_t), its probability; 0 in floating point for long texts.
    * ``"mean_prob"``: (1/T) sum exp(l_t), mean probability of its tokens.
    * ``"exp_mean"``: exp((1/T) sum l_t), the geometric mean of them, 1 over perplexity.

    Args:
        logprobs: (T,) natural log-probabilities; one below ``floor`` counts as ``floor``.
        mask: (T,) which tokens count.
        empty: what no token at all is worth; None: an error.

    Returns:
        In (-inf, 0] for sum and mean, in [0, 1] for the rest. NaN where a token is.

    Raises:
        ValueError: an unknown ``how``, a mask of another shape, or no token and no ``empty``.

    Source: Kwiatkowski et al. 2026 (arXiv 2602.03979), section 2.

    >>> [round(sequence_likelihood([-0.5, -1.5], how), 4) for how in AGGREGATES]
    [-2.0, -1.0, 0.1353, 0.4148, 0.3679]
    """
    if how not in AGGREGATES:
        raise ValueError(f"how={how!r} is unknown; choices: {', '.join(AGGREGATES)}")
    tokens = as_values(logprobs, "logprobs")
    if mask is not None:
        kept = np.asarray(mask, dtype=bool)
        if kept.shape != tokens.shape:
            raise ValueError(f"mask has shape {kept.shape} for {tokens.shape} log-probabilities; give one per token")
        tokens = tokens[kept]
    if not tokens.size:
        if empty is None:
            raise ValueError(
                "logprobs holds no token that counts; an empty text has no likelihood, give empty=... where it may come"
            )
        return empty
    tokens = np.maximum(tokens, floor)
    if how == "mean_prob":
        return float(np.exp(tokens).mean())
    total = float(tokens.sum()) if how in ("sum", "prob") else float(tokens.mean())
    return total if how in ("sum", "mean") else float(np.exp(total))


def likelihood_slope(logprobs: ArrayLike, how: Aggregate = "sum", *, floor: float = FLOOR) -> Floats:
    """(T,) how much :func:`sequence_likelihood` changes with each log-probability; 0 for one below ``floor``.

    >>> likelihood_slope([-0.5, -1.5], "mean_prob").round(4).tolist()
    [0.3033, 0.1116]
    """
    tokens = as_values(logprobs, "logprobs")
    value = sequence_likelihood(tokens, how, floor=floor, empty=0.0)
    size = max(len(tokens), 1)
    slopes = {
        "sum": np.ones(len(tokens)),
        "mean": np.full(len(tokens), 1.0 / size),
        "prob": np.full(len(tokens), value),
        "mean_prob": np.exp(tokens) / size,
        "exp_mean": np.full(len(tokens), value / size),
    }
    return np.asarray(np.where(tokens < floor, 0.0, slopes[how]))


def perplexity(logprobs: ArrayLike, *, reasoning_tokens: int = 0, largest: float = 1e12) -> float:
    """exp(mean negative log-probability / max(1, 1 + log10 n)), n the length of the reasoning before; NaN above ``largest``.

    With n = 0 it is the plain perplexity. The more was said before, the more is forgiven. NaN without tokens.

    Source: arXiv 2602.03979, eq. 16; with n NOVER 2025 (arXiv 2505.16022), released code.

    >>> (
    ...     round(perplexity([-1.0, -2.0]), 4),
    ...     round(perplexity([-1.0, -2.0], reasoning_tokens=100), 4),
    ...     perplexity([-50.0]),
    ... )
    (4.4817, 1.6487, nan)
    """
    tokens = as_values(logprobs, "logprobs")
    if not tokens.size:
        return math.nan
    forgiven = max(1.0, 1.0 + math.log10(reasoning_tokens)) if reasoning_tokens > 0 else 1.0
    exponent = -float(tokens.mean()) / forgiven
    return math.exp(exponent) if exponent <= math.log(largest) else math.nan


def log_mean_exp(values: ArrayLike) -> float:
    """log((1/N) sum exp(v)): log-probability averaged over N samples of reasoning, at least their mean; NaN without samples.

    An underestimate, in expectation, of the log of the mean over all reasoning. Safe far below the range of exp.

    Source: arXiv 2602.03979, logprob-MC_N; Tang et al. 2025, JEPO.

    >>> round(log_mean_exp([-900.0, -1000.0]), 4)
    -900.6931
    """
    v = as_values(values)
    if not v.size:
        return math.nan
    top = float(v.max())
    return top if not math.isfinite(top) else top + math.log(float(np.exp(v - top).mean()))


def likelihood_metrics(logprobs: Sequence[ArrayLike]) -> dict[str, float]:
    """Of a set of answers: log-probability per token of the set, per answer (the mean of the answers' means), perplexity of that.

    Answers without tokens are left out; perplexity is NaN above 1e12.

    Source: arXiv 2602.03979, eqs. 15 and 16.

    >>> likelihood_metrics([[-0.5, -0.5], [-2.0]])["per_answer"]
    -1.25
    """
    answers = [tokens for each in logprobs if (tokens := as_values(each, "logprobs")).size]
    if not answers:
        return dict.fromkeys(("per_token", "per_answer", "perplexity"), math.nan)
    per_answer = float(np.mean([tokens.mean() for tokens in answers]))
    return {
        "per_token": float(np.concatenate(answers).mean()),
        "per_answer": per_answer,
        "perplexity": perplexity([per_answer]),
    }


def as_bfloat16(value: float) -> float:
    """A number rounded to the nearest bfloat16, ties to even: 8 significant bits; what a bf16 reward loses.

    >>> as_bfloat16(0.29098), as_bfloat16(1.0)
    (0.291015625, 1.0)
    """
    if not math.isfinite(value):
        return value
    with np.errstate(over="ignore"):
        bits = int(np.float32(value).view(np.uint32))
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return float(np.uint32(rounded).view(np.float32))


def perplexity_rank(perplexities: ArrayLike, groups: ArrayLike, *, ties: Literal["mean", "order"] = "mean") -> Floats:
    """(n - k) / n for the k-th lowest perplexity of a group, k from 0, n of them: 1 for the best, 1/n for the worst.

    Equal ones share the mean of their ranks, or with ``ties="order"`` the first one wins. NaN takes no part and stays NaN.

    Source: NOVER 2025 (arXiv 2505.16022), reasoning reward; ``"order"`` as released.

    >>> perplexity_rank([3.0, 1.5, 2.0, float("nan")], [0, 0, 0, 0]).round(4).tolist()
    [0.3333, 1.0, 0.6667, nan]
    """
    if ties not in ("mean", "order"):
        raise ValueError(f"ties={ties!r} is unknown; choices: mean, order")
    p = as_values(perplexities, "perplexities")
    n = group_count(p, groups)
    if ties == "order":
        order = np.argsort(p, kind="stable")
        places = np.empty(len(p))
        places[order] = np.arange(len(p), 0, -1)
        return np.asarray(group_rank(np.where(np.isnan(p), np.nan, places), groups) / np.maximum(n, 1.0))
    return np.asarray(group_rank(-p, groups) / np.maximum(n, 1.0))
