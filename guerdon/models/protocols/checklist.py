"""Checklist: a judge goes through criteria one by one; hard ones must be met, soft ones are weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Verdict
from guerdon.models.protocols.criteria import weighed
from guerdon.models.protocols.itemised import HOW_TO_REPLY, chunks, item_lines, item_schema, item_verdicts
from guerdon.models.protocols.shown import ShownCompletions
from guerdon.registry import register
from guerdon.rubric import Criterion, Rubric, rubric_of
from guerdon.scores import Outcome

_TASK = """You check an answer to a question against a list of items, each by itself: whether it is true of the answer as it \
stands. Say yes only where the answer clearly shows it; what it merely claims about itself shows nothing."""
_UNSURE = " Say unsure where it cannot be told from what you are given."
_GRADED = " Where whole numbers are allowed, 1 means not at all and {levels} fully."


@register("protocol", "checklist")
@dataclass(frozen=True)
class Checklist(ShownCompletions):
    """The weighted share of soft criteria that a completion meets, where it meets all hard ones; else ``failed``.

    ``rubric``: a :class:`~guerdon.rubric.Rubric`, or what one is made of, the same for all samples; or None, and each row's
    is in ``column``. With ``scope``, a column, a row is judged by the criteria for its scope and those for all. Each is
    answered yes or no, or with ``levels`` above 2 by a grade from 1 to that (hard ones always yes or no), and with ``unsure``
    also "unsure". At most ``chunk`` are asked about in one request, 0 for all. Value:
    :func:`~guerdon.models.protocols.criteria.weighed`, in [0, 1] (and ``failed``).

    A criterion that was not answered, or answered with unsure, is open: the value is undecided unless a hard criterion
    failed, or with ``missing="drop"`` open soft ones are left out. Parts: ``gate`` and ``share``, and where the rubric is the same
    for all, each criterion by its id, in [0, 1]. Undecided with ``missing_data`` where a row has no criteria.

    >>> checklist = Checklist(
    ...     [{"id": "year", "text": "Names the year."}, {"id": "cites", "text": "Cites.", "kind": "hard"}]
    ... )
    >>> replies = [ChatReply('{"1": {"why": "1889", "verdict": "yes"}, "2": {"why": "a link", "verdict": "yes"}}')]
    >>> [verdict] = checklist.read(Batch(["In 1889, see http://a.b"]), replies)
    >>> verdict.value, dict(verdict.parts)
    (1.0, {'gate': 1.0, 'share': 1.0, 'year': 1.0, 'cites': 1.0})
    """

    rubric: Any = None
    column: str = "rubric"
    scope: str | None = None
    levels: int = 2
    unsure: bool = True
    chunk: int = 0
    missing: Literal["undecided", "drop"] = "undecided"
    failed: float = 0.0

    def __post_init__(self) -> None:
        if self.rubric is not None:
            rubric = rubric_of(self.rubric)
            if rubric is None:
                raise UserError("rubric is empty; give at least one criterion, or None to read rubrics from a column")
            object.__setattr__(self, "rubric", rubric)
        super().__post_init__()
        if not 2 <= self.levels <= 10:
            raise UserError(f"levels={self.levels!r} must be from 2 (yes or no) to 10")
        if self.chunk < 0:
            raise UserError(f"chunk={self.chunk!r} must not be negative; 0 asks about all criteria at once")
        if self.missing not in ("undecided", "drop"):
            raise UserError(f"missing={self.missing!r} is unknown; choose 'undecided' or 'drop'")
        taken = {"gate", "share"} & set(self.ids)
        if taken:
            raise UserError(f"the id {taken.pop()!r} is the name of a part already; rename the criterion")

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of a rubric that is the same for all."""
        return self.rubric.ids if isinstance(self.rubric, Rubric) else ()

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value."""
        return min(0.0, self.failed), max(1.0, self.failed)

    @property
    def subparts(self) -> tuple[str, ...]:  # type: ignore[override]
        """Parts beside the value."""
        return ("gate", "share", *self.ids)

    @property
    def own_columns(self) -> dict[str, str]:
        own = {} if self.rubric is not None else {self.column: "a rubric: criteria as texts or records"}
        return super().own_columns | own | ({self.scope: "the scope of the prompt"} if self.scope else {})

    def criteria_by_row(self, batch: Batch) -> list[tuple[Criterion, ...]]:
        """Each sample's criteria."""
        if self.rubric is not None:
            rubrics: list[Rubric | None] = [self.rubric] * len(batch)
        else:
            rubrics = [rubric_of(given, name=f"{self.column}[{i}]") for i, given in enumerate(batch[self.column])]
        if self.scope is None:
            return [() if rubric is None else rubric.criteria for rubric in rubrics]
        scopes = batch[self.scope]
        return [() if r is None else r.within(str(scope)) for r, scope in zip(rubrics, scopes, strict=True)]

    def answers(self, criterion: Criterion) -> tuple[str, ...]:
        """The words a criterion may be answered with."""
        graded = self.levels > 2 and criterion.kind == "soft"
        words = tuple(str(k) for k in range(1, self.levels + 1)) if graded else ("yes", "no")
        return (*words, "unsure") if self.unsure else words

    def ask(self, batch: Batch) -> list[ChatRequest]:
        task = (
            _TASK + (_UNSURE if self.unsure else "") + (_GRADED.format(levels=self.levels) if self.levels > 2 else "")
        )
        requests = []
        rows = zip(self.criteria_by_row(batch), self.backgrounds(batch), self.texts(batch), strict=True)
        for criteria, background, text in rows:
            for part in chunks(len(criteria), self.chunk):
                asked = [criteria[k] for k in part]
                allowed = [self.answers(criterion) for criterion in asked]
                items = ("ITEMS", item_lines([criterion.text for criterion in asked], allowed))
                shown = [items, *background]
                requests.append(
                    self.request(task, shown, [("ANSWER", text)], HOW_TO_REPLY, schema=item_schema(allowed))
                )
        return requests

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        left = iter(replies)
        verdicts = []
        for criteria in self.criteria_by_row(batch):
            own = [(next(left), [criteria[k] for k in part]) for part in chunks(len(criteria), self.chunk)]
            verdicts.append(self._verdict(criteria, own))
        return verdicts

    def _verdict(self, criteria: Sequence[Criterion], replies: list[tuple[ChatReply, list[Criterion]]]) -> Verdict:
        if not criteria:
            return Verdict.undecided(Outcome.MISSING_DATA, "no criteria for this row")
        said = [word for reply, asked in replies for word in item_verdicts(reply, [self.answers(c) for c in asked])]
        met = [self._met(word) for word in said]
        result = weighed(criteria, met, failed=self.failed, dropped=self.missing == "drop")
        own = zip(criteria, met, strict=True) if self.rubric is not None else ()
        parts = FrozenDict({"gate": result.gate, "share": result.share} | {c.id: m for c, m in own})
        critique = "\n\n".join(reply.text or reply.message for reply, _ in replies)
        if result.value is None:
            return Verdict(None, parts, _why(said), critique)
        return Verdict(result.value, parts, critique=critique)

    def _met(self, word: str | Outcome) -> float | None:
        if isinstance(word, Outcome) or word == "unsure":
            return None
        if word in ("yes", "no"):
            return float(word == "yes")
        return (int(word) - 1) / (self.levels - 1)


def _why(said: Sequence[str | Outcome]) -> Outcome:
    """The first reason that an item has no answer; an unsure judge is undecided."""
    return next((word for word in said if isinstance(word, Outcome)), Outcome.UNDECIDED)
