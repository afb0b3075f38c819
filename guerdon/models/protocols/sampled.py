"""Sampled: the same question put to a judge several times, and the verdicts counted."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from guerdon.batch import Batch, group_rows
from guerdon.errors import UserError
from guerdon.models.ballots import BALLOT_PARTS, Aggregate, check_aggregate, still_needed, tallied
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Dialogue, JudgeProtocol, Question, Verdict
from guerdon.registry import register

Together = Generator[Sequence[Question], Sequence[ChatReply], list[Mapping[int, Verdict]]]


@register("protocol", "sampled")
@dataclass(frozen=True)
class Sampled(JudgeProtocol):
    """``inner`` carried out up to ``k`` times at ``temperature``, as numbered samples; the verdicts are counted.

    ``aggregate="majority"``, for verdicts that are a few values: the one that more than half of all k have; as many are asked
    for side by side as could decide, and no more once it is decided or cannot be any more. ``"mean"``, for numbers: the mean
    of all k, where more than half came back. A judgement that failed counts against every value. Parts: those of ``inner``,
    ``agreement`` (share on the most frequent value) and ``undecided`` (share without one). The uncertainty is the standard
    deviation between the verdicts. Range, columns and ties: those of ``inner``.

    >>> from guerdon.models.protocols.rating import Rating
    >>> dialogue = Sampled(Rating(), k=3).dialogues(Batch(["4"], ["2+2?"]))[0]
    >>> [request.sample for request in next(dialogue)]
    [0, 1]
    >>> try:
    ...     dialogue.send([ChatReply("5"), ChatReply("5")])
    ... except StopIteration as end:
    ...     print(end.value[0].value, end.value[0].uncertainty)
    5.0 0.0
    """

    inner: JudgeProtocol
    k: int = 5
    aggregate: Aggregate = "majority"
    temperature: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        check_aggregate(self.aggregate)
        if self.k < 1:
            raise UserError(f"k={self.k!r} must be at least 1")
        if self.aggregate == "mean" and self.inner.reduction not in ("mean", "sum", "last"):
            raise UserError(
                f"aggregate='mean' of steps reduced by {self.inner.reduction!r} is not the reduction of their means; "
                "reduce by 'mean', 'sum' or 'last', or take aggregate='majority'"
            )

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value."""
        return self.inner.bounds

    @property
    def subparts(self) -> tuple[str, ...]:  # type: ignore[override]
        """Parts beside the value."""
        return (*self.inner.subparts, *BALLOT_PARTS)

    @property
    def ties(self) -> str | None:  # type: ignore[override]
        """Which samples are judged together."""
        return self.inner.ties

    @property
    def reduction(self) -> str:  # type: ignore[override]
        """How steps become the value."""
        return self.inner.reduction

    @property
    def own_columns(self) -> dict[str, str]:
        return self.inner.own_columns

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        ties = np.arange(len(batch)) if self.ties is None else batch.tie(self.ties)
        return [self._repeated(batch.select(rows), rows.tolist()) for rows in group_rows(ties)]

    def _repeated(self, batch: Batch, rows: Sequence[int]) -> Dialogue:
        votes: list[list[Verdict]] = [[] for _ in rows]
        silent = Verdict.undecided(Verdict.unread(ChatReply()).outcome, "the protocol gave no verdict")
        while True:
            tallies = [tallied(cast, self.k, self.aggregate, subparts=self.inner.subparts) for cast in votes]
            found = {row: tally for row, tally in zip(rows, tallies, strict=True) if tally is not None}
            if len(found) == len(rows):
                return found
            open_votes = [cast for cast, tally in zip(votes, tallies, strict=True) if tally is None]
            count = max(still_needed(cast, self.k, self.aggregate) for cast in open_votes)
            start = len(votes[0])
            results = yield from side_by_side(
                [
                    self._reseeded(dialogue, s)
                    for s in range(start, start + count)
                    for dialogue in self.inner.dialogues(batch)
                ]
            )
            each = len(results) // count
            for s in range(count):
                verdicts = {i: v for part in results[s * each : (s + 1) * each] for i, v in part.items()}
                for i, cast in enumerate(votes):
                    cast.append(verdicts.get(i, silent))

    def _reseeded(self, dialogue: Dialogue, s: int) -> Dialogue:
        """A dialogue whose requests are sampled, each repetition with a seed of its own."""
        try:
            questions = next(dialogue)
            while True:
                replies = yield [
                    replace(question, temperature=self.temperature, seed=self.seed, sample=s)
                    if isinstance(question, ChatRequest)
                    else question
                    for question in questions
                ]
                questions = dialogue.send(replies)
        except StopIteration as end:
            return dict(end.value)


def side_by_side(dialogues: Sequence[Dialogue]) -> Together:
    """Several dialogues as one that asks the questions of a round together; returns what each ends on, in order."""
    ends: dict[int, Mapping[int, Verdict]] = {}
    asked: dict[int, Sequence[Question]] = {}
    for k, dialogue in enumerate(dialogues):
        _advance(dialogue, None, k, asked, ends)
    while asked:
        round_ = dict(asked)
        replies = iter((yield [question for questions in round_.values() for question in questions]))
        asked.clear()
        for k, questions in round_.items():
            _advance(dialogues[k], [next(replies) for _ in questions], k, asked, ends)
    return [ends[k] for k in range(len(dialogues))]


def _advance(
    dialogue: Dialogue,
    replies: Sequence[ChatReply] | None,
    k: int,
    asked: dict[int, Sequence[Question]],
    ends: dict[int, Mapping[int, Verdict]],
) -> None:
    try:
        asked[k] = next(dialogue) if replies is None else dialogue.send(replies)
    except StopIteration as end:
        ends[k] = end.value
