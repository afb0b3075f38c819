"""Numbers in the forms people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.numbers import extract_numbers, parse_number, plain_number, relatively_close


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.5", [1234.5]),
        ("1.234,5", [1234.5]),
        ("1.234", [1.234]),
        ("1,234", [1234]),
        ("1,5", [1.5]),
        ("0,123", [0.123]),
        ("1,234,567", [1234567]),
        ("1.234.567", [1234567]),
        ("12,34,567.5", [1234567.5]),
        ("1'234.5", [1234.5]),
        ("1\u00a0234,5", [1234.5]),
        ("1\u202f234", [1234]),
        ("3e8", [3e8]),
        ("1.5E-3", [0.0015]),
        ("3 × 10^8", [3e8]),
        (r"3 \times 10^{-8}", [3e-8]),
        ("2^10", [1024]),
        ("10**3", [1000]),
        ("3/4", [0.75]),
        ("1 3/4", [1.75]),
        (r"\frac{3}{4} and \dfrac12", [0.75, 0.5]),
        (r"-\frac{3}{4}", [-0.75]),
        (r"1\frac{1}{2}", [1.5]),
        ("½ or 2½", [0.5, 2.5]),
        ("1/0", []),
        ("٣٫١٤", [3.14]),
        ("１２", [12]),
        ("१२३", [123]),
        ("-5 and −5", [-5, -5]),
        ("5-3", [5, 3]),
        ("x = -2.5", [-2.5]),
        ("(5)-3", [5, 3]),
        ("$1,200.50 and €5", [1200.5, 5]),
        (r"\$5", [5]),
        ("3 million", [3e6]),
        ("2,5 milioni", [2.5e6]),
        ("5万", [50000]),
        (".75.", [0.75]),
        ("18.", [18]),
        ("1, 2, 3", [1, 2, 3]),
        ("100 200", [100, 200]),
        ("12/05/2024", [12, 5, 2024]),
        ("v1.2.3", []),
        ("1.2.3", []),
        ("1,2,3", []),
        ("A1 x12 CO2", []),
        ("第3章", [3]),
        ("1e999", []),
        ("twelve nan inf", []),
        ("", []),
    ],
)
def test_extract_numbers(text: str, expected: list[float]) -> None:
    assert [number.value for number in extract_numbers(text)] == pytest.approx(expected)


def test_percentages() -> None:
    assert [(n.value, n.percent) for n in extract_numbers("50%, 5 per cent, 5")] == [(50, True), (5, True), (5, False)]
    assert parse_number("50%") == 50
    assert parse_number("50%", percent="fraction") == 0.5
    assert parse_number(r"50\%", percent="fraction") == 0.5
    assert parse_number("0.5", percent="fraction") == 0.5


def test_the_decimal_separator_may_be_given() -> None:
    assert parse_number("1.234", decimal=",") == 1234
    assert parse_number("1,234", decimal=",") == 1.234
    assert parse_number("1,234", decimal=".") == 1234
    assert parse_number("1,23", decimal=".") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 cm", 12),
        ("$12", 12),
        ("$12$", 12),
        ("x = 5", 5),
        ("about 3", 3),
        (r"12\text{ cm}", 12),
        (r"90^\circ", 90),
        ("1 234 567", 1234567),
        ("-5.", -5),
        ("3 or 4", None),
        ("twelve", 12),
        ("twelve monkeys", None),
        ("the answer is 5", None),
        ("nan", None),
        ("", None),
    ],
)
def test_parse_number(text: str, expected: float | None) -> None:
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,200", 1200),
        ("45%", 45),
        (" 1e3 ", 1000),
        ("12 cm", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("1_0", 10),
    ],
)
def test_plain_number(text: str, expected: float | None) -> None:
    assert plain_number(text) == expected


def test_relatively_close() -> None:
    assert relatively_close(105, 100)
    assert not relatively_close(105.1, 100)
    assert relatively_close(-96, -100)
    assert relatively_close(0, 0)
    assert not relatively_close(0.001, 0)
    assert not relatively_close(math.nan, 1)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="decimal=';'"):
        extract_numbers("1", decimal=";")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="percent='half'"):
        parse_number("1", percent="half")  # type: ignore[arg-type]


@given(st.floats(-1e12, 1e12).map(lambda x: round(x, 3)))
def test_numbers_are_read_back(value: float) -> None:
    assert parse_number(f"{value:,.3f}") == pytest.approx(value)
    assert (
        parse_number(f"{value:,.3f}".translate(str.maketrans(",.", ".,"))) == pytest.approx(value) or abs(value) < 1000
    )


@given(st.text() | st.text(alphabet="0123456789.,-+/^{}\\frac%eE x10½$'"))
def test_numbers_are_finite_and_lie_in_the_text(text: str) -> None:
    position = 0
    for number in extract_numbers(text):
        assert math.isfinite(number.value)
        assert position <= number.start < number.end <= len(text)
        position = number.end
    assert parse_number(text) is None or math.isfinite(parse_number(text) or 0.0)
    assert plain_number(text) is None or math.isfinite(plain_number(text) or 0.0)
