"""SubSearch: rewards for search agents from the queries they write and the documents they find, where the answer is wrong."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Combine, Sum
from guerdon.errors import UserError
from guerdon.markers import Schedule
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Answerability, Decomposition, EvidenceContains, SearchAnswer, SearchForm

PAPER = Paper(
    slug="subsearch",
    title="SubSearch: Intermediate Rewards for Unsupervised Guided Reasoning in Complex Retrieval",
    year=2026,
    arxiv="2604.07415",
    kind="reward",
    parts={
        "answerability": RELEASED,
        "decomposition": RELEASED,
        "adaptive residual, schedule and gate of its weight": RELEASED,
        "format ladder": RELEASED,
        "ladder that rises everywhere": OURS,
        "gate that does not depend on the order of the batch": OURS,
        "evidence from the environment only": OURS,
    },
    columns=("golden_answers", "question"),
    range=(0.0, 1.0),
    variants=("default", "monotone", "official"),
)


def build(
    variant: str = "default",
    *,
    encoder: Any = "minilm",
    golden_answers: str = "golden_answers",
    question: str | None = "question",
    environment: str | None = None,
    documents: int = 3,
    shares: tuple[float, float] = (0.5, 0.5),
    beta: float = 0.2,
    schedule: str | None = "smart",
    warmup_steps: int = 200,
    decay_steps: int = 2000,
    floor: float = 0.02,
    adaptive: bool = True,
    gate: dict[str, float] | None = None,
    form: dict[str, float] | None = None,
) -> Reward:
    """Exact match r, where it fails beta_t times the mean of answerability and decomposition, on a ladder of good form.

    R0 = r + beta_t (0.5 answerability + 0.5 decomposition)(1 - r), then :func:`guerdon.shaping.residual.format_ladder`. It keeps
    state: train with ``build().scorer()``. Batches need the training step unless ``schedule=None``.

    ``"official"`` reads prompt and response as one decoded text (tag examples in the prompt count as searches), takes the question
    from it, moves the gate sample by sample, and uses the released ladder, where good searches can cost a wrong answer its
    floor. ``"monotone"`` is the default with the larger of the released ladder and its floor.

    Args:
        encoder: a sentence encoder; the release trains with all-MiniLM-L12-v2.
        golden_answers, question: columns; ``question=None`` takes what follows ``Question:`` in the prompt.
        environment: column with the character spans the environment inserted, for completions that are plain text.
        documents: how many of the first documents of a sub-query count.
        shares: of answerability and decomposition; (1, 0) and (0, 1) are the single-term ablations.
        beta, schedule, warmup_steps, decay_steps, floor: of beta_t, see :func:`guerdon.shaping.schedules.residual_weights`.
        adaptive, gate: whether beta_t follows the outcomes, and options of :func:`guerdon.shaping.schedules.adapted_weight`.
        form: ``structure``, ``final``, ``retrieval`` of the ladder, 0.2, 0.1 and 0.1 unless given.
    """
    official = variant == "official"
    reading: dict[str, Any] = {"environment": environment, "variant": "official" if official else "default"}
    answer = SearchAnswer(reference=golden_answers, name="r_answer", **reading)
    intermediate = Sum(
        Answerability(encoder=encoder, documents=documents, **reading),
        Decomposition(encoder=encoder, question=None if official else question, **reading),
        weights=shares,
        name="intermediate",
    )
    weight = _weight(beta, schedule, warmup_steps, decay_steps, floor)
    if adaptive:
        options = {"weight": weight, "highest": beta, "floor": floor, **(gate or {})}
        rule = "adaptive_weight_in_order" if official else "adaptive_weight"
        follows = Combine((answer,), rule, options, name="beta")
        reached = Combine((answer, intermediate, follows), "residual")
    else:
        reached = Combine((answer, intermediate), "residual", {"weight": weight})
    return formed(reached, answer, variant, form=form, golden_answers=golden_answers, environment=environment)


def formed(
    value: Reward,
    answer: Reward,
    variant: str = "default",
    *,
    form: dict[str, float] | None = None,
    golden_answers: str = "golden_answers",
    environment: str | None = None,
) -> Reward:
    """``value`` on the ladder of good form; ``answer`` is the :class:`~guerdon.rewards.SearchAnswer` whose ``answered`` counts."""
    reading: dict[str, Any] = {
        "environment": environment,
        "variant": "official" if variant == "official" else "default",
    }
    terms = (
        value,
        answer.part("answered"),
        SearchForm(name="valid_format", **reading),
        EvidenceContains(reference=golden_answers, name="retrieval_correct", **reading),
    )
    return Combine(terms, "format_ladder", {**(form or {}), "ladder": variant})


def _weight(beta: float, schedule: str | None, warmup_steps: int, decay_steps: int, floor: float) -> Any:
    if not 0.0 <= beta <= 1.0:
        raise UserError(f"beta={beta} must lie in [0, 1]")
    if schedule is None:
        return beta
    options = {"beta": beta, "kind": schedule, "warmup_steps": warmup_steps, "decay_steps": decay_steps, "floor": floor}
    return Schedule("residual", options)
