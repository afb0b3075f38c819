"""ToolRL: a graded, rule-based reward for tool calls, beside one for their form."""

from __future__ import annotations

from guerdon.combine import Sum
from guerdon.errors import UserError, closest
from guerdon.markers import Schedule
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import ThoughtLength, ToolCalls, ToolForm
from guerdon.rewards.tools import Credit, Matching

VARIANTS = (
    "default",
    "with_length",
    "dynamic_length",
    "equal_max",
    "two_stage",
    "dynamic_scale",
    "refined",
    "intermediate",
    "coarse",
    "optimal",
)
PAPER = Paper(
    slug="toolrl",
    title="ToolRL: Reward is All Tool Learning Needs",
    year=2025,
    arxiv="2504.13958",
    kind="reward",
    parts={
        "format and correctness": RELEASED,
        "length and schedule variants": RELEASED,
        "optimal matching": PUBLISHED,
        "a penalty on calls nobody asked for": OURS,
    },
    columns=("reference",),
    range=(-3.0, 4.0),
    variants=VARIANTS,
)

CREDITS: dict[str, Credit] = {"refined": "lists", "intermediate": "calls", "coarse": "all"}


def build(
    variant: str = "default",
    *,
    reference: str = "reference",
    lenient: bool = False,
    punish_unasked: bool = False,
) -> Reward:
    """R = R_format + R_correct, in [0, 1] and [-3, 3]; parts ``format``, ``correctness`` and, where there is one, ``length``.

    Where the reference calls no tool, correctness is 0. Variants of the released code:

    * ``with_length``, ``dynamic_length``: plus the length of the thought over 512 words, or over 384 + 256 step / 105.
    * ``equal_max``: correctness in [-1, 1].
    * ``two_stage``: correctness in [-1, 1] before step 30, then in [-3, 3] with format in [0, 0.5].
    * ``dynamic_scale``: format from [-2, 2] to [-1, 1], correctness from [-2, 2] to [-3, 3], over 150 steps.
    * ``refined``, ``intermediate``, ``coarse``: credit for equal lists of names, for equal calls, for all calls equal.

    ``optimal`` matches calls as the paper says; the code, and every other variant, matches greedily in the order of the reference.
    The schedules need ``Batch(step=...)``. Give PPO critics a smaller range; a group z-score does not mind.

    Args:
        reference: column with the tagged right completion.
        lenient: also read calls in other formats and in chat messages.
        punish_unasked: a call where none is wanted is worth the lowest correctness, not 0.
    """
    if variant not in VARIANTS:
        raise UserError(f"variant={variant!r} is unknown; {closest(variant, VARIANTS)}")
    matching: Matching = "optimal" if variant == "optimal" else "greedy"
    credit = CREDITS.get(variant, "parts")

    def calls(high: float, name: str = "correctness") -> Reward:
        return ToolCalls(
            reference,
            -high,
            high,
            credit,
            matching,
            lenient,
            "punish" if punish_unasked else "ignore",
            name=name,
        )

    form = ToolForm(reference, name="format")
    if variant == "equal_max":
        return Sum(form, calls(1.0))
    if variant == "two_stage":
        half = Schedule("piecewise", {"boundaries": (30,), "values": (1.0, 0.5)})
        scale = Schedule("piecewise", {"boundaries": (30,), "values": (1.0, 3.0)})
        return Sum(
            Sum(ToolForm(reference), weights=(half,), name="format"),
            Sum(calls(1.0, "tool_calls"), weights=(scale,), name="correctness"),
        )
    if variant == "dynamic_scale":
        shape = ToolForm(reference)
        highest = Schedule("linear", {"start": 2.0, "end": 1.0, "steps": 150})
        lowest = Schedule("linear", {"start": -2.0, "end": -1.0, "steps": 75})
        scale = Schedule("linear", {"start": 2.0, "end": 3.0, "steps": 150})
        return Sum(
            Sum(shape, shape.then("affine", scale=-1.0, shift=1.0), weights=(highest, lowest), name="format"),
            Sum(calls(1.0, "tool_calls"), weights=(scale,), name="correctness"),
        )
    if variant == "with_length":
        return Sum(form, calls(3.0), ThoughtLength(512.0, name="length"))
    if variant == "dynamic_length":
        target = Schedule("linear", {"start": 384.0, "end": 640.0, "steps": 105, "clamp": False})
        return Sum(form, calls(3.0), ThoughtLength(target, name="length"))
    return Sum(form, calls(3.0))
