"""Scores and outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from guerdon import Note, Outcome, Scores, Steps
from guerdon.errors import UserError

NAN = float("nan")


def test_outcomes_that_leave_a_sample_unscored() -> None:
    unscored = {outcome.value for outcome in Outcome if outcome.unscored}
    assert unscored == {
        "unparseable",
        "undecided",
        "refused",
        "truncated",
        "timed_out",
        "transport_error",
        "instrument_error",
        "missing_data",
        "skipped",
        "filtered",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": [[1.0]]}, r"values has shape \(1, 1\)"),
        ({"values": [float("inf")]}, "infinite"),
        ({"values": [1.0], "parts": {"a": [1.0, 2.0]}}, r"parts\['a'\] has shape"),
        ({"values": [1.0], "notes": {"a": []}}, "a has 0 entries"),
        ({"values": [1.0], "steps": [Steps([2.0])]}, "is not the sum of its steps"),
        ({"values": [1.0], "steps": [Steps([1.0])], "reduction": "median"}, "reduction='median' is unknown"),
    ],
)
def test_what_does_not_fit_is_named(arguments: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Scores(**arguments)
    with pytest.raises(UserError, match="spans has 1 rows for 2"):
        Steps([1.0, 2.0], [[0, 1]])


@pytest.mark.parametrize(
    ("reduction", "value"), [("sum", 6.0), ("mean", 2.0), ("last", 3.0), ("min", 1.0), ("product", 6.0)]
)
def test_values_are_the_reduction_of_steps(reduction: str, value: float) -> None:
    scores = Scores.from_steps([Steps([1.0, 2.0, 3.0]), None], reduction=reduction)
    assert scores.values[0] == value and np.isnan(scores.values[1])


def test_scores_are_immutable() -> None:
    scores = Scores([1.0], parts={"a": [1.0]})
    with pytest.raises(ValueError, match="read-only"):
        scores.values[0] = 2.0
    with pytest.raises(TypeError):
        scores.parts["b"] = np.zeros(1)  # type: ignore[index]


def test_select_and_scatter() -> None:
    scores = Scores(
        [1.0, 2.0],
        parts={"a": [1.0, 2.0]},
        steps=[Steps([1.0]), Steps([2.0])],
        tokens=[np.ones(1), np.ones(2)],
        uncertainty=[0.1, 0.2],
        notes={"a": [None, Note(Outcome.EMPTY)]},
    )
    one = scores.select([1])
    assert one.values.tolist() == [2.0] and one.parts["a"].tolist() == [2.0] and one.note(0) == "a: empty"
    spread = scores.scatter(np.array([2, 0]), 3, Note(Outcome.SKIPPED))
    assert spread.values[[2, 0]].tolist() == [1.0, 2.0] and np.isnan(spread.values[1])
    assert spread.notes["a"][1].outcome is Outcome.SKIPPED and spread.notes["a"][0].outcome is Outcome.EMPTY
    assert spread.steps[1] is None and spread.steps[2].values.tolist() == [1.0]
    assert spread.uncertainty[2] == 0.1


def test_outcomes_are_counted_by_part() -> None:
    notes = {"judge": [Note(Outcome.TIMED_OUT), Note(Outcome.TIMED_OUT, "again")], "other": [None, None]}
    assert Scores([NAN, NAN], notes=notes).outcomes() == {"judge": {"timed_out": 2}}
