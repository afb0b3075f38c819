"""What protocols around another protocol share: its range and columns, its dialogues re-made, several carried on together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from guerdon.batch import Batch, group_rows
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Dialogue, JudgeProtocol, Opened, Question, Verdict

Together = Generator[Sequence[Question], Sequence[ChatReply], list[Mapping[int, Verdict]]]


@dataclass(frozen=True)
class Wrapping(JudgeProtocol):
    """A protocol around ``inner``: its range, parts, ties, reduction and columns, and parts of its own behind."""

    inner: JudgeProtocol

    further_parts: ClassVar[tuple[str, ...]] = ()

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value."""
        return self.inner.bounds

    @property
    def subparts(self) -> tuple[str, ...]:  # type: ignore[override]
        """Parts beside the value."""
        return (*self.inner.subparts, *self.further_parts)

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

    def judged_together(self, batch: Batch) -> list[tuple[Batch, list[int]]]:
        """The samples that are judged together, and their rows in the batch."""
        ties = np.arange(len(batch)) if self.ties is None else batch.tie(self.ties)
        return [(batch.select(rows), rows.tolist()) for rows in group_rows(ties)]


def remade(dialogue: Dialogue, change: Callable[[ChatRequest], ChatRequest]) -> Dialogue:
    """The dialogue with every chat request changed."""
    opened = Opened(dialogue)
    while opened.verdicts is None:
        opened.step((yield [change(asked) if isinstance(asked, ChatRequest) else asked for asked in opened.questions]))
    return dict(opened.verdicts)


def side_by_side(dialogues: Sequence[Dialogue]) -> Together:
    """Several dialogues as one that asks the questions of a round together; returns what each ends on, in order."""
    opened = [Opened(dialogue) for dialogue in dialogues]
    while asking := [one for one in opened if one.verdicts is None]:
        replies = iter((yield [question for one in asking for question in one.questions]))
        for one in asking:
            one.step([next(replies) for _ in one.questions])
    return [one.verdicts or {} for one in opened]
