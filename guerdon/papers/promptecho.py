"""PromptEcho: an image is worth how likely a vision-language model finds its prompt; and DenseAlignBench, which compares models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from guerdon.errors import UserError
from guerdon.models.lm import CausalLM
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import PromptEcho
from guerdon.rewards.prompt_echo import QUERY
from guerdon.shaping.position_bias import SHOWN

PAPER = Paper(
    slug="promptecho",
    title="PromptEcho: Annotation-Free Reward from Vision-Language Models for Text-to-Image Reinforcement Learning",
    year=2026,
    arxiv="2604.12652",
    kind="reward",
    parts={
        "mean log-probability of the prompt given image and query": PUBLISHED,
        "centring within the group, no division by its deviation": PUBLISHED,
        "reading of the judge's JSON, net win rate, position bias": RELEASED,
        "wording of the judge's prompt and of the query for text in images": OURS,
        "not scored: empty prompt, missing image": OURS,
    },
    range=(-math.inf, 0.0),
    variants=("default", "text_rendering"),
)

MODEL = "Qwen/Qwen3-VL-32B-Instruct"
TEXT_QUERY = """Read all marketing text in this image and sort it into main title, subtitle, selling points and other text. \
Reply with one JSON object with the keys "main_title", "subtitle", "selling_points" (a list) and "other" (a list)."""

_PREFERENCES = dict(zip(("image_a", "image_b", "tie"), SHOWN, strict=True))


def build(
    variant: str = "default",
    *,
    lm: CausalLM | None = None,
    query: str | None = None,
    reduction: str = "mean",
    image: str | None = None,
    label: str | None = None,
    centered: bool = False,
    imageless: str = "drop",
) -> Reward:
    """R = (1/m) sum_t log p(c_t | image, query, c_<t), c the prompt's tokens under a frozen vision-language model.

    Give the trainer the group's mean as its only baseline (``scale_rewards="none"`` in TRL), or centre here.

    Args:
        variant: ``"text_rendering"`` asks for the text in the image, sorted, and echoes a JSON text of column ``label``.
        lm: the model; default: Qwen3-VL-32B through transformers.
        query: what it is asked; default: the paper's, or our instruction for text.
        reduction: ``"mean"`` or ``"sum"`` over tokens.
        image: column of the image; None: the completion's.
        label: column of the text to be echoed; None: the prompt.
        centered: whether the group's mean is subtracted, as the paper's advantage does.
        imageless: ``"drop"`` or ``"minimum"``, what becomes of a sample without a readable image.
    """
    if lm is None:
        from guerdon.models.lms import VisionLM

        lm = VisionLM(MODEL)
    reads_text = variant == "text_rendering"
    reward = PromptEcho(
        lm,
        query=query or (TEXT_QUERY if reads_text else QUERY),
        reduction=reduction,
        image=image,
        label=label or ("label" if reads_text else None),
        imageless=imageless,
    )
    return reward.then("center", name="centered_prompt_echo") if centered else reward


def parse_model_pairs(spec: str, models: Sequence[str]) -> list[tuple[str, str]]:
    """Which models to compare, from ``"a,b;c,d"``: unknown and malformed pairs are skipped; ``"all"`` is every pair in order.

    >>> parse_model_pairs("x, y; x,q; x", ["x", "y"]), parse_model_pairs("All", ["x", "y"])
    ([('x', 'y')], [('x', 'y')])
    """
    if spec.lower() == "all":
        return list(combinations(models, 2))
    named = ([name.strip() for name in pair.split(",")] for pair in spec.split(";"))
    return [(pair[0], pair[1]) for pair in named if len(pair) == 2 and all(name in models for name in pair)]


def preference_shown(preference: str | None) -> str | None:
    """DenseAlignBench's "image_a", "image_b" or "tie" as :mod:`guerdon.shaping.position_bias` counts it; None stays None.

    Raises:
        UserError: another word.

    >>> preference_shown("image_b")
    'second'
    """
    if preference is not None and preference not in _PREFERENCES:
        raise UserError(f"preference={preference!r} is none of {', '.join(_PREFERENCES)}, None")
    return None if preference is None else _PREFERENCES[preference]
