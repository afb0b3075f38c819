"""GoT-R1: an image is worth the product of how well prompt, plan and image agree."""

from __future__ import annotations

import math

from guerdon.combine import Product, Sum
from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Given, PlanIoU

PAPER = Paper(
    slug="got-r1",
    title="GoT-R1: Unleashing Reasoning Capability of MLLM for Visual Generation with Reinforcement Learning",
    year=2025,
    arxiv="2505.17022",
    kind="reward",
    parts={
        "product of the terms, plan term as a mean of two": PUBLISHED,
        "plan-image term": PUBLISHED,
        "merging the four ratings of a plan": OURS,
        "0 for a plan without boxes": OURS,
    },
    columns=("grounded", "prompt_image", "semantic", "spatial"),
    range=(0.0, 1.0),
)

ASPECTS = ("completeness", "faithfulness", "consistency", "clarity")


def build(
    variant: str = "default",
    *,
    prompt_image: Reward | None = None,
    semantic: Reward | None = None,
    spatial: Reward | None = None,
    image: Reward | None = None,
    preference: Reward | None = None,
) -> Reward:
    """R = R_PI * (R_sem + R_spa) / 2 * R_RI (* R_HPS), each in [0, 1]: any zero makes it zero.

    The completion is the plan, text with placed objects. What a judge or scorer says of prompt, plan and image comes from rewards
    given here, or from columns of that name with scores already scaled (:func:`scale_judge_score`). What could not be judged is
    not scored; the paper's "retry once, then 0" is for the caller to choose.

    Args:
        prompt_image: how well the image fits the prompt.
        semantic: how well the plan's text fits the prompt.
        spatial: how well the plan's layout, drawn on a blank canvas, fits the prompt.
        image: how well the image fits the plan; default: :class:`~guerdon.rewards.PlanIoU` on column ``grounded``.
        preference: a human-preference score of the image such as HPS, used as it is; default: none.
    """
    plan = Sum(
        semantic or Given("semantic", 0.0, 1.0, name="semantic"),
        spatial or Given("spatial", 0.0, 1.0, name="spatial"),
        weights=(0.5, 0.5),
        name="plan",
    )
    terms = (
        prompt_image or Given("prompt_image", 0.0, 1.0, name="prompt_image"),
        plan,
        image or PlanIoU(name="image"),
    )
    return Product(*terms) if preference is None else Product(*terms, preference)


def scale_judge_score(score: float | None, max_score: float = 10.0) -> float:
    """A rating of 0 to ``max_score`` in [0, 1], cut to that range; NaN where there is none.

    Raises:
        UserError: a maximum that is not positive.

    >>> scale_judge_score(7), scale_judge_score(12), scale_judge_score(-1)
    (0.7, 1.0, 0.0)
    """
    if not max_score > 0:
        raise UserError(f"max_score={max_score} must be positive")
    value = math.nan if score is None else float(score) / max_score
    return value if math.isnan(value) else min(1.0, max(0.0, value))


def semantic_score(
    completeness: float, faithfulness: float, consistency: float, clarity: float, *, max_score: float = 10.0
) -> float:
    """The mean of the four ratings of a plan's text, in [0, 1]; NaN where one is missing. How to merge them is our choice.

    >>> semantic_score(10, 8, 9, 7)
    0.85
    """
    ratings = (completeness, faithfulness, consistency, clarity)
    return math.fsum(scale_judge_score(rating, max_score) for rating in ratings) / len(ratings)
