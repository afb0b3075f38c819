"""LongTraceRL: right answers, and among them those that name the entities of the reasoning chain."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Gate, Product, Sum
from guerdon.errors import UserError
from guerdon.models.protocols.answer_check import AnswerCheck
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import ChunkFBeta, EntityRecall, Given, Judged

PAPER = Paper(
    slug="longtracerl",
    title="LongTraceRL: Learning Long-Context Reasoning from Search Agent Trajectories with Rubric Rewards",
    year=2026,
    arxiv="2605.31584",
    kind="reward",
    parts={
        "entity recall": RELEASED,
        "group-max normalisation and positive-only mix": RELEASED,
        "ablations: both, negative only, chunks named (LongRLVR)": RELEASED,
        "parser of the outcome judge": RELEASED,
        "prompt of the outcome judge": OURS,
        "chains, distractor tiers and contexts (guerdon.data.search_distractors)": PUBLISHED,
        "walk lengths and the order in which contexts are filled": OURS,
        "words of any script, thinking stripped": OURS,
    },
    columns=("correct", "rubrics"),
    range=(0.0, 1.0),
    variants=("default", "official", "both", "negative", "longrlvr"),
)

#: What an outcome must be above to be right.
RIGHT = 1e-12


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    outcome: Reward | None = None,
    recall: Reward | None = None,
    eta: float = 0.3,
    normalize: bool = True,
    finished: str | None = None,
    rubrics: str = "rubrics",
    gold_chunks: str = "gold_chunks",
    question: str | None = "question",
    answer: str = "answer",
) -> Reward:
    """(1 - eta) o + eta rho / max of the group's rho where the outcome o is right, else 0: in {0} and [1 - eta, 1].

    The maximum is over the whole group, wrong answers included. ``"official"`` compares runs of ASCII letters and single Han
    characters and leaves thinking in the text. ``"both"`` and ``"negative"`` are the ablations that pay entities to wrong
    answers too, or to them alone; ``"longrlvr"`` is the baseline o + eta F + (1 - eta) o F of the chunks named.

    Args:
        chat: the judge of the outcome, asked up to three times (:class:`~guerdon.models.protocols.answer_check.AnswerCheck`).
        outcome: what is right, in [0, 1], to use instead; default without a judge: the number in column ``correct``.
        recall: the rubric score; default: :class:`~guerdon.rewards.EntityRecall`.
        eta: share of the rubric; 0 in evaluation.
        normalize: whether the rubric score is divided by the group's largest.
        finished: column that is 0 where a rollout was truncated, aborted or malformed: its outcome and recall are 0.
        rubrics, gold_chunks: columns of the entities and of the right chunks.
        question, answer: columns for the judge; a question of None is the prompt.

    Raises:
        UserError: eta outside [0, 1].
    """
    if not 0.0 <= eta <= 1.0:
        raise UserError(f"eta={eta} must lie in [0, 1]")
    if outcome is None and chat is not None:
        checking = AnswerCheck(
            question=question, answers=answer, variant="official" if variant != "default" else "default"
        )
        outcome = Judged(chat, checking, name="outcome")
    right = _where(finished, outcome or Given("correct", low=0.0, high=1.0, name="outcome"))
    if variant == "longrlvr":
        chunks = _where(finished, ChunkFBeta(gold=gold_chunks))
        return Sum(right, chunks, Product(right, chunks), weights=(1.0, eta, 1.0 - eta))
    official = variant != "default"
    rubric = _where(
        finished,
        recall
        or EntityRecall(
            entities=rubrics,
            tokenizer="ascii" if official else "words",
            variant="official" if official else "default",
        ),
    )
    share = rubric.then("max_ratio", name="relative_recall") if normalize else rubric
    if variant == "both":
        return Sum(right, share, weights=(1.0 - eta, eta))
    if variant == "negative":
        return Sum(share, Gate(right, Sum(right, share, weights=(1.0, -eta)), at_least=RIGHT), weights=(eta, 1.0))
    return Gate(right, Sum(right, share, weights=(1.0 - eta, eta)), at_least=RIGHT)


def _where(finished: str | None, reward: Reward) -> Reward:
    return reward if finished is None else Gate(Given(finished, low=0.0, high=1.0, name="finished"), reward)
