"""GoT-R1: an image is worth the product of how well prompt, plan and image agree."""

from __future__ import annotations

import math
from typing import Any

from guerdon.combine import Product, Sum
from guerdon.errors import UserError
from guerdon.models.judge import JudgeProtocol
from guerdon.models.protocols.aspect_rating import GENERATED_IMAGE, AspectRating
from guerdon.models.protocols.plan_ratings import PlanGrounding, PlanLayout, PlanText
from guerdon.models.protocols.retried import Retried
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Given, Judged, PlanIoU

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
        "layout drawn on a blank canvas for the judge": PUBLISHED,
        "boxes in the image found by the judge": PUBLISHED,
        "prompts, look of the drawing, a second try for an unreadable reply": OURS,
    },
    columns=("grounded", "prompt_image", "semantic", "spatial"),
    range=(0.0, 1.0),
    variants=("default", "paper"),
)

ASPECTS = ("completeness", "faithfulness", "consistency", "clarity")


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    prompt_image: Reward | None = None,
    semantic: Reward | None = None,
    spatial: Reward | None = None,
    image: Reward | None = None,
    preference: Reward | None = None,
    column: str = "image",
    extent: float = 1000.0,
    units: str = "extent",
    size: tuple[int, int] = (512, 512),
) -> Reward:
    """R = R_PI * (R_sem + R_spa) / 2 * R_RI (* R_HPS), each in [0, 1]: any zero makes it zero.

    The completion is the plan, text with placed objects; the image made from it is in ``column``. With a judge that sees
    (``chat``), it rates image and plan, is shown the plan's layout as a drawing, and finds the planned objects in the image; a
    reply that cannot be read is asked for once more. Without one, terms not given here come from columns of that name with
    scores already scaled (:func:`scale_judge_score`), and the boxes found from column ``grounded``. What could not be judged
    is not scored; ``"paper"`` gives it 0.

    Args:
        chat: the judge of every term that is not given.
        prompt_image: how well the image fits the prompt.
        semantic: how well the plan's text fits the prompt.
        spatial: how well the plan's layout, drawn on a blank canvas, fits the prompt.
        image: how well the image fits the plan.
        preference: a human-preference score of the image such as HPS, used as it is; default: none.
        column: with the images, for the judge.
        extent: what coordinate of the plan means the right and the lower edge.
        units: of the boxes the judge finds, ``"extent"`` or ``"pixels"``.
        size: width and height of the drawing, in the proportions of the images.
    """
    judges: dict[str, JudgeProtocol] = {
        "prompt_image": AspectRating(GENERATED_IMAGE, image=column, of=None, what="a generated picture"),
        "semantic": PlanText(),
        "spatial": PlanLayout(width=size[0], height=size[1], extent=extent),
        "image": PlanGrounding(column, extent, units),
    }

    def term(name: str, given: Reward | None) -> Reward:
        if given is not None:
            return given
        if chat is None:
            return PlanIoU(name=name) if name == "image" else Given(name, 0.0, 1.0, name=name)
        judged = Judged(chat, Retried(judges[name], attempts=2), name=name)
        return judged.then("missing_as", value=0.0, name=f"{name}_or_0") if variant == "paper" else judged

    plan = Sum(term("semantic", semantic), term("spatial", spatial), weights=(0.5, 0.5), name="plan")
    terms = (term("prompt_image", prompt_image), plan, term("image", image))
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
