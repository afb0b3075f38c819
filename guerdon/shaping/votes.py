"""Agreement: votes over answers, and clusters, diversity and entropy of samples whose similarity (n, n) is known."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, Ints

Vote = TypeVar("Vote", bound=Hashable)


def is_blank(vote: Hashable) -> bool:
    """Whether a vote says nothing: None, NaN, an empty text or one of spaces.

    >>> is_blank(" "), is_blank(None), is_blank(0)
    (True, True, False)
    """
    return vote is None or (isinstance(vote, str) and not vote.strip()) or (isinstance(vote, float) and vote != vote)


def vote_counts(votes: Iterable[Vote | None]) -> dict[Vote, int]:
    """How often each vote was cast, in the order first seen, blanks dropped. Votes are compared as they are.

    >>> vote_counts(["b", "", "a", "b", None])
    {'b': 2, 'a': 1}
    """
    counts: dict[Vote, int] = {}
    for vote in votes:
        if vote is not None and not is_blank(vote):
            counts[vote] = counts.get(vote, 0) + 1
    return counts


def majority_vote(
    votes: Iterable[Vote | None], *, ties: Literal["first", "none"] = "first", more_than: float = 0.0
) -> Vote | None:
    """The most frequent vote, blanks dropped; None if nothing is left or it has not more than that share of the votes.

    Equal counts: the one seen first, or None with ``ties="none"``. ``more_than=0.5`` asks for an absolute majority.

    >>> majority_vote(["", "b", "a", "a", "b"])
    'b'
    >>> majority_vote(["a", "b"], ties="none") is None
    True
    """
    if ties not in ("first", "none"):
        raise ValueError(f"ties={ties!r} is unknown; choices: first, none")
    counts = vote_counts(votes)
    if not counts:
        return None
    most = max(counts.values())
    leaders = [vote for vote, count in counts.items() if count == most]
    if most <= more_than * sum(counts.values()) or (ties == "none" and len(leaders) > 1):
        return None
    return leaders[0]


def vote_share(votes: Sequence[Hashable | None]) -> Floats:
    """(N,) share of the votes cast that agree with each vote, itself included; NaN for a blank one.

    >>> vote_share(["4", "4", "5", ""]).round(3).tolist()
    [0.667, 0.667, 0.333, nan]
    """
    counts = vote_counts(votes)
    total = sum(counts.values())
    return np.array([math.nan if v is None or is_blank(v) else counts[v] / total for v in votes], dtype=np.float64)


def greedy_clusters(similarity: ArrayLike, *, threshold: float = 0.5) -> Ints:
    """(n,) cluster numbers from 0: each sample joins the first cluster whose first member is at least ``threshold`` similar.

    The result depends on the order of samples. A NaN similarity is not similar.

    Source: CSR 2026 (arXiv 2605.15588), confidence by clustering (our design).

    >>> greedy_clusters([[1, 0.8, 0.1], [0.8, 1, 0.8], [0.1, 0.8, 1]]).tolist()
    [0, 0, 1]
    """
    s = _similarity(similarity)
    heads: list[int] = []
    labels = np.zeros(len(s), dtype=np.int64)
    for i in range(len(s)):
        near = np.flatnonzero(s[i, heads] >= threshold) if heads else np.zeros(0, dtype=np.int64)
        if near.size:
            labels[i] = near[0]
        else:
            labels[i] = len(heads)
            heads.append(i)
    return labels


def cluster_share(labels: ArrayLike) -> Floats:
    """(n,) share of samples in each sample's cluster: its confidence by agreement.

    >>> cluster_share([0, 1, 0, 0]).tolist()
    [0.75, 0.25, 0.75, 0.75]
    """
    array = np.asarray(labels)
    _, index, counts = np.unique(array, return_inverse=True, return_counts=True)
    return np.asarray(counts[index.reshape(-1)] / max(len(array), 1), dtype=np.float64)


def semantic_entropy(labels: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """-sum_c p_c ln p_c over clusters, p_c the share of samples, or of their ``weights``, in cluster c; in nats.

    NaN without samples or weight.

    Source: Kuhn et al. 2023 (arXiv 2302.09664).

    >>> round(semantic_entropy([0, 1, 0, 0]), 4)
    0.5623
    """
    array = np.asarray(labels).reshape(-1)
    w = np.ones(len(array)) if weights is None else np.asarray(weights, dtype=np.float64)
    _, index = np.unique(array, return_inverse=True)
    mass = np.bincount(index.reshape(-1), weights=w)
    if not mass.sum() > 0:
        return math.nan
    p = mass[mass > 0] / mass.sum()
    return float(-(p * np.log(p)).sum()) + 0.0


def mean_dissimilarity(similarity: ArrayLike, *, single: float = 0.0, clipped: bool = True) -> float:
    """1 - mean of s_ij over pairs i < j, within [0, 1] unless ``clipped`` is off; order does not matter.

    ``single`` for one sample, 0 for none.

    Source: SD-E^2 2026 (arXiv 2601.17982), average dissimilarity, with ``single=1``.

    >>> mean_dissimilarity([[1.0, 0.2], [0.2, 1.0]])
    0.8
    """
    s = _similarity(similarity)
    if len(s) < 2:
        return single if len(s) else 0.0
    dissimilarity = 1.0 - float(s[np.triu_indices(len(s), 1)].mean())
    return min(max(dissimilarity, 0.0), 1.0) if clipped else dissimilarity


def unique_count(
    similarity: ArrayLike,
    *,
    threshold: float = 0.8,
    against: Literal["kept", "earlier"] = "kept",
    inclusive: bool = False,
) -> int:
    """How many samples say something new, in order: those not more than ``threshold`` similar to any kept so far.

    ``against="earlier"`` compares with all earlier samples, kept or not; ``inclusive`` takes a similarity equal to the threshold
    for a repetition too.

    Source: SD-E^2 2026 (arXiv 2601.17982), coverage.

    >>> unique_count([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]])
    2
    """
    if against not in ("kept", "earlier"):
        raise ValueError(f"against={against!r} is unknown; choices: kept, earlier")
    s = _similarity(similarity)
    repeats = s >= threshold if inclusive else s > threshold
    kept: list[int] = []
    for i in range(len(s)):
        seen = kept if against == "kept" else list(range(i))
        if not (seen and repeats[i, seen].any()):
            kept.append(i)
    return len(kept)


def peer_agreement(similarity: ArrayLike, classes: ArrayLike | None = None) -> Floats:
    """(n,) mean similarity of each sample to the others of its class (to all others without ``classes``); 0 without peers.

    The diagonal never counts.

    Source: CSR 2026 (arXiv 2605.15588), agreement among equally correct samples (our design).

    >>> peer_agreement([[1.0, 0.6, 0.0], [0.6, 1.0, 0.2], [0.0, 0.2, 1.0]], [1, 1, 0]).tolist()
    [0.6, 0.6, 0.0]
    """
    s = _similarity(similarity)
    labels = np.zeros(len(s)) if classes is None else np.asarray(classes)
    if labels.shape != (len(s),):
        raise ValueError(f"classes has shape {labels.shape} for {len(s)} samples; give one per sample")
    peers = (labels[:, None] == labels[None, :]) & ~np.eye(len(s), dtype=bool)
    counts = peers.sum(axis=1)
    return np.asarray(np.where(peers, s, 0.0).sum(axis=1) / np.maximum(counts, 1))


def _similarity(matrix: ArrayLike) -> Floats:
    array = np.asarray(matrix, dtype=np.float64)
    if array.size == 0:
        return np.zeros((0, 0))
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ValueError(f"similarity must be a square matrix, not of shape {array.shape}")
    return array
