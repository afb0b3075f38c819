"""OpenRubrics: rubrics of hard rules and principles mined from preferences, and a judge that compares two responses by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from guerdon.models.protocols.rubric_comparison import RubricComparison
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.rubric import Rubric
from guerdon.rubrics.consistency import Consistency
from guerdon.rubrics.contrastive import Contrastive, PromptOnly

PAPER = Paper(
    slug="openrubrics",
    title="OpenRubrics: Towards Scalable Synthetic Rubric Generation for Reward Modeling and LLM Alignment",
    year=2025,
    arxiv="2510.07743",
    kind="judge",
    parts={
        "contrastive generation, hard rules and principles": PUBLISHED,
        "preference-label consistency": PUBLISHED,
        "rubric grammar and verdict line": PUBLISHED,
        "judge with a gatekeeper": PUBLISHED,
        "voting": PUBLISHED,
        "prompts": OURS,
        "criteria that hold details of an answer are dropped": OURS,
    },
    columns=("rubric",),
    range=(0.0, 1.0),
)


def build(
    variant: str = "default", *, rubric: Rubric | None = None, column: str = "rubric", gatekeeper: bool = True
) -> RubricComparison:
    """The judge: which of two responses is better by a rubric, after a check of the one rule that decides without an opinion.

    As a reward against a given response: ``Judged(chat, ReferenceComparison(build()))``; in a group: ``Tournament(build())``; both
    average the two orders. By the same rubrics, response by response: :class:`~guerdon.rewards.rubric.RubricScore`.

    Args:
        rubric: one for all comparisons; None: each row's, in ``column``.
        column: where rubrics stand, such as those of :func:`generator`.
        gatekeeper: whether a broken gatekeeper rule decides.
    """
    return RubricComparison(rubric=rubric, column=column, gatekeeper=gatekeeper)


def generator(*, trained: bool = False, consistent: bool = True, **options: Any) -> Contrastive | PromptOnly:
    """What makes the rubrics: contrastive generation with the consistency filter, or with ``trained`` from the prompt alone.

    >>> generator(trained=True)
    PromptOnly(attempts=3, temperature=0.0, max_tokens=None)
    """
    if trained:
        return PromptOnly(**options)
    return Contrastive(consistency=Consistency() if consistent else None, **options)


def vote(verdicts: Sequence[str | None]) -> str | None:
    """The majority of k verdicts, those that could not be read left out; None on a tie and without any.

    >>> vote(["A", None, "B", "A"]), vote(["A", "B", None]), vote([None])
    ('A', None, None)
    """
    counts = Counter(verdict for verdict in verdicts if verdict is not None).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]


def label_consistent(verdict: str | None, label: str) -> bool:
    """Whether a rubric is kept: the judge who goes by it says what the label says; an unread verdict drops it.

    >>> label_consistent("A", "A"), label_consistent(None, "A")
    (True, False)
    """
    return verdict is not None and verdict == label
