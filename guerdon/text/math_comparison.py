r"""Answers of mathematics problems compared without computer algebra: equal, different, or for something better to decide.

What is decided here is decided as math-verify 0.9 decides it: numbers, percentages, fractions, tuples and sets of numbers,
``x = 5``, and formulas of integers, variables, pi and square roots. Beyond that, these are decided although math-verify misses
them: identical spellings that it cannot parse, digit groups set apart by spaces (``1\,000``), a final full stop, digits of other
scripts, a number before a word ("42 dollars").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from guerdon.text.math_answers import normalize_math
from guerdon.text.math_expressions import expression

_LONGEST = 4_000
_MOST_DIGITS = 4_000
_MOST_BITS = 34_000  # ten thousand digits
_FLOAT_DIGITS = 15
_NEAR = Fraction(1, 1_000_000)  # math-verify rounds to six decimals

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)"
    r"(?:(?P<whole>[1-9]\d{0,2}(?:,\d{3})++|\d++)(?P<decimals>\.\d++)?|(?P<point>\.\d++))"
    r"(?:/(?P<under>\d++))?"
)
_FRACTION = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d*+)\\frac\{(?P<over>[+-]?\d++)\}\{(?P<under>[+-]?\d++)\}")
_UNIT = re.compile(
    r"(?:\^\\circ)?(?:\\text\{(?P<unit>[^{}]*)\}(?:\^\{?\d\}?)?)?|(?: ?(?P<words>[A-Za-z][A-Za-z /]{2,40}))"
)
_PERCENT_WORDS = frozenset({"percent", "percentage", "pct"})
# Words after a number that are no unit: they change it or go on.
_NOT_UNITS = frozenset(
    "and or of to times over plus minus point half halves third thirds quarter quarters hundred thousand million billion "
    "trillion lakh crore dozen score pair pairs mod modulo choose per percent percentage pct degrees radians ln log sin cos tan "
    "cot sec csc arcsin arccos arctan exp sqrt pi inf infinity if for when where with is the not but than more less at least "
    "most about between through either both".split()
)
_VARIABLE = re.compile(r"(?P<name>[A-Za-z]|\\[a-z]{2,8})=(?P<value>.+)")
_BRACKETS = {"(": ")", "[": "]", "\\{": "\\}"}
_MOST_ELEMENTS = 64
_POWER = re.compile(r"[+-]?\d{1,40}(?:\^\d{1,40}){1,20}")
_FACTORIAL = re.compile(r"[+-]?(\d{5,40})!")


@dataclass(frozen=True, slots=True)
class ExactNumber:
    """A number as written: 50 for "50%"; ``decimal`` where it has a decimal point."""

    value: Fraction
    decimal: bool = False
    percent: bool = False

    @property
    def meant(self) -> Fraction:
        """Its value, the percent sign applied."""
        return self.value / 100 if self.percent else self.value


@dataclass(frozen=True, slots=True)
class ExactForm:
    """What an answer in normal form is, as far as that can be told exactly: ``variable`` = ``value``, or ``value`` alone."""

    text: str
    value: str
    number: ExactNumber | None = None
    variable: str = ""
    bracket: str | None = None
    elements: tuple[ExactNumber, ...] = ()
    huge: bool = False


def same_answer(gold: str, answer: str) -> bool | None:
    r"""Whether an answer equals the right one; None where that takes algebra.

    True for equal normal forms. Numbers are compared exactly; a percentage equals the number before its sign and the fraction
    it means; decimals that agree to six places but are not equal are left open. Tuples and intervals of numbers are compared in
    order, sets and bare lists without, formulas in the same variables by value (:mod:`~guerdon.text.math_expressions`). A power or
    factorial of more than ten thousand digits differs from any number written out.

    >>> (
    ...     same_answer(r"\frac{1}{2}", "0.5"),
    ...     same_answer("50%", "1/2"),
    ...     same_answer("3", "4"),
    ...     same_answer(r"\sin x", "x"),
    ... )
    (True, True, False, None)
    >>> same_answer("5", "x = 5"), same_answer("(1, 2)", "(2, 1)"), same_answer("1, 2", r"\{2, 1\}")
    (True, False, True)
    >>> same_answer("(x+1)^2", "x^2+2x+1"), same_answer(r"2\sqrt{3}", r"3\sqrt{2}")
    (True, False)
    """
    if max(len(gold), len(answer)) > _LONGEST:
        return gold == answer or None
    left, right = exact_form(gold), exact_form(answer)
    if left.text == right.text:
        return bool(left.text) or None
    if not right.text or not left.text:
        return None
    if left.number is not None and right.number is not None:
        if not left.variable or not right.variable:
            return same_number(left.number, right.number)
    elif left.number is not None and right.huge and not left.variable:
        return False
    if left.bracket is not None and right.bracket is not None:
        return _same_elements(left, right)
    plain, listed = (left, right) if right.bracket is not None else (right, left)
    if plain.number is not None and not plain.variable and listed.bracket is not None:
        return False if len({number.value for number in listed.elements}) > 1 else None
    if left.variable and right.variable and left.variable != right.variable:
        return None
    return _same_formula(left, right)


def _same_formula(gold: ExactForm, answer: ExactForm) -> bool | None:
    left, right = expression(gold.value), expression(answer.value)
    if left is None or right is None or left.variables != right.variables:
        return None
    return None if left.variables & {gold.variable, answer.variable} else left.value == right.value


def same_number(gold: ExactNumber, answer: ExactNumber) -> bool | None:
    """Whether two numbers are the same answer, None where it hangs on how decimals are rounded.

    >>> same_number(ExactNumber(Fraction(9), percent=True), ExactNumber(Fraction(9)))
    True
    """
    difference = abs(gold.meant - answer.meant)
    if difference == 0:
        return True
    if gold.decimal or answer.decimal:
        return False if difference > 2 * _NEAR else None
    whole = gold.value.denominator == answer.value.denominator == 1
    return whole and gold.value == answer.value


@lru_cache(maxsize=8192)
def exact_form(answer: str) -> ExactForm:
    """An answer in normal form, and which kind it is.

    >>> exact_form("x = 1000").number
    ExactNumber(value=Fraction(1000, 1), decimal=False, percent=False)
    """
    text = normalize_math(answer)
    number = exact_number(text)
    if number is not None:
        return ExactForm(text, text, number)
    assigned = _VARIABLE.fullmatch(text) if "=" in text else None
    if assigned:
        value = assigned["value"]
        return ExactForm(text, value, None if "," in value else exact_number(value), assigned["name"])
    if "," in text:
        bracket, elements = _elements(text)
        return ExactForm(text, text, bracket=bracket, elements=elements)
    return ExactForm(text, text, huge=_is_huge(text))


def exact_number(text: str) -> ExactNumber | None:
    r"""The number that a text in normal form is, with or without a unit; None if it is none.

    >>> exact_number(r"3\frac{1}{2}").value, exact_number("12%").percent, exact_number("5 apples").value
    (Fraction(7, 2), True, Fraction(5, 1))
    """
    found = _NUMBER.match(text)
    if found and (found.end() == len(text) or not text.startswith("\\frac", found.end())):
        digits = (found["whole"] or "").replace(",", "")
        decimals = found["decimals"] or found["point"] or ""
        if len(digits) + len(decimals) > (_FLOAT_DIGITS if decimals else _MOST_DIGITS):
            return None
        value = Fraction(f"{digits or '0'}{decimals}")
        if found["under"]:
            if decimals or len(found["under"]) > _MOST_DIGITS or not int(found["under"]):
                return None
            value /= int(found["under"])
    else:
        found = _FRACTION.match(text)
        if not found or max(len(found[part]) for part in ("whole", "over", "under")) > _MOST_DIGITS:
            return None
        decimals, over, under = "", int(found["over"]), int(found["under"])
        if not under or (found["whole"] and not 0 <= over < under):
            return None
        value = int(found["whole"] or 0) + Fraction(over, under)
    rest = text[found.end() :]
    negative = found["sign"] == "-"
    if rest == "%":
        return None if negative else ExactNumber(value, bool(decimals), percent=True)
    if rest and not _is_unit(rest):
        return None
    return ExactNumber(-value if negative else value, bool(decimals))


def _is_unit(text: str) -> bool:
    unit = _UNIT.fullmatch(text)
    if not unit:
        return False
    words = re.findall(r"[a-z]+", (unit["unit"] or unit["words"] or "").lower())
    if unit["words"] and any(len(word) < 3 for word in words):
        return False
    return not _NOT_UNITS.intersection(words)


def _elements(text: str) -> tuple[str | None, tuple[ExactNumber, ...]]:
    """The brackets around a list of numbers and the numbers; None for the brackets where it is no such list."""
    opening = next((mark for mark in _BRACKETS if text.startswith(mark)), "")
    closing = next((mark for mark in _BRACKETS.values() if text.endswith(mark)), "")
    if bool(opening) != bool(closing) or (opening == "\\{") != (closing == "\\}"):
        return None, ()
    parts = text[len(opening) : len(text) - len(closing)].split(",")
    if not 2 <= len(parts) <= _MOST_ELEMENTS:
        return None, ()
    if any(_could_be_thousands(before, after) for before, after in pairwise(parts)) and (
        not opening or len(parts) > 2 or parts[1].startswith("0")
    ):
        return None, ()
    elements = tuple(
        number for part in parts if (number := exact_number(part.strip())) is not None and not number.percent
    )
    return (f"{opening}{closing}", elements) if len(elements) == len(parts) else (None, ())


def _could_be_thousands(before: str, after: str) -> bool:
    return before[-1:].isdigit() and re.match(r" ?\d{3}(?!\d)", after) is not None


def _same_elements(gold: ExactForm, answer: ExactForm) -> bool | None:
    sets = ("", "\\{\\}")
    if gold.bracket in sets and answer.bracket in sets:
        left, right = (sorted(form.elements, key=lambda number: number.value) for form in (gold, answer))
        if len({number.value for number in left}) < len(left) or len({number.value for number in right}) < len(right):
            return None
    elif gold.bracket == answer.bracket:
        left, right = list(gold.elements), list(answer.elements)
    else:
        return None
    if len(left) != len(right):
        return False
    same = [same_number(one, other) for one, other in zip(left, right, strict=True)]
    return False if False in same else None if None in same else True


def _is_huge(text: str) -> bool:
    """Whether a text is a power or factorial of more than ten thousand digits, no other operation in it."""
    if _FACTORIAL.fullmatch(text):
        return True
    powers = text.replace("{", "").replace("}", "")
    if not _POWER.fullmatch(powers):
        return False
    value: int | None = 1  # None: more than ten thousand digits
    for base in map(int, reversed(powers.lstrip("+-").split("^"))):
        if base < 2:
            value = base if value is None else base**value
        elif value is None or value * (base.bit_length() - 1) > _MOST_BITS:
            value = None
        else:
            value = base**value
    return value is None
