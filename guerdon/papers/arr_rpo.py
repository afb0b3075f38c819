"""ARR and RPO: a judge ranks two rollouts by rubrics verified against labels; the winner is paid 1, the loser -0.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from guerdon.combine import Combine
from guerdon.models.protocols.listwise import Listwise
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Given, Judged
from guerdon.rubric import Rubric
from guerdon.rubrics.externalised import Externalised
from guerdon.rubrics.themes import Themes

PAPER = Paper(
    slug="arr-rpo",
    title="Auto-Rubric as Reward: From Implicit Preferences to Explicit Multimodal Generative Criteria",
    year=2026,
    arxiv="2605.08354",
    kind="reward",
    parts={
        "generate, verify, revise": RELEASED,
        "coding rate": RELEASED,
        "rewards of ranks": RELEASED,
        "loss, diffusion step": RELEASED,
        "themes": OURS,
        "prompts": OURS,
        "ties share the middle, shuffled answers": OURS,
    },
    columns=("rank",),
    range=(-0.1, 1.0),
    variants=("default", "official"),
)


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    rubric: Rubric | None = None,
    protocol: Any = None,
    rank: str = "rank",
    best: float = 1.0,
    worst: float = -0.1,
) -> Reward:
    """The reward of a rollout's rank among its group: ``best`` for the first to ``worst`` for the last, even steps between.

    Two rollouts a prompt, and no normalisation by group: the reward is the advantage (see :func:`rpo_loss`). By default equal
    ranks share the middle, so that a judge who cannot decide pays both alike, and so does a group of one. ``"official"``: of two,
    each with rank 1 gets ``best`` and any other ``worst``; a group of one gets ``best``. A judge that failed leaves NaN.

    Args:
        chat: the judge. None: column ``rank`` holds ranks, 1 the best, None where the judge failed.
        rubric: what the judge goes by, such as :func:`generator` and :func:`guerdon.rubrics.themes.criteria_of` make.
        protocol: another way to ask the judge, valued 1 for the best to 0 for the worst.
        rank, best, worst: the column, and what the first and the last are paid.
    """
    if chat is not None:
        said = f"Go by these criteria and by nothing else:\n{rubric.render()}" if rubric is not None else ""
        ranking = Judged(chat, protocol or Listwise(asks="ranking", instructions=said), name="ranking")
        return ranking.then("affine", scale=best - worst, shift=worst)
    given = Given(rank, name="rank")
    if variant == "official":
        return Combine((given,), "rank_rewards", {"best": best, "worst": worst})
    place = given.then("affine", scale=-1.0).then("minmax", constant=0.5)
    return place.then("affine", scale=best - worst, shift=worst)


def generator(variant: str = "default", **options: Any) -> Externalised:
    """What makes a rubric of a ranked example and verifies it; run it with :func:`guerdon.rubrics.generate`.

    ``"official"`` shows the judge the answers in the order of the data and lets a tie stand for that order.

    >>> generator("official").shuffled
    False
    """
    official = {"shuffled": False, "strict": False} if variant == "official" else {}
    return Externalised(**{**official, **options})


def summariser(**options: Any) -> Themes:
    """What brings many verified rubrics down to one of at most five themes.

    >>> summariser().most
    5
    """
    return Themes(**options)


def rpo_loss(
    advantages: ArrayLike,
    logp_new: ArrayLike,
    logp_old: ArrayLike,
    logp_ref: ArrayLike,
    *,
    clip_range: float = 0.2,
    kl_beta: float = 0.01,
    adv_clip_max: float = 5.0,
    divisor: float = 1.0,
) -> float:
    """mean(max(-A rho, -A clip(rho, 1 - c, 1 + c)) + beta (logp - logp_ref)) / divisor, rho = exp(logp - logp_old).

    A is the reward itself, clipped to +-``adv_clip_max``. All (N,), one entry per rollout and step. ``divisor``: accumulation times
    steps. NaN where an advantage is, so leave those out.

    >>> round(rpo_loss([1.0, -0.1], [-1.0, -1.2], [-1.0, -1.2], [-1.0, -1.2]), 6)
    -0.45
    """
    a = np.clip(np.asarray(advantages, dtype=np.float64), -adv_clip_max, adv_clip_max)
    new, old, ref = (np.asarray(logp, dtype=np.float64) for logp in (logp_new, logp_old, logp_ref))
    rho = np.exp(new - old)
    surrogate = np.maximum(-a * rho, -a * np.clip(rho, 1.0 - clip_range, 1.0 + clip_range))
    return float((surrogate + kl_beta * (new - ref)).mean()) / divisor


def sde_step(
    velocity: ArrayLike, latents: ArrayLike, prev_sample: ArrayLike, sigmas: Sequence[float], index: int, *, eta: float
) -> dict[str, Any]:
    """One stochastic step of a flow model: its ``mean``, ``std``, and the ``log_prob`` per latent of the sample that was drawn.

    With s = sigmas[index] and d = sigmas[index + 1] - s: std = eta sqrt(-d), x0 = x - s v, score = -(x - x0 (1 - s)) / s^2, mean =
    x + d v - eta^2 score d / 2. The log-probability of a normal density, averaged over latents; NaN where std is 0.

    >>> float(sde_step([0.1], [1.0], [0.9], [1.0, 0.5], 0, eta=0.5)["mean"][0])
    0.8875
    """
    x, v, drawn = (np.asarray(one, dtype=np.float64) for one in (latents, velocity, prev_sample))
    sigma, change = float(sigmas[index]), float(sigmas[index + 1]) - float(sigmas[index])
    std = eta * np.sqrt(max(-change, 0.0))
    score = -(x - (x - sigma * v) * (1.0 - sigma)) / sigma**2
    mean = x + change * v - 0.5 * eta**2 * score * change
    if std == 0.0:
        return {"mean": mean, "std": 0.0, "log_prob": float("nan")}
    density = -((drawn - mean) ** 2) / (2.0 * std**2) - np.log(std) - 0.5 * np.log(2.0 * np.pi)
    return {"mean": mean, "std": float(std), "log_prob": float(density.mean())}
