"""Rules that make one value of several: (K, N) terms to (N,), K rewards of the same N samples.

NaN means that a term could not be scored. ``missing`` says what that does: ``"nan"`` leaves the result unscored, ``"drop"``
goes on with the other terms, ``"zero"`` counts the term as 0. With no scored term at all the result is NaN in every case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Bools, Floats
from guerdon.shaping.transforms import sigmoid

Missing = Literal["nan", "drop", "zero"]


def as_terms(terms: ArrayLike) -> Floats:
    """``terms`` as a (K, N) float64 array.

    Raises:
        ValueError: no term, or not one row per term.
    """
    try:
        array = np.asarray(terms, dtype=np.float64)
    except ValueError:
        raise ValueError(
            "terms has rows of different lengths or no numbers; give N values per term, shape (K, N)"
        ) from None
    if array.ndim != 2 or not len(array):
        raise ValueError(f"terms has shape {array.shape}; give at least one row of N values per term, shape (K, N)")
    return array


def weighted_sum(terms: ArrayLike, weights: ArrayLike, missing: Missing = "nan") -> Floats:
    """sum_k w_k v_k; a term of weight 0 is never looked at, so that it can be scored for the log only.

    ``"drop"`` scales the rest up to the full weight, by sum |w_k| / sum of the scored |w_k|. Weights are (K,), or (K, N).

    Raises:
        ValueError: not one weight per term.

    >>> nan = float("nan")
    >>> weighted_sum([[1.0, nan], [2.0, 2.0]], (1.0, 0.5)).tolist()
    [2.0, nan]
    >>> weighted_sum([[1.0, nan], [2.0, 2.0]], (1.0, 0.5), missing="drop").tolist()
    [2.0, 3.0]
    """
    t = as_terms(terms)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape not in ((len(t),), t.shape):
        raise ValueError(f"weights has shape {w.shape} for {len(t)} terms; give one weight per term")
    w = np.broadcast_to(w if w.ndim == 2 else w[:, None], t.shape)
    live = w != 0
    scored = live & ~np.isnan(t)
    total = (np.where(scored, w, 0.0) * np.where(scored, t, 0.0)).sum(axis=0)
    if missing == "drop":
        reach = np.abs(np.where(scored, w, 0.0)).sum(axis=0)
        complete = (live == scored).all(axis=0)
        total = np.where(complete, total, total * (np.abs(w).sum(axis=0) / np.where(reach > 0, reach, 1.0)))
    return _unscored_where(total, live, scored, missing)


def mean(terms: ArrayLike, weights: ArrayLike | None = None, missing: Missing = "nan") -> Floats:
    """sum_k w_k v_k / sum_k w_k over the terms that count; equal weights unless given.

    Raises:
        ValueError: a negative weight, or weights that sum to 0.

    >>> mean([[1.0, 0.0], [0.0, 0.0]], weights=(3.0, 1.0)).tolist()
    [0.75, 0.0]
    """
    t = as_terms(terms)
    w = np.ones(len(t)) if weights is None else np.asarray(weights, dtype=np.float64)
    if np.any(w < 0) or not np.all(w.sum(axis=0) > 0):
        raise ValueError(f"weights={w.tolist()} must not be negative and must not all be 0")
    return np.asarray(weighted_sum(t, w, missing) / w.sum(axis=0))


def product(terms: ArrayLike, missing: Missing = "nan") -> Floats:
    """prod_k v_k: any 0 makes it 0.

    >>> product([[0.5, 1.0], [0.5, 0.0]]).tolist()
    [0.25, 0.0]
    """
    return _reduced(np.prod, terms, missing, neutral=1.0)


def minimum(terms: ArrayLike, missing: Missing = "nan") -> Floats:
    """min_k v_k: as good as the worst term.

    >>> minimum([[0.5, 1.0], [0.7, 0.0]]).tolist()
    [0.5, 0.0]
    """
    return _reduced(np.min, terms, missing, neutral=np.inf)


def maximum(terms: ArrayLike, missing: Missing = "nan") -> Floats:
    """max_k v_k: as good as the best term.

    >>> maximum([[0.5, 1.0], [0.7, 0.0]]).tolist()
    [0.7, 1.0]
    """
    return _reduced(np.max, terms, missing, neutral=-np.inf)


def log_sum_exp(
    terms: ArrayLike, *, temperature: float = 1.0, average: bool = False, missing: Missing = "nan"
) -> Floats:
    """T log sum_k exp(v_k / T): a soft maximum for T > 0, a soft minimum for T < 0; ``average`` divides the sum by K.

    Raises:
        ValueError: temperature 0; use ``maximum`` or ``minimum``.

    >>> log_sum_exp([[0.0, 1000.0], [0.0, 0.0]]).round(4).tolist()
    [0.6931, 1000.0]
    >>> log_sum_exp([[3.0], [5.0]], temperature=-1.0).round(4).tolist()
    [2.8731]
    """
    if temperature == 0:
        raise ValueError("temperature=0 has no soft maximum; use maximum or minimum")
    t = as_terms(terms)
    scored = ~np.isnan(t)
    live = np.ones_like(scored)
    z = np.where(scored, t, 0.0 if missing == "zero" else -np.sign(temperature) * np.inf) / temperature
    top = z.max(axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    counted = live.sum(axis=0) if missing == "zero" else np.maximum(scored.sum(axis=0), 1)
    with np.errstate(divide="ignore"):
        total = top + np.log(np.exp(z - top).sum(axis=0)) - (np.log(counted) if average else 0.0)
    return _unscored_where(temperature * total, live, scored, missing)


def harmonic_mean(terms: ArrayLike, *, missing: Missing = "nan") -> Floats:
    """K / sum_k (1 / v_k) of terms that are not negative; 0 where one is 0.

    >>> harmonic_mean([[1.0, 0.0], [0.5, 1.0]]).round(4).tolist()
    [0.6667, 0.0]
    """
    t = as_terms(terms)
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / mean(np.where(t > 0, 1.0 / t, np.where(np.isnan(t), np.nan, np.inf)), missing=missing))


def geometric_mean(terms: ArrayLike, *, delta: float = 0.0, missing: Missing = "nan") -> Floats:
    """exp(mean_k ln((v_k + delta) / (1 + delta))) of terms clipped to [0, 1]: a soft AND, 1 only where all are 1.

    One failure among K costs a factor (delta / (1 + delta))^(1/K), so that it weighs less among many; delta 0 makes it 0.

    Source: SearchLLM 2026 (arXiv 2603.10473), Eq. 1 with delta = 0.01.

    >>> geometric_mean([[1.0, 0.0], [1.0, 1.0]], delta=0.01).round(4).tolist()
    [1.0, 0.0995]
    """
    if delta < 0:
        raise ValueError(f"delta={delta} must not be negative")
    with np.errstate(divide="ignore"):
        logs = np.log((np.clip(as_terms(terms), 0.0, 1.0) + delta) / (1.0 + delta))
        zero = np.log(delta / (1.0 + delta)) if delta > 0 else -np.inf
    scored = ~np.isnan(logs)
    if missing == "zero":
        logs = np.where(scored, logs, zero)
    counted = np.full(logs.shape[1], len(logs)) if missing == "zero" else np.maximum(scored.sum(axis=0), 1)
    result = np.exp(np.where(np.isnan(logs), 0.0, logs).sum(axis=0) / counted)
    return _unscored_where(result, np.ones_like(scored), scored, missing)


def gate(
    condition: ArrayLike, objective: ArrayLike, *, at_least: ArrayLike = 0.5, otherwise: ArrayLike = 0.0
) -> Floats:
    """``objective`` where ``condition`` >= at_least, elsewhere ``otherwise``; NaN where the condition is.

    An unscored objective behind a closed gate does no harm.

    >>> gate([1.0, 0.0, float("nan")], [0.7, float("nan"), 0.7], otherwise=-1.0).tolist()
    [0.7, -1.0, nan]
    """
    c, o = np.asarray(condition, dtype=np.float64), np.asarray(objective, dtype=np.float64)
    opened = np.where(c >= np.asarray(at_least, dtype=np.float64), o, np.asarray(otherwise, dtype=np.float64))
    return np.asarray(np.where(np.isnan(c), np.nan, opened))


def soft_gate(condition: ArrayLike, objective: ArrayLike, *, center: float = 0.5, sharpness: float = 10.0) -> Floats:
    """objective * sigmoid(sharpness (condition - center)).

    >>> soft_gate([0.5, 1.0], [1.0, 1.0]).round(4).tolist()
    [0.5, 0.9933]
    """
    return np.asarray(sigmoid(condition, center=center, sharpness=sharpness) * np.asarray(objective, dtype=np.float64))


def first_scored(terms: ArrayLike) -> Floats:
    """The first term that is not NaN.

    >>> first_scored([[float("nan"), 1.0], [0.3, 0.4]]).tolist()
    [0.3, 1.0]
    """
    t = as_terms(terms)
    return np.asarray(t[(~np.isnan(t)).argmax(axis=0), np.arange(t.shape[1])])


def rule_else_model(rule: ArrayLike, model: ArrayLike, *, verifiable: ArrayLike | None = None) -> Floats:
    """The rule's verdict where the sample is verifiable, the model's score elsewhere.

    Verifiable means, unless said per sample, that the rule gave a value. A verifiable sample never falls back on the model.

    Source: Beyond Monolithic Rewards 2025 (arXiv 2510.05283), Eq. 1.

    >>> rule_else_model([0.0, float("nan")], [0.8, 0.8]).tolist()
    [0.0, 0.8]
    """
    r, m = np.asarray(rule, dtype=np.float64), np.asarray(model, dtype=np.float64)
    by_rule = ~np.isnan(r) if verifiable is None else np.asarray(verifiable, dtype=bool)
    return np.asarray(np.where(by_rule, r, m))


def passed_else_model(rule: ArrayLike, model: ArrayLike, *, at_least: float = 1.0, cap: float = 1.0) -> Floats:
    """The rule's value where it reaches ``at_least``, elsewhere the model's score, at most ``cap``; also without a rule's value.

    Source: BaseReward 2025 (arXiv 2509.16127), hybrid reward, with a sigmoid of the reward model's score as ``model``.

    >>> passed_else_model([1.0, 0.0, float("nan")], [0.2, 0.9, 0.4], cap=0.5).tolist()
    [1.0, 0.5, 0.4]
    """
    r, m = np.asarray(rule, dtype=np.float64), np.asarray(model, dtype=np.float64)
    return np.asarray(np.where(r >= at_least, r, np.minimum(m, cap)))


def confidence_weighted(terms: ArrayLike, confidence: ArrayLike) -> Floats:
    """sum_k c_k v_k / sum_k c_k with confidences (K, N) or (K,), over the scored terms; NaN where none has confidence.

    Raises:
        ValueError: a negative confidence.

    >>> confidence_weighted([[1.0], [0.0]], [[0.9], [0.3]]).tolist()
    [0.75]
    """
    t = as_terms(terms)
    c = np.asarray(confidence, dtype=np.float64)
    c = np.broadcast_to(c if c.ndim == 2 else c[:, None], t.shape)
    if np.any(c < 0):
        raise ValueError(f"confidence={c.tolist()} must not be negative")
    c = np.where(np.isnan(t) | np.isnan(c), 0.0, c)
    total = c.sum(axis=0)
    weighted = (c * np.where(c > 0, t, 0.0)).sum(axis=0) / np.where(total > 0, total, 1.0)
    return np.asarray(np.where(total > 0, weighted, np.nan))


def ensemble(
    terms: ArrayLike,
    *,
    reduce: Literal["mean", "median", "min", "max"] = "mean",
    penalty: float = 0.0,
    spread: Literal["std", "variance"] = "std",
    missing: Missing = "nan",
) -> Floats:
    """Several scorers of one thing: their mean, median, min (worst case) or max, minus ``penalty`` times their disagreement.

    Disagreement is the population standard deviation over members, or with ``spread="variance"`` its square. One member has
    none. ``missing`` is ``"nan"`` or ``"drop"``.

    Source: Coste et al. 2023 (arXiv 2310.02743), worst-case and uncertainty-weighted ensembles.

    >>> ensemble([[1.0, 2.0], [3.0, 2.0]], penalty=0.5).tolist()
    [1.5, 2.0]
    """
    t = _members(terms, missing)
    reductions: dict[str, Callable[..., Floats]] = {
        "mean": np.nanmean,
        "median": np.nanmedian,
        "min": np.nanmin,
        "max": np.nanmax,
    }
    if reduce not in reductions:
        raise ValueError(f"reduce={reduce!r} is unknown; choices: {', '.join(reductions)}")
    if spread not in ("std", "variance"):
        raise ValueError(f"spread={spread!r} is unknown; choices: std, variance")
    scored = ~np.isnan(t).all(axis=0)
    result = np.full(t.shape[1], np.nan)
    result[scored] = reductions[reduce](t[:, scored], axis=0)
    if penalty:
        std = ensemble_spread(t, missing="drop")
        result = result - penalty * (std if spread == "std" else std**2)
    return result


def ensemble_spread(terms: ArrayLike, *, missing: Missing = "nan") -> Floats:
    """Population standard deviation over the members of an ensemble: its uncertainty; 0 for one member.

    >>> ensemble_spread([[1.0, 2.0], [3.0, 2.0]]).tolist()
    [1.0, 0.0]
    """
    t = _members(terms, missing)
    scored = ~np.isnan(t).all(axis=0)
    result = np.full(t.shape[1], np.nan)
    result[scored] = np.nanstd(t[:, scored], axis=0)
    return result


def _members(terms: ArrayLike, missing: Missing) -> Floats:
    t = as_terms(terms)
    if missing not in ("nan", "drop"):
        raise ValueError(f"missing={missing!r} has no meaning in an ensemble; choices: nan, drop")
    return np.asarray(np.where(np.isnan(t).any(axis=0), np.nan, t)) if missing == "nan" else t


def _reduced(function: Callable[..., Floats], terms: ArrayLike, missing: Missing, *, neutral: float) -> Floats:
    t = as_terms(terms)
    scored = ~np.isnan(t)
    filled = np.where(scored, t, 0.0 if missing == "zero" else neutral)
    return _unscored_where(np.asarray(function(filled, axis=0)), np.ones_like(scored), scored, missing)


def _unscored_where(result: Floats, live: Bools, scored: Bools, missing: Missing) -> Floats:
    """``result`` with NaN where too few of the terms that count are scored."""
    if missing not in ("nan", "drop", "zero"):
        raise ValueError(f"missing={missing!r} is unknown; choices: nan, drop, zero")
    unscored = (live & ~scored).any(axis=0) if missing == "nan" else live.any(axis=0) & ~scored.any(axis=0)
    return np.asarray(np.where(unscored, np.nan, result))
