"""RubricScore: gates, shares, scopes, rubrics in a column, and criteria that stay open."""

from __future__ import annotations

import numpy as np
import pytest

from guerdon import Batch, from_spec, to_yaml
from guerdon.errors import MissingColumn, UserError
from guerdon.models.chat import ScriptedChat
from guerdon.models.protocols.checklist import Checklist
from guerdon.rewards import NuggetLabels, RubricScore
from guerdon.rubric import Criterion, Rubric
from guerdon.scores import Outcome

NAN = float("nan")
RUBRIC = Rubric(
    (
        Criterion("cites", "The response cites a source.", kind="hard"),
        Criterion("short", "The response is short.", weight=3.0),
        Criterion("kind", "The response is kind."),
    )
)


def said(*verdicts: str) -> str:
    return "{" + ", ".join(f'"{k}": "{verdict}"' for k, verdict in enumerate(verdicts, 1)) + "}"


JUDGE = ScriptedChat(
    {
        "all good": said("yes", "yes", "yes"),
        "no source": said("no", "yes", "yes"),
        "too long": said("yes", "no", "yes"),
        "who knows": said("yes", "unsure", "yes"),
        "lost hard": said("unsure", "yes", "yes"),
        "no and lost": said("no", "unsure", "unsure"),
        "broken": "I cannot say.",
        "down": "<timed_out>",
    }
)
ROWS = ["all good", "no source", "too long", "who knows", "lost hard", "no and lost", "broken", "down"]


@pytest.mark.parametrize(
    ("missing", "cap", "expected"),
    [
        ("nan", 0.0, [1, 0, 0.25, NAN, NAN, 0, NAN, NAN]),
        ("nan", 0.5, [1, 0.5, 0.25, NAN, NAN, NAN, NAN, NAN]),
        ("drop", 0.0, [1, 0, 0.25, 1, 1, 0, NAN, NAN]),
        ("zero", 0.0, [1, 0, 0.25, 0.25, 0, 0, 0, 0]),
        ("zero", 0.5, [1, 0.5, 0.25, 0.25, 0.5, 0, 0, 0]),
    ],
)
def test_values(missing: str, cap: float, expected: list[float]) -> None:
    reward = RubricScore(JUDGE, RUBRIC, missing=missing, cap=cap)  # type: ignore[arg-type]
    scores = reward.score(Batch(ROWS))
    np.testing.assert_allclose(scores.values, expected)
    outcomes = [note.outcome for note in scores.notes["rubric_score"] if note]
    if missing == "nan":
        assert outcomes[-2:] == [Outcome.UNPARSEABLE, Outcome.TIMED_OUT]
    assert all(
        note.outcome.unscored == np.isnan(value)
        for note, value in zip(scores.notes["rubric_score"], expected, strict=True)
        if note
    )


def test_parts_are_the_criteria() -> None:
    scores = RubricScore(JUDGE, RUBRIC).score(Batch(ROWS[:3]))
    assert scores.parts["rubric_score/cites"].tolist() == [1.0, 0.0, 1.0]
    assert scores.parts["rubric_score/short"].tolist() == [1.0, 1.0, 0.0]
    assert scores.parts["rubric_score/gate"].tolist() == [1.0, 0.0, 1.0]
    assert scores.notes["rubric_score"][1].message == "not fully met: cites"  # type: ignore[union-attr]


def test_rubrics_in_a_column() -> None:
    judge = ScriptedChat({"the greeting": said("yes"), "the sum": said("yes", "no")})
    rubric = ["1. The greeting is there: the greeting. [Hard Rule]", ["the sum is right", "it is short"], None]
    scores = RubricScore(judge).score(Batch(["Hi", "4", "x"], rubric=rubric))
    np.testing.assert_allclose(scores.values, [1.0, 0.5, NAN])
    assert set(scores.parts) == {"rubric_score", "rubric_score/gate", "rubric_score/share"}
    assert scores.outcomes()["rubric_score"]["missing_data"] == 1
    with pytest.raises(MissingColumn, match="rubric"):
        RubricScore(judge).score(Batch(["Hi"]))


def test_scopes() -> None:
    rubric = Rubric((Criterion("right", "It is right."), Criterion("tests", "It has tests.", scope="code")))
    judge = ScriptedChat({"It has tests.": said("yes", "no")}, default=said("yes"))
    scores = RubricScore(judge, rubric, scope="domain").score(Batch(["a", "b"], domain=["code", "chat"]))
    assert scores.values.tolist() == [0.5, 1.0]
    np.testing.assert_allclose(scores.parts["rubric_score/tests"], [0.0, NAN])
    with pytest.raises(UserError, match="scope="):
        RubricScore(judge, rubric)


def test_grades_and_chunks() -> None:
    rubric = {"criteria": ["a", "b", "c"]}
    reward = RubricScore(ScriptedChat({}, default=said("3", "5")), rubric, checklist=Checklist(levels=5, chunk=2))  # type: ignore[arg-type]
    scores = reward.score(Batch(["x"]))
    assert scores.parts["rubric_score/c1"].tolist() == [0.5]
    assert scores.values.tolist() == [pytest.approx(2.0 / 3)]


def test_it_is_data() -> None:
    reward = RubricScore(JUDGE, RUBRIC, cap=0.2, checklist=Checklist(chunk=4))
    assert from_spec(to_yaml(reward)) == reward
    plain = {
        "reward": "rubric_score",
        "chat": {"chat": "scripted", "replies": {}},
        "rubric": {"criteria": ["It is kind."]},
    }
    assert from_spec(plain).rubric.ids == ("c1",)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"missing": "skip"}, "missing="),
        ({"cap": 2.0}, "cap="),
        ({"checklist": Checklist(["a"])}, "checklist must not"),
        ({"rubric": Rubric((Criterion("gate", "a"),))}, "'gate' is the name of a part"),
        ({"rubric": 3}, "rubric=3"),
    ],
)
def test_user_errors(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RubricScore(JUDGE, **fields)  # type: ignore[arg-type]


def test_labels_of_nuggets() -> None:
    right = "<reasoning>x</reasoning>"
    rows = [f"{right}support", f"{right}not_support", f"{right}support\nDone.", "support", f"{right}support, support"]
    columns = {"gold_labels_text": ["support"] * 5, "nuggets_count": [1] * 5, "format_hint": ["yaml"] * 5}
    default = NuggetLabels().score(Batch(rows, columns=columns)).values
    np.testing.assert_allclose(default, [0.9, 0.0, 0.0, 0.7, 0.0])
    official = NuggetLabels(variant="official").score(Batch(rows, columns=columns)).values
    np.testing.assert_allclose(official, [0.9, 0.35 / 3 + 0.2, 0.9, 0.7, 0.0])
    unknown = NuggetLabels(count=None, form=None).score(Batch(rows[:2], gold_labels_text=[None, ["support"]]))
    np.testing.assert_allclose(unknown.values, [NAN, 0.0])
