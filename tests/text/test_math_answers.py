"""Answers of mathematics problems: where they are stated, how they are spelled, and which of them are the same."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.math_answers import last_boxes, normalize_math, right_answer, stated_answer, unreadable
from guerdon.text.math_comparison import ExactNumber, exact_number, same_answer, same_number
from guerdon.text.math_equivalence import equivalence, is_prose
from guerdon.text.math_expressions import PRIME, expression


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{7}", "7"),
        (r"first \boxed{3}, but in the end \boxed{7}.", "7"),
        (r"\boxed{1} and \boxed{2}", "1,2"),
        (r"\boxed{1}\text{ and }\boxed{2}", "1,2"),
        (r"\boxed{1}, \boxed{2}, \boxed{3}", "1,2,3"),
        (r"\boxed{5} \boxed{5}", "5"),
        (r"\boxed{3}. So \boxed{4}", "4"),
        (r"\boxed{\boxed{4}}", "4"),
        (r"\fbox{8}", "8"),
        ("<answer>5</answer> although \\boxed{6}", "5"),
        (r"<answer>$x = \boxed{6}$</answer>", "6"),
        ("<answer>1</answer> no, <answer>2</answer>", "2"),
        ("The answer is 5 because 2+3=5.", "5 because 2+3=5"),
        ("The final answer is $\\frac{1}{2}$. I hope it is correct.", "\\frac{1}{2}"),
        ("The answer is $5$ meters.", "5"),
        ("The answer is $x=3$ and $y=4$.", "$x=3$ and $y=4$"),
        ("6 * 7 = 42\n#### 42", "42"),
        ("La respuesta es 12.", "12"),
        ("答案是 $x^2$", "x^2"),
        ("-3.5", "-3.5"),
        ("x = 5", "x = 5"),
        (r"\[ \frac12 \]", r"\frac12"),
        (r"\boxed{1} \boxed{2", None),
        (r"\boxed{}", None),
        ("I think it is 5 or 6", None),
        ("Yes", None),
        ("", None),
        ("\n\n", None),
    ],
)
def test_stated_answer(text: str, answer: str | None) -> None:
    assert stated_answer(text) == answer


def test_right_answer_takes_bare_boxed_and_worked_references() -> None:
    assert right_answer("x + 1") == "x + 1"
    assert right_answer(r"We add. $\boxed{\frac{1}{2}}$ is it.") == r"\frac{1}{2}"
    assert right_answer("5 + 5 = 10\n#### 1,000") == "1,000"
    assert right_answer("$") == "$"


def test_boxes_far_apart_are_not_one_answer() -> None:
    assert last_boxes(r"\boxed{1}, after which we see that \boxed{2}") == "2"
    assert last_boxes("nothing") is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (r"$\dfrac{1}{2}$", r"\frac12"),
        (r"\tfrac 1 2", r"\frac{1}{2}"),
        (r"\left( 1 , 2 \right)", "(1,2)"),
        (r"x^{2} + 1", "x^2+1"),
        (r"\sqrt3", r"\sqrt{3}"),
        (r"5\,000", "5000"),
        ("5 000 000", "5000000"),
        (r"1{,}000", "1,000"),
        ("−3", "-3"),
        ("٣", "3"),
        ("π/2", r"\pi/2"),
        (r"\mathrm{cm}", r"\text{cm}"),
        (r"a \leq b", r"a \le b"),
        (r"90^{\circ}", "90°"),
        (r"50\%", "50%"),
        ("**7**.", "7"),
        (r"\displaystyle x", "x"),
    ],
)
def test_spellings_with_one_normal_form(first: str, second: str) -> None:
    assert normalize_math(first) == normalize_math(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("ab", "a b"), ("x", "X"), ("1 2", "12"), ("1, 000", "1,000"), (r"\leftarrow", "arrow"), ("x+y", "y+x")],
)
def test_what_a_normal_form_keeps_apart(first: str, second: str) -> None:
    assert normalize_math(first) != normalize_math(second)


@given(st.text(alphabet="01x+-^{}()\\frac,. $%", max_size=40))
def test_normal_forms_are_final_enough(text: str) -> None:
    once = normalize_math(text)
    assert same_answer(text, text) in (True, None)
    assert same_answer(text, once) in (True, None)


@pytest.mark.parametrize(
    ("text", "value", "percent"),
    [
        ("42", Fraction(42), False),
        ("-1,234.5", Fraction(-2469, 2), False),
        (".5", Fraction(1, 2), False),
        ("3/4", Fraction(3, 4), False),
        (r"-\frac{3}{4}", Fraction(-3, 4), False),
        (r"\frac{-3}{-4}", Fraction(3, 4), False),
        (r"2\frac{1}{3}", Fraction(7, 3), False),
        ("12%", Fraction(12), True),
        (r"5\text{cm}^2", Fraction(5), False),
        (r"90^\circ", Fraction(90), False),
        ("5 apples", Fraction(5), False),
        ("5 miles/hour", Fraction(5), False),
    ],
)
def test_exact_numbers(text: str, value: Fraction, percent: bool) -> None:
    number = exact_number(text)
    assert number is not None and (number.value, number.percent) == (value, percent)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1/0",
        r"\frac{1}{0}",
        "1,23",
        "0,200",
        "1.2.3",
        "-5%",
        "5 million",
        "3 or 4",
        "5 ab",
        "1e5",
        "12" * 3000,
        "5 times 3",
        "²",
    ],
)
def test_what_is_no_exact_number(text: str) -> None:
    assert exact_number(text) is None


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("5", "5", True),
        ("5", "6", False),
        ("5", "5.0", True),
        ("0.5", r"\frac{1}{2}", True),
        ("1/3", "0.3333333", None),
        ("1/3", "0.33", False),
        ("9%", "9", True),
        ("9%", "0.09", True),
        ("9.5%", "9.5", False),
        ("50%", "1/2", True),
        ("5", "x=5", True),
        ("x=5", "5", True),
        ("x=5", "x=6", False),
        ("x=5", "y=5", None),
        ("(1,2)", r"\left(1, 2\right)", True),
        ("(1,2)", "(2,1)", False),
        ("(1,2)", "(1,2,3)", False),
        ("[1,2]", "(1,2)", None),
        ("1,2", r"\{2,1\}", True),
        ("1,2", "1,2,3", False),
        ("1,1,2", "1,2", None),
        ("7", "(1,2)", False),
        ("x^2+2x+1", "(x+1)^2", True),
        ("x^2+2x+1", "(x+2)^2", False),
        ("x+1", "y+1", None),
        (r"2\sqrt{3}", r"\sqrt{12}", True),
        (r"2\sqrt{3}", r"3\sqrt{2}", False),
        (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt2}", True),
        (r"\frac{\pi}{2}", r"\frac{1}{2}\pi", True),
        (r"\pi", "3", False),
        (r"\pi", "3.14", None),
        ("1024", "2^{10}", True),
        ("y=2x+1", "2x+1", True),
        ("y=2x+1", "y=1+2x", True),
        ("y=2x+1", "y=2x+2", False),
        ("y=y+1", "y+1", None),
        (r"\sin x", r"\cos x", None),
        (r"\text{Monday}", r"\mathrm{Monday}", True),
        (r"\text{Monday}", r"\text{Friday}", None),
        ("42", "9^{9^{9^9}}", False),
        ("42", "9^9^9", False),
        ("42", "100000!", False),
        ("1", "1^{9^{9}}", None),
        ("2^{1000001}", "9^{9^{9^9}}", None),
        ("9^{9^{9^9}}", "9^{9^{9^9}}", True),
        ("", "", None),
        ("5", "", None),
    ],
)
def test_same_answer(gold: str, answer: str, same: bool | None) -> None:
    assert same_answer(gold, answer) is same


def test_numbers_round_as_the_verifier_rounds() -> None:
    third = ExactNumber(Fraction(1, 3))
    assert same_number(third, ExactNumber(Fraction("0.33334"), decimal=True)) is False
    assert same_number(third, ExactNumber(Fraction("0.333333"), decimal=True)) is None
    assert same_number(third, ExactNumber(Fraction(2, 6))) is True


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_integers_are_the_same_if_they_are_equal(first: int, second: int) -> None:
    assert same_answer(str(first), f"{second:,}") is (first == second)


@given(st.fractions(max_denominator=1000), st.fractions(max_denominator=1000))
def test_fractions_are_the_same_if_they_are_equal(first: Fraction, second: Fraction) -> None:
    written = rf"\frac{{{3 * second.numerator}}}{{{3 * second.denominator}}}"
    assert same_answer(str(first), written) is (first == second)


def test_expressions_are_exact() -> None:
    assert pow(3, (PRIME - 1) // 2, PRIME) == 1, "3 has a root"
    product = expression(r"(\sqrt{2}+\sqrt{3})(\sqrt{3}-\sqrt{2})")
    assert product is not None and product.value == 1 and not product.variables
    assert expression(r"\sqrt{6}") == expression(r"\sqrt{2}\sqrt{3}")
    assert expression("x^{-2}") == expression(r"\frac{1}{x^2}")
    assert expression("-x^2") == expression("0-x^2") != expression("(-x)^2")
    found = expression(r"x_1+\theta y")
    assert found is not None and found.variables == {"x_1", r"\theta", "y"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f(x)",
        "x(y)",
        "2 3",
        "x2",
        "1/2x",
        "x^23",
        "x^{y}",
        "x!",
        r"\sqrt{x}",
        r"\sqrt{101}",
        "e^x",
        "i",
        "1.5x",
        "x%",
        "x=",
        "2^{99999}",
        "--3",
        r"3\frac{1}{2}",
        "x^2^3",
        r"\frac{1}{0}",
        "1/0",
        "(",
        ")",
        "x)",
        "{x}",
        "(" * 50 + "1" + ")" * 50,
    ],
)
def test_what_is_no_expression(text: str) -> None:
    assert expression(text) is None


@pytest.mark.parametrize("fault", ["(" * 41 + "1" + ")" * 41, "{" * 41, "1" * 4001])
def test_unreadable(fault: str) -> None:
    assert unreadable(fault)
    assert not unreadable("(" * 40 + "1" + ")" * 40)


HOSTILE = [
    "\\boxed{" * 50_000,
    "\\boxed{1}" * 50_000,
    "$" * 300_000,
    "\\frac" * 100_000,
    "\\frac{" * 50_000,
    "(" * 300_000,
    "1," * 200_000,
    "1 000 " * 100_000,
    "<answer>" * 50_000,
    "the answer is " * 20_000,
    "9^" * 200_000,
    " " * 500_000,
    "\\left" * 100_000,
    "-" * 300_000 + "1",
    "\\sqrt2" * 80_000,
    "=" * 300_000,
    "\\text{" * 60_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    started = time.process_time()
    answer = stated_answer(text) or text
    same_answer("42", answer)
    unreadable(answer)
    normalize_math(answer)
    is_prose(answer)
    assert time.process_time() - started < 10, "a quadratic scan would take minutes"


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_breaks_the_comparison(gold: str, answer: str) -> None:
    stated_answer(answer)
    assert same_answer(gold, answer) in (True, False, None)


# -- beside math-verify -----------------------------------------------------------------------------------------------

NUMBERS = [
    "0",
    "1",
    "-3",
    "12",
    "1,234",
    "0.5",
    "0.50",
    "2.75",
    ".25",
    "1/2",
    r"\frac{1}{2}",
    r"\frac34",
    r"-\frac{6}{8}",
]
NUMBERS += [r"2\frac{1}{2}", "50%", r"9\%", r"\$12", r"5\text{ cm}", r"90^\circ", "x=3", "x = 12", "007", "+5"]
LISTS = [
    "(1,2)",
    "(1, 2)",
    "(2,1)",
    "[1,2]",
    "[1,3)",
    r"\{1,2\}",
    "1,2",
    "2, 1",
    "1,2,3",
    "(1,2,3)",
    "(0.5,1)",
    r"(\frac12,1)",
]
FORMULAS = [
    "x^2+2x+1",
    "(x+1)^2",
    "x^2+1",
    "2x",
    r"2\cdot x",
    r"\frac{x}{2}",
    "x/2",
    r"2\sqrt{3}",
    r"\sqrt{12}",
    r"3\sqrt{2}",
]
FORMULAS += [
    r"\frac{\pi}{2}",
    r"\pi/2",
    "y=2x",
    "y=x+x",
    "y=3x",
    "2^{10}",
    "1024",
    r"\frac{1}{\sqrt{2}}",
    r"\frac{\sqrt{2}}{2}",
]


def test_it_never_overrules_math_verify() -> None:
    math_verify = pytest.importorskip("math_verify")
    parsed = {
        text: math_verify.parse(rf"\boxed{{{text}}}", parsing_timeout=None) for text in NUMBERS + LISTS + FORMULAS
    }
    rng = random.Random(0)
    decided = 0
    for texts in (NUMBERS, LISTS, FORMULAS):
        pairs = [(gold, answer) for gold in texts for answer in texts]
        for gold, answer in rng.sample(pairs, min(len(pairs), 150)):
            same = same_answer(gold, answer)
            if same is not None:
                decided += 1
                assert same == math_verify.verify(parsed[gold], parsed[answer], timeout_seconds=None), (gold, answer)
    assert decided > 200


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        (r"\sin^2 x", r"1-\cos^2 x", "equal"),
        ("e^{2x}", "e^{3x}", "different"),
        (r"\text{Monday}", "monday", "equal"),
        (r"(-\infty, 3)", r"(-\infty,3)", "equal"),
        (r"[1,2]\cup[3,4]", r"[1,2]\cup[3,5]", "different"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}", "equal"),
        ("5", "5 because two and three make five", "equal"),
        (r"\$4.50", "9/2", "equal"),
        ("2x+3=0", "5x+7=0", "different"),
        ("x^2+y^2=1", "2x^2+2y^2=2", "equal"),
        ("1", "100%", "equal"),
        ("5", "}{", "unreadable answer"),
        ("}{", "5", "unreadable reference"),
    ],
)
def test_equivalence(gold: str, answer: str, verdict: str) -> None:
    pytest.importorskip("math_verify")
    assert equivalence((gold, answer)) == verdict
