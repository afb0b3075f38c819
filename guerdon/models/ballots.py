"""Ballots: several verdicts on one sample counted to one, by strict majority or mean, and how much they disagree."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from guerdon.errors import UserError
from guerdon.frozen import FrozenDict
from guerdon.models.judge import Verdict
from guerdon.scores import Outcome, Steps

Aggregate = Literal["majority", "mean"]

#: Parts that counting adds to those of the verdicts.
BALLOT_PARTS = ("agreement", "undecided")


def tallied(votes: Sequence[Verdict], of: int, aggregate: Aggregate, *, subparts: Sequence[str] = ()) -> Verdict | None:
    """The verdict of ``of`` votes, of which these are in; None while more are needed.

    ``"majority"``: the value that more than half of all ``of`` votes have, known as soon as it has them; votes without a value
    count against every value. ``"mean"``: the mean, where more than half of all votes have a value. Otherwise undecided: for
    the reason of the first vote without a value where there is one that is to blame, else ``undecided``.

    The parts are those of the votes that have the value (all that have one for ``"mean"``), averaged, with ``agreement``, the share
    of the votes in on the most frequent value, and ``undecided``, the share without one. Uncertainty: the standard deviation of
    the values in, None with fewer than two.

    >>> yes, no, broken = Verdict(1.0), Verdict(0.0), Verdict.undecided(Outcome.TIMED_OUT)
    >>> (
    ...     tallied([yes], 3, "majority"),
    ...     tallied([yes, yes], 3, "majority").value,
    ...     tallied([yes, no, broken], 3, "majority").outcome,
    ... )
    (None, 1.0, <Outcome.TIMED_OUT: 'timed_out'>)
    """
    decided = [vote for vote in votes if vote.value is not None]
    counts = Counter(_key(vote) for vote in decided)
    best, most = counts.most_common(1)[0] if counts else (None, 0)
    left = of - len(votes)
    if aggregate == "majority":
        won = 2 * most > of
        if not won and 2 * (most + left) > of:
            return None
        agreeing = [vote for vote in decided if _key(vote) == best] if won else []
    else:
        if left:
            return None
        agreeing = decided if 2 * len(decided) > of else []
    extra = {"agreement": most / len(votes), "undecided": 1.0 - len(decided) / len(votes)} if votes else {}
    values = [vote.value for vote in decided if vote.value is not None]
    spread = statistics.stdev(values) if len(values) > 1 else None
    if not agreeing:
        failed = next((vote for vote in votes if vote.value is None), None)
        outcome = Outcome.UNDECIDED if failed is None else failed.outcome
        said = f"no majority: {_listed(counts)}" if decided else (failed.critique if failed is not None else "no votes")
        return Verdict(None, FrozenDict({**dict.fromkeys(subparts), **extra}), outcome, said, spread)
    means = {part: _mean([vote.parts.get(part) for vote in agreeing]) for part in subparts}
    value = agreeing[0].value if aggregate == "majority" else statistics.fmean(values)
    steps = agreeing[0].steps if aggregate == "majority" else _mean_steps(agreeing)
    critique = agreeing[0].critique if aggregate == "majority" else "\n\n".join(v.critique for v in agreeing)
    return Verdict(value, FrozenDict({**means, **extra}), critique=critique, uncertainty=spread, steps=steps)


def still_needed(votes: Sequence[Verdict], of: int, aggregate: Aggregate) -> int:
    """How many further votes it takes at least to decide, all being cast alike: what may be asked for side by side.

    >>> (
    ...     still_needed([], 5, "majority"),
    ...     still_needed([Verdict(1.0), Verdict(0.0)], 5, "majority"),
    ...     still_needed([], 5, "mean"),
    ... )
    (3, 2, 5)
    """
    left = of - len(votes)
    if aggregate == "mean":
        return left
    counts = Counter(_key(vote) for vote in votes if vote.value is not None)
    most = max(counts.values(), default=0)
    return min(max(of // 2 + 1 - most, 1), left)


def check_aggregate(aggregate: str) -> None:
    """Raise where votes cannot be counted so."""
    if aggregate not in ("majority", "mean"):
        raise UserError(f"aggregate={aggregate!r} is unknown; choose 'majority' or 'mean'")


def _key(vote: Verdict) -> float:
    return round(vote.value or 0.0, 9) + 0.0


def _listed(counts: Mapping[float, int]) -> str:
    return ", ".join(f"{count} for {value:g}" for value, count in counts.items())


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _mean_steps(votes: Sequence[Verdict]) -> Steps | None:
    """The mean step by step, where all have the same number of steps; right for reductions that are linear."""
    steps = [vote.steps for vote in votes]
    first = steps[0]
    if first is None or any(one is None or len(one) != len(first) for one in steps):
        return None
    return Steps(np.mean([one.values for one in steps if one is not None], axis=0), first.spans)
