"""ARM-Thinker: rewards for a judge that may look closer before it decides."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Product, Router, Sum
from guerdon.errors import UserError, closest
from guerdon.models.judge import JudgeProtocol
from guerdon.models.protocols.acting import Acting
from guerdon.models.protocols.pairwise import Pairwise
from guerdon.models.protocols.rating import Rating
from guerdon.models.protocols.reference_comparison import ReferenceComparison
from guerdon.models.tool import Tool
from guerdon.models.tools.document_pages import DocumentPages
from guerdon.models.tools.image_crop import ImageCrop
from guerdon.models.tools.instruction_check import InstructionCheck
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Judged, JudgeVerdict

PAPER = Paper(
    slug="arm-thinker",
    title="ARM-Thinker: Reinforcing Multimodal Generative Reward Models with Agentic Tool Use and Visual Reasoning",
    year=2025,
    arxiv="2512.05111",
    kind="reward",
    parts={
        "tool-aware verdict reward and its siblings": RELEASED,
        "two stages": PUBLISHED,
        "constants": RELEASED,
        "stage 1 constants": OURS,
        "evidence from tool turns only": OURS,
        "instruction validators": RELEASED,
        "think-act-observe judge; crop and page tools": PUBLISHED,
        "judge prompts, page search": OURS,
    },
    columns=("reference",),
    range=(0.0, 1.5),
    variants=("default", "official"),
)

PHRASES = {
    "crop": ("This is the zoom-in image",),
    "documents": ("Concatenated page images for query", "Here is page image #"),
}
MODES = {"pair_rm": "numbered", "single_rm": "boolean"}
NO_TOOLS = {"attempt": 0.0, "success": 0.0}
#: What the siblings of the main reward change of it.
TASKS: dict[str, dict[str, Any]] = {
    "pair": {},
    "critic_strict": {**NO_TOOLS, "bare": False, "right": 1.2},
    "critic_shaped": {**NO_TOOLS, "bare": False, "form": 0.5, "right": 1.0, "malformed_right": 1.0},
    "critic_accuracy": {**NO_TOOLS, "bare": False, "form": 0.0, "right": 1.0, "malformed_right": 1.0},
    "pair_format": {**NO_TOOLS, "asks": "numbered", "bare": False, "grammar": "counted", "undecided": "malformed"},
    "instructions": {**NO_TOOLS, "asks": "boolean", "form": 0.0, "right": 1.0},
}


def build(
    variant: str = "default",
    *,
    task: str = "pair",
    stage: int = 2,
    reference: str = "reference",
    mode: str = "mode",
    environment: str | None = None,
    chat: Any = None,
    protocol: Any = None,
) -> Reward:
    """0 for a malformed last turn, 0.3 for a wrong verdict, 0.4 if a tool answered, 1 for a right one, 1.5 if a tool succeeded.

    The default believes tool messages and environment spans only, and wants one thought and one answer. ``"official"`` takes a
    decoded text at its word, so that writing what a tool would say pays.

    Args:
        task: ``pair``; ``documents``, whose column ``mode`` says ``pair_rm`` or ``single_rm`` per sample; ``critic_strict``
            (0, 0.3, 1.5), ``critic_shaped`` (0.5 for form, 1 for the verdict), ``critic_accuracy`` (the verdict alone);
            ``pair_format`` (an older 0.3 + 0.7 right); ``instructions`` (a true or false judgement).
        stage: 1 rewards form and calling a tool, 2 the verdict.
        reference: column with the right verdict.
        environment: column with the spans that the environment wrote, for completions that are text.
        chat: a judge at work instead of one in training: the reward is then what it says of completions.
        protocol: how it judges; default: :func:`judge`.

    Raises:
        UserError: an unknown task or stage.
    """
    if chat is not None:
        return Judged(chat, protocol or judge(), name="agent_judge")
    tasks = (*TASKS, "documents")
    if task not in tasks or stage not in (1, 2):
        raise UserError(f"task={task!r}, stage={stage!r}: stages are 1 and 2; {closest(task, tasks)}")

    def judged(phrases: tuple[str, ...] = (), name: str = "verdict", **options: Any) -> JudgeVerdict:
        return JudgeVerdict(
            reference=reference, environment=environment, variant=variant, phrases=phrases, name=name, **options
        )

    if task == "documents":
        routes = {key: judged(PHRASES[task], key, asks=asks) for key, asks in MODES.items()}
        return Router(mode, {key: _staged(reward, stage) for key, reward in routes.items()})
    options = dict(TASKS[task])
    if task == "instructions" and variant == "official":
        options["grammar"] = "judgment"
    return _staged(judged(PHRASES["crop"] if task == "pair" and variant == "official" else (), **options), stage)


def judge(
    *, images: str | None = None, pages: str | None = None, exemplar: str | None = None, turns: int = 4
) -> Acting:
    """A judge that may zoom into images, fetch pages and run validators, ``turns`` times before its verdict.

    It rates completions from 1 to 5, or with ``exemplar`` says whether each is better than the text of that column, in both
    orders, from 0 to 1. ``images`` and ``pages`` name the columns with the sample's images and the texts of its document's pages.

    >>> [tool.called for tool in judge(images="images", pages="pages").tools]
    ['image_crop', 'document_pages', 'instruction_check']
    """
    tools: list[Tool] = [ImageCrop(images)] if images else []
    tools += [DocumentPages(pages)] if pages else []
    judging: JudgeProtocol = Rating(critique=True, expected=False)
    if exemplar is not None:
        judging = ReferenceComparison(Pairwise(), exemplar=exemplar)
    return Acting(judging, (*tools, InstructionCheck()), turns=turns, images=images)


def _staged(reward: JudgeVerdict, stage: int) -> Reward:
    """Stage 1: R_f + R_try where the form holds and a tool answered; stage 2: the reward itself."""
    if stage == 2:
        return reward
    form, tried = reward.part("form"), reward.part("tried")
    return Sum(form, Product(form, tried), weights=(reward.form, reward.attempt))
