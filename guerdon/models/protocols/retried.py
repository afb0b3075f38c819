"""Retried: a judge whose reply cannot be read is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.judge import Dialogue, Verdict
from guerdon.models.protocols.wrapping import Wrapping, remade, side_by_side
from guerdon.registry import register
from guerdon.scores import Outcome


@register("protocol", "retried")
@dataclass(frozen=True)
class Retried(Wrapping):
    """``inner``, and where it is undecided because a reply cannot be read, ``inner`` again, up to ``attempts`` times in all.

    The first attempt is ``inner`` as it is; further ones are numbered samples at ``temperature``, so that neither a cache nor a
    server gives the same reply back. The first verdict with a value counts, else the last. What did not arrive is the chat
    model's to repeat and is not asked again here, nor is what has no answer (missing data). Range, parts, columns, ties: those
    of ``inner``.

    >>> from guerdon.models.chat import ChatReply
    >>> from guerdon.models.protocols.rating import Rating
    >>> dialogue = Retried(Rating()).dialogues(Batch(["4"], ["2+2?"]))[0]
    >>> first = next(dialogue)
    >>> [again] = dialogue.send([ChatReply("fine")])
    >>> first[0].sample, again.sample, again.temperature
    (None, 1, 0.7)
    """

    attempts: int = 3
    temperature: float = 0.7

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise UserError(f"attempts={self.attempts!r} must be at least 1")

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        return [self._repeated(part, rows) for part, rows in self.judged_together(batch)]

    def _repeated(self, batch: Batch, rows: Sequence[int]) -> Dialogue:
        found: dict[int, Verdict] = {}
        for attempt in range(self.attempts):
            ends = yield from side_by_side([self._numbered(one, attempt) for one in self.inner.dialogues(batch)])
            for part in ends:
                for i, verdict in part.items():
                    if i not in found or found[i].value is None:
                        found[i] = verdict
            if not any(v.value is None and v.outcome is Outcome.UNPARSEABLE for v in found.values()):
                break
        return {rows[i]: verdict for i, verdict in found.items()}

    def _numbered(self, dialogue: Dialogue, attempt: int) -> Dialogue:
        """The dialogue, its requests marked as this attempt's."""
        if not attempt:
            return dialogue
        return remade(dialogue, lambda asked: replace(asked, temperature=self.temperature, sample=attempt))
