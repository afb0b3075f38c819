"""T-REG: one planted token decides which of two responses is preferred; token rewards tell the loss which one it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon.papers.t_reg import build
from guerdon.shaping.token_contrast import contrast_token_rewards

TOKENS, LENGTH, PAIRS, STEPS = 24, 10, 40, 40
BAD, BETA, ALPHA = 0, 0.5, 0.5
Floats = NDArray[np.float64]


def _pairs(rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(PAIRS, LENGTH) chosen and rejected responses, all of random tokens; one place of each rejected one holds the bad token."""
    chosen, rejected = rng.integers(1, TOKENS, size=(2, PAIRS, LENGTH))
    rejected[np.arange(PAIRS), rng.integers(LENGTH, size=PAIRS)] = BAD
    return chosen, rejected


def _token_rewards(ids: NDArray[np.int64], rng: np.random.Generator, flipped: float, blind: bool) -> Floats:
    """rhat of an evaluator that finds the bad token likelier when asked for worse, among noise on every token."""
    sign = np.where(ids == BAD, -2.0, 0.1) * np.where(rng.random(ids.shape) < flipped, -1.0, 1.0)
    gap = rng.normal(scale=1.0, size=ids.shape) + (0.0 if blind else sign)
    base = rng.normal(-2.0, 0.3, size=ids.shape)
    return contrast_token_rewards(base + gap / 2, base - gap / 2)


def _trained(seed: int, alpha: float, *, flipped: float = 0.0, blind: bool = False) -> tuple[float, float]:
    """Correlation of the implicit token rewards with the planted credit on new responses, and the bad token's probability."""
    import torch

    rng = np.random.default_rng(seed)
    responses = _pairs(rng)
    rewards = [torch.tensor(_token_rewards(ids, rng, flipped, blind)) for ids in responses]
    start = torch.tensor(rng.normal(scale=0.3, size=(LENGTH, TOKENS)))
    logits = start.clone().requires_grad_()
    places = torch.arange(LENGTH)
    said = [torch.tensor(ids) for ids in responses]
    reference = [start.log_softmax(1)[places, ids] for ids in said]
    objective = build(beta=BETA, alpha=alpha)
    optimizer = torch.optim.SGD([logits], lr=2.0)
    for _ in range(STEPS):
        policy = [logits.log_softmax(1)[places, ids] for ids in said]
        loss = objective(policy[0], reference[0], policy[1], reference[1], *rewards)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    table = logits.detach().log_softmax(1)
    implicit = (table - start.log_softmax(1)).numpy()
    fresh = np.concatenate(_pairs(np.random.default_rng((seed, 1))))
    credit = -(fresh == BAD).astype(np.float64)
    return _correlation(implicit[np.arange(LENGTH), fresh], credit), float(table.exp()[:, BAD].mean())


def _correlation(a: Any, b: Any) -> float:
    return float(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


def _claim(
    says: str, measure: str, figure: int, *, ours: str = "DPO-REG", higher: bool = True, flipped: float = 0.0
) -> Claim:
    return Claim(
        paper="t-reg",
        says=says,
        measure=measure,
        ours=ours,
        baseline="DPO",
        run=lambda seed: (_trained(seed, ALPHA, flipped=flipped)[figure], _trained(seed, 0.0)[figure]),
        higher=higher,
    )


CREDIT = "correlation with the planted credit"
CLAIMS = (
    _claim("With token rewards the policy's implicit rewards fall on the token that decides", CREDIT, 0),
    _claim(
        "With token rewards the deciding bad token becomes rare sooner", "probability of the bad token", 1, higher=False
    ),
    _claim(
        "With the signs of 30% of the token rewards flipped it is still better than DPO",
        CREDIT,
        0,
        ours="DPO-REG, 30% flipped",
        flipped=0.3,
    ),
    Claim(
        paper="t-reg",
        says="It is what the token rewards say that helps: random ones do not",
        measure=CREDIT,
        ours="DPO-REG",
        baseline="DPO-REG, random token rewards",
        run=lambda seed: (_trained(seed, ALPHA)[0], _trained(seed, ALPHA, blind=True)[0]),
    ),
)
