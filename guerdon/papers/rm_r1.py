"""RM-R1: judges of pairs that reason before they judge, trained on the verdict alone."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Combine
from guerdon.errors import UserError
from guerdon.models.protocols.chain_of_rubrics import ChainOfRubrics
from guerdon.models.protocols.tournament import Tournament
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Judged, PairVerdict
from guerdon.rewards.trained_judges import letter_of
from guerdon.text.bracketed_verdicts import in_tail, tail_verdict
from guerdon.text.replies import own_words

PAPER = Paper(
    slug="rm-r1",
    title="RM-R1: Reward Modeling as Reasoning",
    year=2025,
    arxiv="2505.02387",
    kind="reward",
    parts={
        "verdict reward, filter of distilled traces, verdicts of the evaluation": RELEASED,
        "sections of a chain of rubrics": RELEASED,
        "prompts": OURS,
        "no verdict from a thought": OURS,
        "win rate against siblings as a policy reward": OURS,
    },
    columns=("winner",),
    range=(-1.0, 1.0),
    variants=("default", "official", "policy"),
)

LABELS = ("model_a", "model_b")


def build(
    variant: str = "default",
    *,
    winner: str = "winner",
    labels: tuple[str, str] = LABELS,
    window: int = 80,
    chat: Any = None,
    rubrics: bool = True,
    **tournament: Any,
) -> Reward | Combine:
    """+1 for the right verdict in the last ``window`` characters, else -1: what such a judge is trained with.

    The order of responses in the data must be balanced (:func:`~guerdon.data.balanced_order.balanced_order`), or the judge learns
    the place instead of the quality. ``"policy"`` is the way back: the trained judge compares a policy's siblings two by two,
    and each is worth its win rate.

    Args:
        winner, labels: column with the better response, and what it says for A and for B.
        window: characters, 58 more than the 22 of a verdict.
        chat: the judge, for ``"policy"``.
        rubrics: whether that judge is asked for a rubric or solution, or, as a reasoning model, for the verdict alone.
        tournament: further fields of :class:`~guerdon.models.protocols.tournament.Tournament`, such as ``schedule``.

    Raises:
        UserError: ``"policy"`` without a judge, or options of a tournament without ``"policy"``.
    """
    if variant == "policy":
        if chat is None:
            raise UserError("chat is missing: the variant 'policy' asks the trained judge; name a chat model")
        return Judged(chat, Tournament(ChainOfRubrics(rubrics=rubrics), **tournament))
    if tournament:
        raise UserError(f"{sorted(tournament)} belong to a tournament; say variant='policy'")
    said = "official" if variant == "official" else "default"
    return PairVerdict(said, winner=winner, labels=tuple(labels), window=window)  # type: ignore[arg-type]


def keeps_trace(
    completion: str,
    winner: str,
    *,
    labels: tuple[str, str] = LABELS,
    window: int = 100,
    variant: str = "default",
) -> bool:
    """Whether a teacher's trace is kept to be distilled: whether its verdict is right.

    The default asks what the reward asks, outside the thought. ``variant="official"``: the right letter in double brackets stands
    in the last ``window`` characters, even if the other does too.

    Raises:
        UserError: a label that is none of the two, or none.

    >>> both = "<answer>[[A]]</answer><answer>[[B]]</answer>"
    >>> keeps_trace(both, "model_a"), keeps_trace(both, "model_a", variant="official")
    (False, True)
    """
    letter = letter_of(winner, labels, "winner")
    if letter is None:
        raise UserError(f"winner={winner!r} is no label; choose one of {labels}")
    if variant == "official":
        return in_tail(completion, letter, window=window)
    return tail_verdict(own_words(completion), window=window) == letter


def hinted_question(question: str, winner: str, wrong_trace: str, *, labels: tuple[str, str] = LABELS) -> str:
    """What a second teacher is asked where the first was wrong: the task, the right verdict and the trace that missed it.

    >>> hinted_question("Which?", "model_b", "A it is.").splitlines()[-1]
    'Write a judgement that comes to B by its own reasons and does not mention this note.'
    """
    letter = letter_of(winner, labels, "winner")
    return (
        f"{question}\n\nA note for you alone: response {letter} is the better one. An earlier judgement missed it:\n"
        f"<<<\n{wrong_trace}\n>>>\nWrite a judgement that comes to {letter} by its own reasons and does not mention this note."
    )
