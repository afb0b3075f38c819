"""Tournament: the completions of a group compared two by two, and a value for each from who won."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply
from guerdon.models.judge import Comparison, Dialogue, JudgeProtocol, PairwiseProtocol, Verdict
from guerdon.models.protocols.orders import Debias, check_debias, context_of, first_failure, ordered, private_rng
from guerdon.models.protocols.pairwise import Pairwise
from guerdon.models.protocols.shown import check_of
from guerdon.registry import register
from guerdon.shaping.pairwise import bradley_terry, copeland, elo_ratings, win_rate, wins_matrix
from guerdon.shaping.tournaments import (
    Coin,
    Pair,
    Schedule,
    adaptive,
    all_pairs,
    bradley_terry_errors,
    circular,
    double_elimination,
    knockout,
)

Scheduled = Literal["all_pairs", "circular", "knockout", "double_elimination", "adaptive"]
Aggregate = Literal["win_rate", "bradley_terry", "copeland", "elo", "standing"]

SCHEDULES = ("all_pairs", "circular", "knockout", "double_elimination", "adaptive")
AGGREGATES = ("win_rate", "bradley_terry", "copeland", "elo", "standing")
ELIMINATION = ("knockout", "double_elimination")
ELO_START, ELO_ORDERS = 1500.0, 32


@register("protocol", "tournament")
@dataclass(frozen=True)
class Tournament(JudgeProtocol):
    """A value for every completion of a group from comparisons within it.

    ``schedule`` says who meets whom (see :mod:`guerdon.shaping.tournaments`): ``"all_pairs"``, n (n - 1) / 2 comparisons;
    ``"circular"``, n times ``hops``; ``"knockout"``, n - 1; ``"double_elimination"``, at most 2 n - 1; ``"adaptive"``, ``budget``
    (default 2 n), where a Bradley-Terry fit is least sure. ``debias`` says in which orders a pair is shown: ``"swap"`` both,
    averaged, ``"consistent"`` both, a tie unless they agree (twice the calls), ``"random"`` one, ``"none"`` as it comes.

    ``aggregate``: ``"win_rate"`` or ``"copeland"`` in [0, 1], ``"bradley_terry"`` log-strengths of mean 0, with standard
    errors against the group's mean as uncertainty, ``"elo"`` ratings, ``"standing"`` the place in an elimination, in [0, 1].
    Default: the standing of an elimination, else ``"bradley_terry"`` for circular and adaptive and ``"win_rate"`` for all
    pairs.

    Equal texts are one entrant. Entrants are seeded, and undecided matches of an elimination given to one side, by a private
    generator of ``seed`` and the group's texts. Parts: ``decided``, the share of the sample's comparisons that have a
    verdict, and ``consistent``, the share of those whose two orders agree (NaN with one order). A group with one entrant is
    worth the middle: 0.5, 0 or 1500. Columns: the comparator's, which a group shares. Undecided where none of a sample's
    comparisons is decided, for the reason of the first.

    >>> batch = Batch(["4", "5"], ["2+2?"] * 2)
    >>> [dialogue] = Tournament(debias="none").dialogues(batch)
    >>> [request] = next(dialogue)
    >>> try:
    ...     dialogue.send(
    ...         [ChatReply("<verdict>A</verdict>" if "\\n4\\nANSWER A" in request.text else "<verdict>B</verdict>")]
    ...     )
    ... except StopIteration as end:
    ...     print({row: verdict.value for row, verdict in end.value.items()})
    {0: 1.0, 1: 0.0}
    """

    comparator: PairwiseProtocol = field(default_factory=Pairwise)
    schedule: Scheduled = "all_pairs"
    aggregate: Aggregate | None = None
    debias: Debias = "swap"
    of: str = "visible"
    hops: int = 2
    budget: int | None = None
    seed: int = 0

    ties = "group"
    subparts = ("decided", "consistent")

    def __post_init__(self) -> None:
        check_debias(self.debias)
        check_of(self.of)
        if self.schedule not in SCHEDULES:
            raise UserError(f"schedule={self.schedule!r} is unknown; {closest(str(self.schedule), SCHEDULES)}")
        if self.aggregate is not None and self.aggregate not in AGGREGATES:
            raise UserError(f"aggregate={self.aggregate!r} is unknown; {closest(str(self.aggregate), AGGREGATES)}")
        if self.aggregate == "standing" and self.schedule not in ELIMINATION:
            raise UserError(f"aggregate='standing' needs an elimination, not schedule={self.schedule!r}")
        if self.hops < 1 or (self.budget is not None and self.budget < 1):
            raise UserError(f"hops={self.hops!r} and budget={self.budget!r} must be at least 1")

    @property
    def aggregated(self) -> Aggregate:
        """How comparisons become values, where the field leaves it open."""
        if self.aggregate is not None:
            return self.aggregate
        if self.schedule in ELIMINATION:
            return "standing"
        return "win_rate" if self.schedule == "all_pairs" else "bradley_terry"

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value."""
        return (-math.inf, math.inf) if self.aggregated in ("bradley_terry", "elo") else (0.0, 1.0)

    @property
    def own_columns(self) -> dict[str, str]:
        return self.comparator.own_columns

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        return [self._played(batch, rows.tolist()) for rows in batch.by_group()]

    def scheduled(self, n: int, coin: Coin | None = None) -> Schedule:
        """The schedule for n entrants."""
        if self.schedule == "circular":
            return circular(n, hops=self.hops)
        if self.schedule == "adaptive":
            return adaptive(n, budget=self.budget)
        if self.schedule == "knockout":
            return knockout(n, coin=coin)
        return all_pairs(n) if self.schedule == "all_pairs" else double_elimination(n, coin=coin)

    def _played(self, batch: Batch, rows: Sequence[int]) -> Dialogue:
        texts = {row: batch.texts(self.of)[row] or "" for row in rows}
        holders = {text: row for row, text in reversed(texts.items())}
        rng = private_rng(self.seed, batch.prompt_texts[rows[0]], sorted(holders))
        names = sorted(holders)
        entrants = [names[k] for k in rng.permutation(len(names))]
        matches = _Matches(entrants)
        standing = None
        schedule = self.scheduled(len(entrants), lambda: bool(rng.integers(2)))
        try:
            pairs = next(schedule)
            while True:
                compared = []
                for i, j in pairs:
                    first, second = entrants[i], entrants[j]
                    row = holders[first]
                    context = context_of(self.comparator, batch.columns, row)
                    pair = Comparison(batch.prompt_texts[row], first, second, context)
                    compared.append(ordered(self.comparator, pair, self.debias, seed=self.seed))
                replies: list[ChatReply] = list((yield [ask for one in compared for ask in one.requests]))
                left = iter(replies)
                verdicts = [one.verdict([next(left) for _ in one.swaps]) for one in compared]
                pairs = matches.noted(pairs, verdicts, schedule)
        except StopIteration as end:
            standing = end.value
        verdicts_by_text = self._verdicts(matches, standing)
        return {row: verdicts_by_text[text] for row, text in texts.items()}

    def _verdicts(self, matches: _Matches, standing: np.ndarray | None) -> dict[str, Verdict]:
        n = len(matches.entrants)
        if n == 1:
            middle = {"bradley_terry": 0.0, "elo": ELO_START}.get(self.aggregated, 0.5)
            return {matches.entrants[0]: Verdict(middle, critique="the only answer of its group")}
        values, errors = self._values(matches, standing)
        verdicts = {}
        for i, text in enumerate(matches.entrants):
            mine = [v for pair, v in zip(matches.pairs, matches.verdicts, strict=True) if i in pair]
            decided = [verdict for verdict in mine if verdict.value is not None]
            agreed = [c for verdict in decided if (c := verdict.parts.get("consistent")) is not None]
            parts = FrozenDict(
                {
                    "decided": len(decided) / len(mine) if mine else None,
                    "consistent": sum(agreed) / len(agreed) if agreed else None,
                }
            )
            if not decided:
                outcome, why = first_failure(mine)
                verdicts[text] = Verdict(None, parts, outcome, why)
                continue
            won = sum(
                (v.value or 0.0) if i == a else 1.0 - (v.value or 0.0)
                for (a, b), v in zip(matches.pairs, matches.verdicts, strict=True)
                if i in (a, b) and v.value is not None
            )
            said = f"{won:g} points of {len(decided)} comparisons"
            verdicts[text] = Verdict(
                float(values[i]), parts, critique=said, uncertainty=None if errors is None else float(errors[i])
            )
        return verdicts

    def _values(self, matches: _Matches, standing: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        n = len(matches.entrants)
        first, second = (np.array(side, dtype=np.int64) for side in zip(*matches.pairs, strict=True))
        points = np.array([math.nan if v.value is None else v.value for v in matches.verdicts])
        wins = wins_matrix(first, second, points, n)
        if self.aggregated == "standing" and standing is not None:
            return standing, None
        if self.aggregated == "bradley_terry":
            strengths = bradley_terry(wins)
            apart = bradley_terry_errors(wins, strengths) ** 2
            return strengths, np.sqrt(np.maximum(apart.mean(axis=1) - apart.mean() / 2.0, 0.0))
        if self.aggregated == "elo":
            met = list(zip(first.tolist(), second.tolist(), points.tolist(), strict=True))
            ratings = elo_ratings(met, players=range(n), start=ELO_START, shuffles=ELO_ORDERS, seed=self.seed)
            return np.array([ratings[i] for i in range(n)]), None
        return copeland(wins) if self.aggregated == "copeland" else win_rate(wins), None


class _Matches:
    """What was compared so far, and what came of it."""

    def __init__(self, entrants: list[str]) -> None:
        self.entrants = entrants
        self.pairs: list[Pair] = []
        self.verdicts: list[Verdict] = []

    def noted(self, pairs: list[Pair], verdicts: list[Verdict], schedule: Schedule) -> list[Pair]:
        """The next round of a schedule that is told of these verdicts."""
        self.pairs += pairs
        self.verdicts += verdicts
        return schedule.send([math.nan if verdict.value is None else verdict.value for verdict in verdicts])
