"""Reward specification: limits on rates instead of weights, demonstrations, directions and potentials as rewards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guerdon.combine import Combine, Sum
from guerdon.errors import UserError
from guerdon.markers import Column
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import ExactMatch, Given, Length, LogRatio, Potential, Tags
from guerdon.training.losses.coordination import Coached, TeamPrediction

PAPER = Paper(
    slug="reward-specification",
    title="Effective Reward Specification in Deep Reinforcement Learning",
    year=2024,
    arxiv="2412.07177",
    kind="reward",
    parts={
        "rate constraints with learned, normalised multipliers, bootstrap constraint": RELEASED,
        "demonstration log-ratio, discriminator loss, windows": RELEASED,
        "focus region around a goal direction": RELEASED,
        "team-mate prediction loss": RELEASED,
        "coach's choice of sub-policy, agreement with it": PUBLISHED,
        "potential-based shaping": PUBLISHED,
        "constraints for text, window of recent rates, bound of the parameters": OURS,
    },
    columns=("answer",),
    range=(-1.0, 1.0),
    variants=("default", "unnormalized", "demonstration", "focus", "potential", "team", "coach"),
)

Constraint = tuple[Reward, float | None, float | None]


def build(
    variant: str = "default",
    *,
    task: Reward | None = None,
    constraints: Sequence[Constraint] | None = None,
    bootstrap: int | None = None,
    rate: float = 0.05,
    options: dict[str, Any] | None = None,
    objectives: Sequence[str] = ("helpful", "harmless"),
    direction: str | Sequence[float] = "direction",
    window: int | None = None,
    gamma: float = 1.0,
    budget: int = 1024,
) -> Reward | TeamPrediction | Coached:
    """A task reward under limits on how often costs occur: w_R r + sum_k s_k lambda_k c_k, sum of all weights 1.

    Multipliers move once per training batch, after it was scored: use the scorer, ``build().scorer()``. ``"unnormalized"`` leaves
    w_R at 1 and multipliers without bound. ``"demonstration"``: the log-ratio of columns ``new_logp`` and ``old_logp``.
    ``"focus"``: the log of the objectives' sum, near the wanted direction only. ``"potential"``: the task reward on the last step,
    and potentials on the way. ``"team"`` and ``"coach"`` are no rewards but training objectives for several policies that act
    together: :class:`~guerdon.training.losses.coordination.TeamPrediction` and ``Coached``, with ``options`` as their fields.

    Args:
        task: the main reward; default: exact match of the ``<answer>`` block with column ``answer``.
        constraints: (cost in {0, 1}, low, high) each, one of low and high None; default: the form holds in at least 95 % of
            samples, and at most 5 % have over ``budget`` words.
        bootstrap: index of the constraint on success that keeps up the weight of the task where constraints are many.
        rate: learning rate of the multipliers.
        options: more of :func:`guerdon.shaping.rate_constraints.rate_constraints`, or of its ``focus``.
        objectives: columns of non-negative scores, for ``"focus"``.
        direction: column of wanted directions, or one for all, for ``"focus"``.
        window: tokens per step reward of ``"demonstration"``.
        gamma: of ``"potential"``.
        budget: words a completion may have.

    Raises:
        UserError: no constraint, or an index that is none's.
    """
    extra = dict(options or {})
    if variant == "team":
        return TeamPrediction(**extra)
    if variant == "coach":
        return Coached(**extra)
    if variant == "demonstration":
        return LogRatio(window=window)
    if variant == "focus":
        scores = tuple(Given(name, low=0.0, name=name) for name in objectives)
        wanted = Column(direction) if isinstance(direction, str) else tuple(direction)
        return Combine(scores, "focus", {"directions": wanted, **extra})
    main = task or ExactMatch(reference="answer", of="<answer>", name="task")
    if variant == "potential":
        return Sum(main, Potential(gamma=gamma))
    long = Length("words").then("threshold", at=budget + 1, name="over_budget")
    standard: list[Constraint] = [(Tags("think", "answer", name="form"), 0.95, None), (long, None, 0.05)]
    limited = standard if constraints is None else list(constraints)
    if not limited or (bootstrap is not None and not 0 <= bootstrap < len(limited)):
        raise UserError(
            f"bootstrap={bootstrap} with {len(limited)} constraints; give at least one, and the index of one"
        )
    if any((low is None) == (high is None) for _, low, high in limited):
        raise UserError("each constraint has one of low and high; a cost with both is two constraints")
    law: dict[str, Any] = {"limits": tuple((low, high) for _, low, high in limited), "rate": rate}
    if variant == "unnormalized":
        law["normalized"] = False
    if bootstrap is not None:
        law["bootstrap"] = bootstrap
    return Combine((main, *(cost for cost, _, _ in limited)), "rate_constraints", law | extra)
