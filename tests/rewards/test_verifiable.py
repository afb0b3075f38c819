"""Answers that can be checked: mathematics, numbers, lists, and how one might cheat on them."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch
from guerdon.errors import MissingExtra, UserError
from guerdon.reward import Reward
from guerdon.rewards import MathAnswer, NumericAnswer, SetAnswer, verifiable
from guerdon.scores import Outcome, Scores


def scored(reward: Reward, completions: list[str], references: Any) -> Scores:
    columns = references if isinstance(references, list) else [references] * len(completions)
    return reward.score(Batch(completions, reference=columns))


def value(reward: Reward, completion: str, reference: Any) -> float:
    return float(reward.score(Batch([completion], reference=[reference])).values[0])


def outcome(scores: Scores, row: int = 0) -> Outcome:
    (notes,) = scores.notes.values()
    note = notes[row]
    return Outcome.SCORED if note is None else note.outcome


# -- mathematics ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("completion", "reference", "expected"),
    [
        (r"\boxed{\frac{1}{2}}", "0.5", 1.0),
        (r"\boxed{0.5}", r"$\frac{1}{2}$", 1.0),
        ("The answer is 50%.", "1/2", 1.0),
        ("The answer is 1,000.", "1000", 1.0),
        ("#### 72", "We add.\n#### 72", 1.0),
        (r"Hence $x = \boxed{7}$.", r"Solving gives $x=\boxed{7}$", 1.0),
        (r"\boxed{x=7}", "7", 1.0),
        (r"\boxed{7 \text{ cm}}", "7", 1.0),
        (r"\boxed{(2, 1)}", "(1, 2)", 0.0),
        (r"\boxed{2, 1}", r"\{1, 2\}", 1.0),
        (r"\boxed{1-\cos^2 x}", r"\sin^2 x", 1.0),
        (r"\boxed{\cos^2 x}", r"\sin^2 x", 0.0),
        (r"\boxed{\text{Monday}}", "Monday", 1.0),
        (r"<think>\boxed{8}</think> It is \boxed{7}.", "7", 1.0),
        (r"<think>\boxed{7}</think> I do not know.", "7", 0.0),
        ("<answer>7</answer>", "7", 1.0),
        ("7", 7, 1.0),
        ("7.5", 7.5, 1.0),
        (r"\boxed{8}", ["7", "8"], 1.0),
        (r"\boxed{9}", ["7", "8"], 0.0),
        (r"2x + 3 = 0", "2x+3=0", 1.0),
        (r"The answer is $5x+7=0$.", "2x+3=0", 0.0),
    ],
)
def test_math_answers(completion: str, reference: Any, expected: float) -> None:
    assert value(MathAnswer(), completion, reference) == expected


def test_math_notes_say_what_was_read() -> None:
    scores = scored(MathAnswer(), [r"\boxed{4}", "no idea", "", r"\boxed{}{"], "4")
    assert scores.values.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert [outcome(scores, i) for i in range(4)] == ["scored", "malformed", "empty", "malformed"]
    assert scores.notes["math_answer"][0] is not None and scores.notes["math_answer"][0].answer == "4"


def test_without_a_reference_nothing_is_scored() -> None:
    scores = scored(MathAnswer(), [r"\boxed{4}"] * 4, [None, "", float("nan"), []])
    assert scores.unscored.all()
    assert outcome(scores) is Outcome.MISSING_DATA


def test_a_reference_that_is_no_mathematics_judges_only_equal_answers() -> None:
    scores = scored(MathAnswer(), [r"\boxed{}{}{", "<answer>}{</answer>", r"\boxed{7}"], "}{")
    assert scores.values[1] == 1.0
    assert math.isnan(scores.values[2]) and outcome(scores, 2) is Outcome.UNPARSEABLE


@pytest.mark.parametrize(
    "hang", [r"\sum_{k=1}^{10^{9}} \frac{1}{k^2}", r"(x+1)^{9^{9^9}}", r"\sin(10^{10^{10}})", r"(10^{10})!"]
)
def test_an_answer_that_hangs_is_timed_out_and_never_wrong(hang: str) -> None:
    scores = scored(MathAnswer(deadline=2), [rf"\boxed{{{hang}}}", r"\boxed{1-\cos^2 x}"], ["42", r"\sin^2 x"])
    assert math.isnan(scores.values[0]) and outcome(scores) is Outcome.TIMED_OUT
    assert scores.values[1] == 1.0


@pytest.mark.parametrize(
    "absurd",
    ["9^{9^{9^{9}}}", "9^9^9^9", "(" * 300 + "1" + ")" * 300, r"\sqrt{" * 200 + "2" + "}" * 200, "1+" * 5000 + "1"],
)
def test_what_is_absurd_on_its_face_costs_no_time(absurd: str) -> None:
    scores = scored(MathAnswer(deadline=30), [rf"\boxed{{{absurd}}}"], "42")
    assert scores.values.tolist() == [0.0]


@pytest.mark.parametrize(
    "completion",
    [
        r"\boxed{1} \boxed{2} \boxed{3}",
        r"\boxed{1} or \boxed{2}",
        r"\boxed{1, 2, 3}",
        "<answer>1 or 2</answer>",
        "The answer is 1, 2 or 3.",
        r"\boxed{\{1, 2, 3\}}",
        r"\boxed{2}\boxed{1}",
        "2 2 2 1 2 3",
        "What is 1 + 1?",
    ],
)
def test_shopping_for_answers_does_not_pay(completion: str) -> None:
    assert value(MathAnswer(), completion, "2") == 0.0


def test_the_same_from_a_thread_and_an_event_loop() -> None:
    completions, references = [r"\boxed{1-\cos^2 x}", r"\boxed{(10^{10})!}", r"\boxed{3}"], [r"\sin^2 x", "1", "4"]
    batch, reward = Batch(completions, reference=references), MathAnswer(deadline=0.5)
    expected = reward.score(batch).values
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(reward.score(batch).values))
    thread.start()
    thread.join()
    found.append(asyncio.run(reward.ascore(batch)).values)
    for values in found:
        assert np.array_equal(values, expected, equal_nan=True)
    assert expected[0] == 1.0 and math.isnan(expected[1]) and expected[2] == 0.0


def test_siblings_with_one_answer_are_checked_once() -> None:
    scores = scored(MathAnswer(), [r"\boxed{1-\cos^2 x}", "$1-\\cos^2 x$", r"\boxed{2}"] * 5, r"\sin^2 x")
    assert scores.values.tolist() == [1.0, 1.0, 0.0] * 5
    assert scores.report.counters["math_answer"]["computer_algebra"] == 2


def test_math_verify_has_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    verifiable._check_math_verify.cache_clear()
    monkeypatch.setattr(verifiable.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"guerdon\[math\]"):
        value(MathAnswer(), r"\boxed{1}", "1")


@pytest.mark.parametrize("deadline", [0.0, -1.0, math.inf])
def test_a_deadline_is_positive(deadline: float) -> None:
    with pytest.raises(UserError, match="deadline"):
        MathAnswer(deadline=deadline)


@given(
    st.integers(-999, 999),
    st.integers(-999, 999),
    st.sampled_from([r"\boxed{%d}", "The answer is %d.", "<answer>%d</answer>"]),
)
def test_integers_are_right_if_they_are_equal(right: int, given_number: int, form: str) -> None:
    assert value(MathAnswer(), form % given_number, str(right)) == float(right == given_number)


# -- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "completion", "reference", "expected"),
    [
        ({}, r"\boxed{3.14}", 3.14, 1.0),
        ({}, r"\boxed{3.14}", 3.15, 0.0),
        ({"relative": 0.05}, "The answer is 104.", "100", 1.0),
        ({"relative": 0.05}, "The answer is 106.", "100", 0.0),
        ({"absolute": 0.5, "relative": 0}, "The answer is 0.4.", "0", 1.0),
        ({}, "The answer is 3 million.", "3,000,000", 1.0),
        ({}, "The answer is 1.234,5 km.", "1234.5", 1.0),
        ({}, "The answer is 3e8 m/s.", "300000000", 1.0),
        ({}, r"The answer is $\frac{3}{4}$.", "0.75", 1.0),
        ({}, "The answer is 50%.", "50", 1.0),
        ({}, "The answer is 50%.", "0.5", 0.0),
        ({"percent": "fraction"}, "The answer is 50%.", "0.5", 1.0),
        ({"percent": "either"}, "The answer is 50%.", "0.5", 1.0),
        ({"percent": "either"}, "The answer is 50%.", "50", 1.0),
        ({}, "The answer is between 1 and 5.", "3", 0.0),
        ({}, "The answer is 1, 2 or 3.", "3", 0.0),
        ({}, r"\boxed{2} \boxed{3}", "3", 0.0),
        ({}, "The answer is 4.", ["3", "4"], 1.0),
        ({}, "The answer is inf.", "3", 0.0),
        ({}, "The answer is twenty-one.", 21, 1.0),
        ({}, "The answer is 4.", "four", 1.0),
        ({}, "The answer is one of four.", "4", 0.0),
        ({}, "The answer is nan.", "3", 0.0),
    ],
)
def test_numeric_answers(options: dict[str, Any], completion: str, reference: Any, expected: float) -> None:
    assert value(NumericAnswer(**options), completion, reference) == expected


def test_numbers_that_are_not_there() -> None:
    scores = scored(NumericAnswer(), ["The answer is 4.", "The answer is many.", "hm"], ["plenty", "4", "4"])
    assert math.isnan(scores.values[0]) and scores.values[1:].tolist() == [0.0, 0.0]
    assert [outcome(scores, i) for i in range(3)] == ["missing_data", "malformed", "malformed"]


@pytest.mark.parametrize("wrong", [{"absolute": -1.0}, {"relative": math.inf}, {"percent": "both"}])
def test_numeric_options_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        NumericAnswer(**wrong)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 10))
def test_a_wider_tolerance_never_scores_less(right: float, given_number: float, tolerance: float) -> None:
    completion = f"The answer is {given_number:.6f}."
    narrow = value(NumericAnswer(absolute=tolerance, relative=0), completion, f"{right:.6f}")
    wide = value(NumericAnswer(absolute=2 * tolerance + 1, relative=0), completion, f"{right:.6f}")
    assert narrow <= wide


# -- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "completion", "reference", "expected"),
    [
        ({}, "The answer is red, green and blue.", ["blue", "red", "green"], 1.0),
        ({}, "The answer is red, green.", ["blue", "red", "green"], 0.0),
        ({}, "The answer is red, red, green.", "red, green", 1.0),
        ({"ordered": True}, "<answer>a, b</answer>", ["b", "a"], 0.0),
        ({"ordered": True}, "<answer>a, b</answer>", ["a", "b"], 1.0),
        ({"ordered": True}, "<answer>a, a, b</answer>", ["a", "b"], 0.0),
        ({"credit": "f1"}, "<answer>a, b, c</answer>", ["a", "b"], 0.8),
        ({"credit": "f1", "ordered": True}, "<answer>b, a</answer>", ["a", "b"], 0.5),
        ({}, r"\boxed{\{0.5, 2\}}", ["2", "1/2"], 1.0),
        ({}, r"\boxed{1} and \boxed{2}", "2, 1", 1.0),
        ({}, '["Rome", "Paris"]', ["Paris", "Rome"], 1.0),
        ({}, "The answer is nothing.", ["a"], 0.0),
    ],
)
def test_set_answers(options: dict[str, Any], completion: str, reference: Any, expected: float) -> None:
    assert value(SetAnswer(**options), completion, reference) == pytest.approx(expected)


def test_a_list_of_everything_earns_little() -> None:
    everything = "<answer>" + ", ".join(f"item{i}" for i in range(100)) + "</answer>"
    assert value(SetAnswer(), everything, ["item1", "item2"]) == 0.0
    assert value(SetAnswer(credit="f1"), everything, ["item1", "item2"]) == pytest.approx(4 / 102)
    endless = "<answer>" + "item1, " * 100_000 + "</answer>"
    assert value(SetAnswer(), endless, ["item1"]) == 0.0


def test_lists_that_are_not_there() -> None:
    scores = scored(SetAnswer(), ["a, b", "a", ""], [[], ", ,", ["a"]])
    assert np.isnan(scores.values).tolist() == [True, True, False]
    with pytest.raises(UserError, match="credit"):
        SetAnswer(credit="half")  # type: ignore[arg-type]
