"""IRL survey: a cautious ensemble is fooled less by best-of-n, and informative comparisons teach more than random ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon.papers.irl_survey import cautious_best_of_n
from guerdon.shaping.acquisition import select_comparisons
from guerdon.shaping.decomposed_heads import user_weights
from guerdon.shaping.selection import best_of_n

Floats = NDArray[np.float64]
FEATURES, PAIRS, CANDIDATES, MEMBERS = 16, 100, 1024, 8


def _labelled(differences: Floats, truth: Floats, rng: np.random.Generator) -> Floats:
    """The differences turned so that the preferred one comes first, by Bradley-Terry chance."""
    preferred = rng.random(len(differences)) < 1.0 / (1.0 + np.exp(-differences @ truth))
    return np.where(preferred[:, None], differences, -differences)


def _fooled(seed: int) -> tuple[float, float]:
    """Gold reward of the best of 1024 by an ensemble with its variance against it, and by one reward model of all pairs.

    Gold is linear with a quadratic cost, so that a linear reward model is right near the data and wrong far from it.
    """
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=FEATURES) / np.sqrt(FEATURES)
    pairs = _labelled(rng.normal(size=(PAIRS, FEATURES)) - rng.normal(size=(PAIRS, FEATURES)), truth, rng)
    single = user_weights(pairs, ridge=1.0)
    members = np.stack([user_weights(pairs[rng.integers(0, PAIRS, PAIRS)], ridge=1.0) for _ in range(MEMBERS)])
    cautious, plain = [], []
    for _ in range(30):
        candidates = rng.normal(size=(CANDIDATES, FEATURES)) * rng.uniform(0.5, 2.0, (CANDIDATES, 1))
        gold = candidates @ truth - 0.05 * (candidates**2).sum(axis=1)
        cautious.append(gold[cautious_best_of_n(members @ candidates.T, penalty=0.5)])
        plain.append(gold[best_of_n(candidates @ single)])
    return float(np.mean(cautious)), float(np.mean(plain))


def _error(seed: int, criterion: str) -> float:
    """Angle, in degrees, between the true weights and those learned from 20 random comparisons and 50 chosen of 2000."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=FEATURES) * 0.7
    scale = np.geomspace(0.3, 3.0, FEATURES)
    pool = rng.normal(size=(2000, FEATURES)) * scale
    first = _labelled(pool[:20], truth, rng)
    rest = pool[20:]
    if criterion == "random":
        picked = rng.permutation(len(rest))[:50]
    else:
        picked = select_comparisons(user_weights(first, ridge=1.0), rest, 50)
    learned = user_weights(np.concatenate([first, _labelled(rest[picked], truth, rng)]), ridge=0.1)
    cosine = learned @ truth / (np.linalg.norm(learned) * np.linalg.norm(truth) + 1e-12)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


CLAIMS = (
    Claim(
        paper="irl-survey",
        says="Counting an ensemble's disagreement against a sample makes best-of-1024 less fooled by a reward model of 100 pairs",
        measure="gold reward of the chosen sample",
        ours="ensemble, mean minus variance",
        baseline="one reward model",
        run=_fooled,
        seeds=20,
    ),
    Claim(
        paper="irl-survey",
        says="Fifty comparisons chosen for D-optimality teach the weights of a reward better than fifty random ones",
        measure="angle to the true weights in degrees",
        ours="D-optimal",
        baseline="random",
        run=lambda seed: (_error(seed, "d_optimal"), _error(seed, "random")),
        seeds=20,
        higher=False,
    ),
)
