"""SQLRating: asks a judge for the partial credit of a query that does not return what the gold query returns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import JudgeProtocol, Verdict
from guerdon.models.protocols.shown import fenced_request, shown_text
from guerdon.registry import register
from guerdon.scores import Outcome
from guerdon.text.code import extract_sql

_INSTRUCTION = """You grade SQL written for a question about a SQLite database. The query under review did not return the \
result of the correct query. Say how near it comes, as one number from 0 (unrelated) to {highest:g} (a slip from correct). What \
counts, most important first:
1. It reads the tables and columns the question needs, and no others.
2. It joins them on the right keys, with inner joins unless rows without a partner are wanted.
3. Its conditions are those of the question, and follow the hint where one is given.
4. It selects the columns asked for, each as a column of its own, in that order and nothing else.
5. It aggregates and groups as asked; a largest or smallest value is taken after the joins, not before.
6. DISTINCT stands where the question asks for different things, and not where repeated rows count.
7. Rows without a value (NULL) are left out where they would change the result.
8. Dates, numbers and text are compared in the form in which the database stores them.
9. It is SQLite's dialect and would run.
Reply with the number alone."""


@register("protocol", "sql_rating")
@dataclass(frozen=True)
class SQLRating(JudgeProtocol):
    """A judge's number for a predicted query beside the gold query, the question and its hint.

    The reply is one number and nothing else; anything more is undecided (``unparseable``). It is clipped to [0, ``highest``];
    ``variant="official"``, the released code of Reasoning-SQL (arXiv 2503.23157), takes it as it is. The prompt is ours.

    >>> batch = Batch(["SELECT 1"], question=["One?"], evidence=[""], gold_sql=["SELECT 2"])
    >>> [verdict.value for verdict in SQLRating().read(batch, [ChatReply("2.5")])]
    [2.0]
    """

    question: str = "question"
    evidence: str | None = "evidence"
    gold: str = "gold_sql"
    highest: float = 2.0
    variant: Literal["default", "official"] = "default"

    def __post_init__(self) -> None:
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choices: default, official")

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value."""
        return (0.0, self.highest) if self.variant == "default" else (-math.inf, math.inf)

    @property
    def own_columns(self) -> dict[str, str]:
        columns = {self.question: "the question", self.gold: "the gold query"}
        return columns | ({self.evidence: "a hint, or nothing"} if self.evidence else {})

    def ask(self, batch: Batch) -> list[ChatRequest]:
        task = _INSTRUCTION.format(highest=self.highest)
        hints = batch[self.evidence] if self.evidence else (None,) * len(batch)
        requests = []
        for question, hint, gold, text in zip(
            batch[self.question], hints, batch[self.gold], batch.texts("whole"), strict=True
        ):
            sql = extract_sql(text or "", variant=self.variant)
            parts = {"Question": question, "Hint": hint, "Correct query": gold, "Query under review": sql}
            blocks = {name: shown_text(value) for name, value in parts.items() if value}
            requests.append(fenced_request(task, blocks, f"Reply with one number from 0 to {self.highest:g} alone."))
        return requests

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        return [self._verdict(reply) for reply in replies]

    def _verdict(self, reply: ChatReply) -> Verdict:
        if not reply.arrived:
            return Verdict.undecided(reply.outcome, reply.message)
        number = read_number(reply.text)
        if number is None:
            return Verdict.undecided(Outcome.UNPARSEABLE, reply.text)
        return Verdict(
            min(max(number, 0.0), self.highest) if self.variant == "default" else number, critique=reply.text
        )


def read_number(reply: str) -> float | None:
    """The number that a reply is, None where it is not one finite number alone.

    >>> read_number(" 1.5\\n"), read_number("Score: 1"), read_number("nan")
    (1.5, None, None)
    """
    try:
        number = float(reply)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
