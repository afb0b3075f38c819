"""GoT-R1: the product of prompt, plan and image terms wants all of them; a sum pays for some, consistency alone for anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from claims.tabular import grpo
from guerdon import Batch, Reward, Sum, find_paper
from guerdon.rewards import Given, PlanIoU

# A plan places the object in one of four cells, an image draws it in one of four; cell 0 is what the prompt asks for.
CELLS = [(250 * k, 0, 250 * k + 300, 300) for k in range(4)]
PLANS = [f"<|obj_start|>bee<|obj_end|><|box_start|>({a},{b}),({c},{d})<|box_end|>" for a, b, c, d in CELLS]
# Of three horizons tried, product and sum can be told apart at 30 updates only: after 15 the policy has hardly moved, after 60
# both have arrived.
WRONG, NOISE, GROUP, RATE, UPDATES = 0.5, 0.2, 16, 0.3, 30
PRODUCT = find_paper("got-r1").build()
SUM = Sum(
    Given("prompt_image", 0.0, 1.0, name="prompt_image"),
    Given("semantic", 0.0, 1.0, name="semantic"),
    Given("spatial", 0.0, 1.0, name="spatial"),
    PlanIoU(name="image"),
    weights=(1.0, 0.5, 0.5, 1.0),
)
CONSISTENCY = PlanIoU(name="image")


def _judged(right: NDArray[np.bool_], rng: np.random.Generator) -> list[float]:
    return [float(v) for v in np.where(right, 1.0, WRONG) + NOISE * rng.normal(size=len(right))]


def _joint(seed: int, reward: Reward) -> float:
    """How likely plan and image are both right after training; each follows its own softmax, the image given the plan."""
    rng = np.random.default_rng(seed)
    plan, image = np.zeros(4), np.zeros((4, 4))
    for _ in range(UPDATES):
        odds = np.exp(plan) / np.exp(plan).sum()
        drawn_odds = np.exp(image) / np.exp(image).sum(axis=1, keepdims=True)
        planned = rng.choice(4, size=GROUP, p=odds)
        drawn = np.array([rng.choice(4, p=drawn_odds[k]) for k in planned])
        batch = Batch(
            [PLANS[k] for k in planned],
            groups=[0] * GROUP,
            prompt_image=_judged(drawn == 0, rng),
            semantic=_judged(planned == 0, rng),
            spatial=_judged(planned == 0, rng),
            grounded=[[CELLS[k]] for k in drawn],
        )
        gains = grpo(reward.score(batch).values, batch.groups)
        plan += RATE * (gains[:, None] * (np.eye(4)[planned] - odds)).mean(axis=0)
        for k, cell, gain in zip(planned, drawn, gains, strict=True):
            image[k] += RATE * gain * (np.eye(4)[cell] - drawn_odds[k]) / GROUP
    return float(np.exp(plan)[0] / np.exp(plan).sum() * np.exp(image[0])[0] / np.exp(image[0]).sum())


def _claim(says: str, baseline: str, reward: Reward) -> Claim:
    return Claim(
        paper="got-r1",
        says=says,
        measure=f"probability that plan and image are right after {UPDATES} updates",
        ours="product",
        baseline=baseline,
        run=lambda seed: (_joint(seed, PRODUCT), _joint(seed, reward)),
    )


CLAIMS = (
    _claim("The product reaches a right plan and a right image sooner than the sum of its terms", "sum", SUM),
    _claim("Plan-image consistency alone drifts to consistent but wrong plans", "consistency alone", CONSISTENCY),
)
