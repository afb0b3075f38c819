"""PPR with ReNorm: process rewards of a search agent's turns, centred by the outcome so that failed trajectories gain nothing."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Combine
from guerdon.models.protocols.score_of_max import ScoreOfMax
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import GivenSteps, JudgedSteps, SearchAnswer

PAPER = Paper(
    slug="ppr-renorm",
    title="Hybrid Reward Normalization for Process-supervised Non-verifiable Agentic Tasks",
    year=2025,
    arxiv="2509.25598",
    kind="reward",
    parts={
        "ReNorm": PUBLISHED,
        "score out of a maximum the judge chooses": PUBLISHED,
        "reading the judge's reply": RELEASED,
        "placement on tokens": RELEASED,
        "judge prompt": OURS,
        "unscored steps where the judge fails": OURS,
    },
    columns=("golden_answers", "process_rewards"),
    range=None,
    variants=("default", "official"),
)


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    protocol: Any = None,
    process: Reward | None = None,
    outcome: Reward | None = None,
    golden_answers: str = "golden_answers",
    question: str | None = "question",
    environment: str | None = None,
    mu: float = 1.0,
    invalid: str = "nan",
) -> Reward:
    """Step rewards r_k = p_k + o - mu for the steps before the last, r_K = o; the value is their sum.

    With p and o in [0, 1] and mu 1 no step of a failed trajectory earns more than 0 and none of a solved one less. Solved
    trajectories still earn p_k for every further step: cap the turns or add a cost. Give steps to the trainer as they are; a group
    normalisation that takes out each trajectory's mean takes the centring out with it.

    A step whose judgement failed is unscored and so is its trajectory, unless ``invalid`` says otherwise. ``"official"`` counts it
    as p = 0, so that it costs a failed trajectory 1, and takes the answer from the decoded text.

    Args:
        chat, protocol: the judge; default protocol: :class:`~guerdon.models.protocols.score_of_max.ScoreOfMax`. Without a judge
            column ``process_rewards`` holds the p_k.
        process: a step reward to use instead, with an entry for the last step that is not looked at.
        outcome: in [0, 1]; default: exact match of the answer.
        golden_answers, question: columns; the question is for the judge, None gives it the prompt.
        environment: column with the character spans the environment inserted, for completions that are plain text.
        mu: the sum of the two rewards' centres; 0 adds them as they are.
        invalid: ``"skip"`` gives a step whose judgement failed 0, ``"zero"`` counts it as p = 0.
    """
    official = variant == "official"
    answer = outcome or SearchAnswer(
        reference=golden_answers,
        environment=environment,
        variant="official" if official else "default",
        name="outcome",
    )
    steps = process
    if steps is None and chat is None:
        steps = GivenSteps(environment=environment, name="process")
    elif steps is None:
        asking = protocol or ScoreOfMax(question=question)
        steps = JudgedSteps(chat, asking, environment=environment, name="process")
    options = {"mu": mu, "invalid": "zero" if official else invalid}
    return Combine((steps, answer), "renorm", options)
