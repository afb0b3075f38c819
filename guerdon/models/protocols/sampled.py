"""Sampled: the same question put to a judge several times, and the verdicts counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.ballots import BALLOT_PARTS, Aggregate, check_aggregate, still_needed, tallied
from guerdon.models.chat import ChatReply
from guerdon.models.judge import Dialogue, Verdict
from guerdon.models.protocols.wrapping import Wrapping, remade, side_by_side
from guerdon.registry import register


@register("protocol", "sampled")
@dataclass(frozen=True)
class Sampled(Wrapping):
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

    k: int = 5
    aggregate: Aggregate = "majority"
    temperature: float = 0.7
    seed: int = 0

    further_parts = BALLOT_PARTS

    def __post_init__(self) -> None:
        check_aggregate(self.aggregate)
        if self.k < 1:
            raise UserError(f"k={self.k!r} must be at least 1")
        if self.aggregate == "mean" and self.inner.reduction not in ("mean", "sum", "last"):
            raise UserError(
                f"aggregate='mean' of steps reduced by {self.inner.reduction!r} is not the reduction of their means; "
                "reduce by 'mean', 'sum' or 'last', or take aggregate='majority'"
            )

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        return [self._repeated(part, rows) for part, rows in self.judged_together(batch)]

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
        """The dialogue, its requests sampled, each repetition with a seed of its own."""
        return remade(dialogue, lambda asked: replace(asked, temperature=self.temperature, seed=self.seed, sample=s))
