"""WebArbiter: a judge of web actions that writes its principles first, the reward that trains it, and search among N actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from guerdon.models.protocols.action_comparison import ActionComparison
from guerdon.models.protocols.tournament import Tournament
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Judged, NamedCandidate
from guerdon.shaping.preference_accuracy import distractor_accuracy
from guerdon.shaping.tournaments import knockout, play

PAPER = Paper(
    slug="webarbiter",
    title="WebArbiter: A Principle-Guided Reasoning Process Reward Model for Web Agents",
    year=2026,
    arxiv="2601.21872",
    kind="reward",
    parts={
        "verdict reward +1 or -1": PUBLISHED,
        "state, criteria, analysis, answer": PUBLISHED,
        "prompt and reading of the verdict": OURS,
        "knockout among N actions": OURS,
        "WebPRMBench pairwise and best-of-n accuracy": PUBLISHED,
        "distillation of teacher traces": PUBLISHED,
    },
    columns=("winner",),
    range=(-1.0, 1.0),
    variants=("default", "official"),
)

#: The released data mirror those of RM-R1, whose parser reads this many last characters.
TAIL = 80


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    protocol: Any = None,
    winner: str = "winner",
    schedule: Any = "knockout",
    debias: Any = "swap",
    question: str | None = None,
    observation: str | None = "observation",
    history: str | None = "history",
) -> Reward:
    """Without ``chat``, the reward of a judge in training: +1 where its ``<Answer>`` names the winner and only it, else -1.

    With ``chat``, the reward of a policy whose completions are candidates for the next action of one state: a tournament
    within the group, judged pair by pair. ``"official"`` reads verdicts, in training and from the judge, from the last 80
    characters with the tag as written, which we infer from the released data.

    Args:
        chat: the judge.
        protocol: a pairwise protocol to use instead.
        winner: column with the right candidate.
        schedule, debias: of the :class:`~guerdon.models.protocols.tournament.Tournament`; ``"all_pairs"`` does not depend on the
            order of the candidates, ``debias="consistent"`` is for actions that cannot be undone.
        question, observation, history: columns of task (None: the prompt), state and what was done.
    """
    tail = TAIL if variant == "official" else None
    if chat is None:
        return NamedCandidate(winner=winner, strict_tail=tail, name="verdict")
    comparing = protocol or ActionComparison(
        question=question, observation=observation, history=history, strict_tail=tail
    )
    return Judged(chat, Tournament(comparing, schedule=schedule, debias=debias), name="chosen_action")


def knockout_select(n: int, beats: Sequence[Sequence[float | None]]) -> dict[str, int]:
    """The champion of a knockout of n candidates in their order, and how many comparisons it took: n - 1.

    ``beats[i][j]``: 1 where i is preferred to j, 0 where it is not, None where the judge is undecided; a tie, or no verdict, keeps
    the earlier. With verdicts that do not form an order, the champion depends on the order of the candidates.

    >>> knockout_select(3, [[1, 1, 0], [0, 1, 1], [1, 0, 1]])
    {'winner': 2, 'comparisons': 2}
    """
    verdicts = [[float("nan") if won is None else float(won) for won in row] for row in beats]
    played = play(knockout(n), lambda i, j: verdicts[i][j])
    standing = played.standing
    return {"winner": 0 if standing is None or n < 2 else int(standing.argmax()), "comparisons": played.matches}


def webprmbench(wins: Any) -> dict[str, float]:
    """Pairwise and best-of-n accuracy of one environment, from a row per instance and a column per rejected action.

    >>> webprmbench([[1, 1, 1, 0], [1, 1, 1, 1]])
    {'pairwise': 0.875, 'best_of_n': 0.5}
    """
    return asdict(distractor_accuracy(wins))
