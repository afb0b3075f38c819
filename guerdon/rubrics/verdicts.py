"""What a judge says of chosen and rejected answers by each criterion of a rubric, and what follows about the criteria."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatRequest
from guerdon.models.protocols.checklist import Checklist
from guerdon.registry import register
from guerdon.rewards.rubric import criterion_verdicts
from guerdon.rubric import Rubric, rubric_of
from guerdon.rubrics.examples import Example
from guerdon.rubrics.method import PASSING, Ask, Made, Method, Status, Work
from guerdon.scores import Outcome
from guerdon.shaping.criteria import (
    CriterionStatistics,
    criterion_statistics,
    leave_one_out,
    pair_accuracy,
    pruned,
    redundancy,
)
from guerdon.shaping.groups import Floats


@register("rubric_method", "pair_verdicts")
@dataclass(frozen=True)
class PairVerdicts(Method):
    """Judge the chosen and the rejected answer of each example, each by itself, by every criterion of a rubric.

    Details: ``chosen`` and ``rejected``, each criterion's id -> how far it is met in [0, 1], None where that is open. Both
    answers are asked about by ``checklist``, as in :class:`~guerdon.rewards.rubric.RubricScore`. An example whose replies did not
    arrive is asked about again when the run goes on.
    """

    rubric: Rubric
    checklist: Checklist = field(default_factory=Checklist)

    def work(self, example: Example) -> Work:
        if example.chosen is None or example.rejected is None:
            return Made(Status.UNUSABLE, reason="no chosen and rejected answer")
        asking = replace(self.checklist, rubric=self.rubric)
        batch = Batch([example.chosen, example.rejected], [example.prompt] * 2)
        requests: list[ChatRequest] = asking.ask(batch)
        replies = yield [Ask(request, judge=True) for request in requests]
        met = criterion_verdicts(asking, batch, replies)
        faults = [one for row in met for one in row if isinstance(one, Outcome) and one in PASSING]
        details = {
            side: {id: None if isinstance(one, Outcome) else one for id, one in zip(self.rubric.ids, row, strict=True)}
            for side, row in zip(("chosen", "rejected"), met, strict=True)
        }
        if faults:
            return Made(Status.UNANSWERED, reason=f"judge: {faults[0]}", details=details)
        return Made(Status.KEPT, self.rubric, details=details)


@dataclass(frozen=True)
class CriteriaReport:
    """What the criteria of a rubric are worth on a preference set.

    Attributes:
        rubric: the rubric.
        pairs: how many pairs were judged.
        accuracy: share of pairs that the rubric orders as the labels do, ties half.
        statistics: per criterion, see :class:`~guerdon.shaping.criteria.CriterionStatistics`.
        adds: per criterion, what the accuracy loses without it.
        repeats: per criterion, the id of the criterion it is most alike to, and the correlation.
    """

    rubric: Rubric
    pairs: int
    accuracy: float
    statistics: CriterionStatistics
    adds: Floats
    repeats: tuple[tuple[str, float], ...]


def verdict_matrices(records: Iterable[Mapping[str, Any]], rubric: Rubric) -> tuple[Floats, Floats]:
    """(P, K) how far each criterion is met by the chosen and the rejected answer, from records of :class:`PairVerdicts`.

    Records that were not judged are left out.

    Raises:
        UserError: a record lacks a criterion of the rubric: it was made with another.
    """
    rows: dict[str, list[list[float]]] = {"chosen": [], "rejected": []}
    for record in records:
        if record.get("status") != Status.KEPT:
            continue
        for side, kept in rows.items():
            said = record.get(side)
            if not isinstance(said, Mapping):
                raise UserError(
                    f"record {record.get('id')!r} holds no verdicts; give a file that `guerdon rubric check` wrote"
                )
            absent = next((id for id in rubric.ids if id not in said), None)
            if absent is not None:
                raise UserError(
                    f"record {record.get('id')!r} has no verdict on {absent!r}: it was made with another rubric"
                )
            _check_texts(record, rubric)
            kept.append([math.nan if said[id] is None else float(said[id]) for id in rubric.ids])
    chosen, rejected = (np.array(kept, dtype=np.float64).reshape(-1, len(rubric)) for kept in rows.values())
    return chosen, rejected


def _check_texts(record: Mapping[str, Any], rubric: Rubric) -> None:
    made_with = rubric_of(record.get("rubric"))
    texts = {criterion.id: criterion.text for criterion in made_with.criteria} if made_with else {}
    changed = next((c.id for c in rubric.criteria if texts.get(c.id, c.text) != c.text), None)
    if changed is not None:
        raise UserError(f"the text of criterion {changed!r} is not the one that was judged: check the rubric again")


def criteria_report(rubric: Rubric, chosen: Floats, rejected: Floats) -> CriteriaReport:
    """The report of a rubric from verdicts (P, K).

    >>> report = criteria_report(Rubric(("a", "b")), np.array([[1.0, 1.0]]), np.array([[0.0, 1.0]]))
    >>> report.accuracy, report.statistics.discriminability.tolist(), report.adds.tolist()
    (1.0, [1.0, 0.0], [0.5, 0.0])
    """
    weights, hard = _weights(rubric)
    alike = redundancy(chosen, rejected)
    np.fill_diagonal(alike, np.nan)
    return CriteriaReport(
        rubric,
        len(chosen),
        pair_accuracy(chosen, rejected, weights, hard),
        criterion_statistics(chosen, rejected, weights),
        leave_one_out(chosen, rejected, weights, hard),
        tuple(_nearest(row, rubric.ids) for row in alike),
    )


@dataclass(frozen=True)
class PrunedRubric:
    """A rubric without criteria that add nothing, the ids of those that went in order, and the accuracy before and after each."""

    rubric: Rubric
    dropped: tuple[str, ...]
    accuracies: tuple[float, ...]


def prune(
    rubric: Rubric,
    chosen: Floats,
    rejected: Floats,
    *,
    tolerance: float = 0.0,
    least: int = 1,
    keep_hard: bool = False,
    version: str | None = None,
) -> PrunedRubric:
    """The rubric without criteria that the preference set shows to be redundant (see :func:`guerdon.shaping.criteria.pruned`).

    Raises:
        UserError: no pair was judged, or an option that cannot be.

    >>> verdicts = np.array([[1.0, 1.0, 1.0]]), np.array([[0.0, 0.0, 1.0]])
    >>> prune(Rubric(("a", "b", "c")), *verdicts).rubric.ids
    ('c1',)
    """
    if not len(chosen):
        raise UserError("there is no judged pair to prune by")
    weights, hard = _weights(rubric)
    try:
        result = pruned(chosen, rejected, weights, hard, tolerance=tolerance, least=least, keep_hard=keep_hard)
    except ValueError as error:
        raise UserError(str(error)) from None
    kept = rubric.keeping([rubric.ids[k] for k in result.kept.tolist()], version=version)
    return PrunedRubric(kept, tuple(rubric.ids[k] for k in result.dropped.tolist()), tuple(result.accuracies.tolist()))


def _weights(rubric: Rubric) -> tuple[list[float], list[bool]]:
    return [c.weight for c in rubric.criteria], [c.kind == "hard" for c in rubric.criteria]


def _nearest(row: Floats, ids: Sequence[str]) -> tuple[str, float]:
    if np.isnan(row).all():
        return "", math.nan
    k = int(np.nanargmax(np.abs(row)))
    return ids[k], float(row[k])
