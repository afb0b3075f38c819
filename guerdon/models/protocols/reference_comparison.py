"""ReferenceComparison: how each completion compares with a text given for it, such as the output of a much stronger model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from guerdon.batch import Batch
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison, JudgeProtocol, PairwiseProtocol, Verdict
from guerdon.models.protocols.orders import Debias, Ordered, check_debias, context_of, ordered
from guerdon.models.protocols.pairwise import Pairwise
from guerdon.models.protocols.shown import check_of, shown_text
from guerdon.registry import register
from guerdon.scores import Outcome


@register("protocol", "reference_comparison")
@dataclass(frozen=True)
class ReferenceComparison(JudgeProtocol):
    """How much better a completion is than the exemplar of its row: 1 better, 0.5 equal, 0 worse, and between them if graded.

    Unlike a rating it does not saturate while the exemplar is ahead. ``comparator`` is asked with the completion, read as ``of``
    says, and the exemplar; ``debias`` says in which orders (default both, averaged: two calls). Part ``consistent``: whether both
    orders agreed (1 or 0), NaN where one was asked. Columns: ``exemplar`` and the comparator's. Undecided with ``missing_data``
    where there is no exemplar, else for the reason of the first order that is undecided.

    Source: ExTrans 2025 (arXiv 2505.12996), exemplar comparison.

    >>> batch = Batch(["It is 4.", "5?"], ["2+2?"] * 2, exemplar=["Four.", "Four."])
    >>> said = ["<verdict>tie</verdict>", "<verdict>A</verdict>", "<verdict>B</verdict>", "<verdict>A</verdict>"]
    >>> [verdict.value for verdict in ReferenceComparison(Pairwise()).read(batch, [ChatReply(one) for one in said])]
    [0.25, 0.0]
    """

    comparator: PairwiseProtocol = field(default_factory=lambda: Pairwise(graded=True))
    exemplar: str = "exemplar"
    of: str = "visible"
    debias: Debias = "swap"
    seed: int = 0

    subparts = ("consistent",)

    def __post_init__(self) -> None:
        check_debias(self.debias)
        check_of(self.of)

    @property
    def own_columns(self) -> dict[str, str]:
        return {self.exemplar: "a text to compare the completion with", **self.comparator.own_columns}

    def ask(self, batch: Batch) -> list[ChatRequest]:
        return [request for one in self._compared(batch) if one is not None for request in one.requests]

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        left = iter(replies)
        missing = Verdict.undecided(Outcome.MISSING_DATA, f"no exemplar in {self.exemplar}")
        return [
            missing if one is None else one.verdict([next(left) for _ in one.swaps]) for one in self._compared(batch)
        ]

    def _compared(self, batch: Batch) -> list[Ordered | None]:
        compared: list[Ordered | None] = []
        rows = zip(batch.prompt_texts, batch.texts(self.of), batch[self.exemplar], strict=True)
        for i, (prompt, text, given) in enumerate(rows):
            exemplar = shown_text(given)
            context = context_of(self.comparator, batch.columns, i)
            pair = Comparison(prompt, text or "", exemplar, context)
            asked = ordered(self.comparator, pair, self.debias, seed=self.seed) if exemplar.strip() else None
            compared.append(asked)
        return compared
