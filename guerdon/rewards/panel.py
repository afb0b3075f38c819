"""Panel: several judges on the same question, their verdicts counted to one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.ballots import BALLOT_PARTS, Aggregate, check_aggregate, still_needed, tallied
from guerdon.models.chat import ChatModel, ScriptedChat
from guerdon.models.chats import as_chat
from guerdon.models.judge import JudgeProtocol, ScriptedProtocol, Verdict
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.rewards.judged import Judged, as_scores, judgements
from guerdon.scores import Scores


@register("reward")
@dataclass(frozen=True, repr=False)
class Panel(Reward):
    """What several chat models say of each completion by one protocol: the value of a strict majority, or the mean.

    ``aggregate="majority"``: the value that more than half of all judges give, those that failed counted against it. Judges
    are asked in order, at first as many as a majority takes, then as many as could still decide on what is open, so that
    agreement saves the rest. ``"mean"``: the mean of all, where more than half decided. See
    :func:`~guerdon.models.ballots.tallied`.

    Range, columns and ties: the protocol's. Parts: the protocol's, over the judges that agree, ``agreement`` (share of those
    asked on the most frequent value) and ``undecided`` (share without one). The uncertainty is the standard deviation between
    judges. NaN without a majority: with the outcome of the first judge that failed, else ``undecided``.

    For judges that are asked different things, combine :class:`~guerdon.rewards.judged.Judged` rewards with ``Ensemble``.

    >>> judges = [ScriptedChat({}, default=said) for said in ("score: 1", "score: 0", "score: 1")]
    >>> scores = Panel(judges, ScriptedProtocol()).score(Batch(["It is 4."]))
    >>> scores.values.tolist(), scores.parts["panel/agreement"].round(2).tolist()
    ([1.0], [0.67])
    """

    judges: tuple[ChatModel, ...]
    protocol: JudgeProtocol
    aggregate: Aggregate = "majority"

    def __post_init__(self) -> None:
        object.__setattr__(self, "judges", tuple(map(as_chat, self.judges)))
        super().__post_init__()
        check_aggregate(self.aggregate)
        if not self.judges or not all(isinstance(judge, ChatModel) for judge in self.judges):
            raise UserError(f"judges={self.judges!r:.80} must be one or more chat models")
        if self.aggregate == "mean" and self.protocol.reduction not in ("mean", "sum", "last"):
            raise UserError(
                f"aggregate='mean' of steps reduced by {self.protocol.reduction!r} is not the reduction of their means; "
                "take aggregate='majority'"
            )

    @property
    def range(self) -> tuple[float, float]:
        return self.protocol.bounds

    @property
    def own_tie(self) -> str | None:
        return self.protocol.ties

    @property
    def own_columns(self) -> dict[str, str]:
        return self.protocol.own_columns

    @property
    def subparts(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*self.protocol.subparts, *BALLOT_PARTS)

    async def _score(self, batch: Batch) -> Scores:
        votes: list[list[Verdict]] = [[] for _ in range(len(batch))]
        asked = 0
        while asked < len(self.judges):
            tallies = [self._tally(cast) for cast in votes]
            rows = self._together(batch, np.array([tally is None for tally in tallies], dtype=bool))
            if not len(rows):
                break
            count = max(still_needed(votes[row], len(self.judges), self.aggregate) for row in rows.tolist())
            view = batch if len(rows) == len(batch) else batch.select(rows)
            judges = self.judges[asked : asked + count]
            for said in await asyncio.gather(*(judgements(judge, self.protocol, view) for judge in judges)):
                for row, verdict in zip(rows.tolist(), said, strict=True):
                    if tallies[row] is None:
                        votes[row].append(verdict)
            asked += len(judges)
        verdicts = [self._tally(cast) or Verdict() for cast in votes]
        return as_scores(verdicts, self.subparts, self.protocol.reduction)

    def _tally(self, cast: list[Verdict]) -> Verdict | None:
        return tallied(cast, len(self.judges), self.aggregate, subparts=self.protocol.subparts)

    def _together(self, batch: Batch, open_: np.ndarray) -> np.ndarray:
        """The open rows, with those they must be judged together with."""
        if self.protocol.ties is not None and open_.any():
            ties = batch.tie(self.protocol.ties)
            open_ = np.isin(ties, ties[open_])
        return np.flatnonzero(open_)

    @classmethod
    def example_reward(cls) -> Panel:
        judge = Judged.example_reward().chat
        return cls((judge, judge, ScriptedChat({}, default="score: 0.5")), ScriptedProtocol())

    @classmethod
    def example(cls) -> Example:
        return Judged.example()
