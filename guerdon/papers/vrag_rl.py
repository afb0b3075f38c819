"""VRAG-RL: right answers, and the relevant pages early, for agents that search page images and crop them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from guerdon.combine import Gate, Sum
from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Given, RetrievalNDCG, SearchPattern

PAPER = Paper(
    slug="vrag-rl",
    title="VRAG-RL: Empower Vision-Perception-Based RAG for Visually Rich Information Understanding via Iterative Reasoning "
    "with Reinforcement Learning",
    year=2025,
    arxiv="2505.22019",
    kind="reward",
    parts={
        "retrieval efficiency (NDCG over the trajectory)": RELEASED,
        "pattern, hard gate and weights": RELEASED,
        "weighted sum without a gate": PUBLISHED,
        "crop box": RELEASED,
        "pages counted once, searches that were answered": OURS,
    },
    columns=("correct", "relevant", "retrieved"),
    range=(0.0, 1.0),
    variants=("default", "paper", "official"),
)

WEIGHTS = {"judge": 0.7, "pattern": 0.1, "retrieval": 0.2}
#: Without a pattern term: the paper after supervised fine-tuning, where gamma is 0.
WEIGHTS_WITHOUT_PATTERN = {"judge": 0.8, "pattern": 0.0, "retrieval": 0.2}


def build(
    variant: str = "default",
    *,
    outcome: Reward | None = None,
    pattern: Reward | None = None,
    weights: dict[str, float] | None = None,
    retrieved: str = "retrieved",
    relevant: str = "relevant",
    environment: str | None = None,
) -> Reward:
    """0.7 outcome + 0.1 pattern + 0.2 NDCG of the retrieved pages where the pattern holds, else 0.

    Nothing is judged where the pattern fails. ``"paper"`` is the published sum, which states no gate: 0.8 outcome + 0.2 NDCG.
    ``"official"`` reads tags from decoded text and counts pages retrieved twice, so that its range has no upper end.

    Args:
        outcome: what is right, in [0, 1]: a judge's verdict; default: the number in column ``correct``.
        pattern: what must hold, 0 or 1; default: an answered search and an answer.
        weights: of ``judge``, ``pattern`` and ``retrieval``.
        retrieved, relevant: columns of page ids, in order of arrival and wanted.
        environment: column with the character spans the environment inserted, for completions that are plain text.

    Raises:
        UserError: other weights than these three.
    """
    reading = "official" if variant == "official" else "default"
    shares = weights or (WEIGHTS_WITHOUT_PATTERN if variant == "paper" else WEIGHTS)
    if set(shares) != set(WEIGHTS):
        raise UserError(f"weights={shares} must be given for {', '.join(WEIGHTS)}")
    holds = pattern or SearchPattern(environment=environment, variant=reading)
    terms = (
        outcome or Given("correct", low=0.0, high=1.0, name="outcome"),
        holds,
        RetrievalNDCG(retrieved=retrieved, relevant=relevant, variant=reading),
    )
    total = Sum(*terms, weights=[shares[name] for name in WEIGHTS])
    return total if variant == "paper" else Gate(holds, total)


def extract_answer(trajectory: str) -> str | None:
    """What stands between the last ``</answer>`` and the nearest ``<answer>`` before it, whitespace kept; None without them.

    What is shown to the judge; without an answer the outcome is 0 and nobody is asked.

    >>> extract_answer("<answer>a</answer> <answer> b </answer>"), extract_answer("<answer>a")
    (' b ', None)
    """
    end = trajectory.rfind("</answer>")
    start = trajectory.rfind("<answer>", 0, max(end, 0))
    return None if start < 0 else trajectory[start + len("<answer>") : end]


def crop_box(
    bbox: Sequence[float], shown_size: Sequence[float], raw_size: Sequence[float], *, padding: float = 0.0
) -> list[int]:
    """A box on the image as shown, (x1, y1, x2, y2), on the raw image: scaled, truncated and cut to it.

    ``padding`` widens the box first, in pixels as shown: 28 in the release's evaluation, 0 in training. Sizes are (width, height).

    Raises:
        UserError: a box that is not four finite numbers, or a size that is not positive.

    >>> crop_box([100, 50, 300, 200], [600, 400], [1200, 800])
    [200, 100, 600, 400]
    """
    if len(bbox) != 4 or not all(math.isfinite(edge) for edge in bbox):
        raise UserError(f"bbox={list(bbox)} must be four finite numbers x1, y1, x2, y2")
    if not all(side > 0 for side in (*shown_size, *raw_size)):
        raise UserError(f"shown_size={shown_size} and raw_size={raw_size} must be positive")
    widened = (bbox[0] - padding, bbox[1] - padding, bbox[2] + padding, bbox[3] + padding)
    sides = [(shown_size[k % 2], raw_size[k % 2]) for k in range(4)]
    return [int(min(max(raw * edge / shown, 0), raw)) for edge, (shown, raw) in zip(widened, sides, strict=True)]
