"""R3-RAG: judged relevance of every retrieval step, multiplied by whether the whole trajectory ends right."""

from __future__ import annotations

import re
from statistics import median
from typing import Any

from guerdon.combine import Combine, Gate, Maximum
from guerdon.models.protocols.relevance import StepRelevance
from guerdon.models.protocols.true_false import TrueFalse
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import GivenSteps, HeadedAnswer, Judged, JudgedSteps

PAPER = Paper(
    slug="r3-rag",
    title="R3-RAG: Learning Step-by-Step Reasoning and Retrieval for LLMs via Reinforcement Learning",
    year=2025,
    arxiv="2505.23794",
    kind="reward",
    parts={
        "factors 1.6, 0.8, 0.9, -0.9 and 2": RELEASED,
        "reading of steps and replies": RELEASED,
        "fallback without a judge and three-axis score": RELEASED,
        "judge prompts": OURS,
        "documents from the environment only": OURS,
        "mean of the steps as the trajectory's value": OURS,
    },
    columns=("golden_answers", "relevance"),
    range=(-0.9, 2.0),
    variants=("default", "official"),
)


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    relevance: Reward | None = None,
    correct: Reward | None = None,
    golden_answers: str = "golden_answers",
    question: str | None = "question",
    environment: str | None = None,
    mode: str = "prm_orm",
    characters: int = 512,
    factors: dict[str, float] | None = None,
) -> Reward:
    """One reward per generated step, by :func:`guerdon.shaping.step_outcome.outcome_modulated`; the value is their mean.

    Every step is a sample of its own for the trainer, so that no credit flows between steps but through the outcome. The mean,
    unlike a sum, pays nothing for searching longer. Without a judge column ``relevance`` holds a number for every generated step
    (any for one that does not search), and only answers that are accepted word for word are correct.

    ``"official"`` cuts the decoded text into steps, with the released cleaning that takes the letter n from both ends of a
    field, replaces a failed judgement by a guess or by false, and rounds to 3 digits. In the default it leaves the sample unscored.

    Args:
        chat: the judge of relevance and, where no accepted answer matches, of correctness.
        relevance, correct: a step reward and a reward in [0, 1] to use instead.
        golden_answers, question: columns; the question is for the judge, None gives it the prompt.
        environment: column with the character spans the environment inserted, for completions that are plain text.
        mode: ``"orm"`` for the outcome alone, ``"prm"`` for the relevance alone.
        characters: how much of the documents the judge is shown.
        factors: ``right``, ``false``, ``unfinished``, ``malformed``, ``answer``, where other than released.
    """
    reading: dict[str, Any] = {"environment": environment, "variant": variant}
    match = HeadedAnswer(reference=golden_answers, name="matched", **reading)
    steps, truth = relevance, correct
    if steps is None and chat is None:
        given: dict[str, Any] = {"closing": False, "reduction": "mean", "low": 0.0, "high": 1.0}
        steps = GivenSteps("relevance", environment=environment, name="relevance", **given)
    elif steps is None:
        asking = StepRelevance(
            question=question, characters=characters, variant="official" if variant == "official" else "default"
        )
        steps = JudgedSteps(chat, asking, reduction="mean", environment=environment, name="relevance")
    if truth is None and chat is None:
        truth = match
    elif truth is None:
        judged = Judged(chat, TrueFalse(question=question, golden_answers=golden_answers, **reading), name="judged")
        truth = Maximum(match, Gate(match.part("open"), judged), name="correct")
    options = {"mode": mode, **({"digits": 3} if variant == "official" else {}), **(factors or {})}
    return Combine((steps, truth, match.part("end")), "outcome_modulated", options)


def three_axis_score(reply: str, documents: str) -> float:
    """The released alternative judge: coherence, rationality and relevance in one reply. In fact the relevance alone.

    A missing relevance is 0.6 with documents, else 0. Without documents and with a relevance above 0.5 it is the median of 0, the
    relevance, and 0.3 coherence + 0.3 rationality + 0.4 relevance, each in [0, 1], 0.6 where missing.

    >>> three_axis_score("Coherence: 0.9\\nRationality: 0.8\\nRelevance: 0.7", "d")
    0.7
    """
    said = {axis.lower(): float(number) for axis, number in _AXES.findall(reply)}
    present = 1.0 if documents else 0.0
    scores = {"coherence": 0.6, "rationality": 0.6, "relevance": 0.6 * present, **said}
    weights = {"coherence": 0.3, "rationality": 0.3, "relevance": 0.4}
    total = sum(weight * min(max(scores[axis], 0.0), 1.0) for axis, weight in weights.items())
    relevance = scores["relevance"]
    return round(median([total, present, relevance]) if not documents and relevance > 0.5 else relevance, 3)


_AXES = re.compile(r"(coherence|rationality|relevance):\s*([01]\.\d{2}|\d\.?\d*)", re.IGNORECASE)
