"""The value of an arithmetic expression, computed from its syntax tree; nothing is executed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

Number = int | float

#: Expressions, and numbers in them and on the way, that are longer than this are refused.
LONGEST_EXPRESSION, LARGEST_BITS, DEEPEST = 1000, 4096, 300

_BINARY: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
    }
)
_FUNCTIONS: Mapping[str, Callable[..., Number]] = MappingProxyType(
    {
        "abs": abs,
        "round": round,
        "min": min,
        "max": max,
        "sqrt": math.sqrt,
        "floor": math.floor,
        "ceil": math.ceil,
        "exp": math.exp,
        "log": math.log,
        "log10": math.log10,
        "log2": math.log2,
        "sin": math.sin,
        "cos": math.cos,
        "tan": math.tan,
        "gcd": math.gcd,
        "factorial": math.factorial,
        "comb": math.comb,
    }
)
_CONSTANTS: Mapping[str, float] = MappingProxyType({"pi": math.pi, "e": math.e})
_WRITTEN = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**"})
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_LARGEST_ARGUMENT = 300


def arithmetic(expression: str) -> Number:
    """The value of numbers, ``+ - * / // % ** ^``, parentheses, a few functions (``sqrt``, ``round``, ...) and ``pi``, ``e``.

    ``×``, ``÷`` and thousands separators outside calls are understood; the result is finite. Whole numbers stay exact.

    Raises:
        ValueError: it is no such expression, is longer than 1,000 characters, nests too deep, has no finite value, or would
            give a number of more than 4,096 bits on the way.

    >>> arithmetic("2 + 3 * 4"), arithmetic("1,500 / 2"), arithmetic("2^10")
    (14, 750.0, 1024)
    >>> arithmetic("__import__('os')")
    Traceback (most recent call last):
    ValueError: a Call is no arithmetic
    """
    if len(expression) > LONGEST_EXPRESSION:
        raise ValueError(f"the expression has {len(expression)} characters; the most is {LONGEST_EXPRESSION}")
    text = expression.translate(_WRITTEN).strip().rstrip("=").strip()
    if "(" not in text:
        text = _THOUSANDS.sub(lambda found: found.group().replace(",", ""), text)
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"it is no expression: {getattr(error, 'msg', None) or type(error).__name__}") from None
    try:
        return _checked(_value(tree.body, 0))
    except ZeroDivisionError:
        raise ValueError("it divides by zero") from None
    except (OverflowError, TypeError) as error:
        raise ValueError(str(error) or type(error).__name__) from None


def _value(node: ast.expr, depth: int) -> Number:
    if depth > DEEPEST:
        raise ValueError("it nests too deep")
    match node:
        case ast.Constant(value=bool()):
            raise ValueError("True and False are no numbers")
        case ast.Constant(value=int() | float() as number):
            return _checked(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, depth + 1)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, depth + 1)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, depth + 1), _value(right, depth + 1))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _checked(_BINARY[type(op)](_value(left, depth + 1), _value(right, depth + 1)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _called(name, [_value(argument, depth + 1) for argument in args])
    raise ValueError(f"a {type(node).__name__} is no arithmetic")


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > LARGEST_BITS:
        raise ValueError(f"{base}**{exponent} is too large" if base.bit_length() < 64 else "the power is too large")
    value = base**exponent
    if isinstance(value, complex):
        raise ValueError("it has no real value")
    return _checked(value)


def _called(name: str, arguments: list[Number]) -> Number:
    if name in ("factorial", "comb") and any(abs(one) > _LARGEST_ARGUMENT for one in arguments):
        raise ValueError(f"{name} takes numbers up to {_LARGEST_ARGUMENT}")
    if name == "round" and len(arguments) > 1 and abs(arguments[1]) > _LARGEST_ARGUMENT:
        raise ValueError(f"round takes up to {_LARGEST_ARGUMENT} digits")
    return _checked(_FUNCTIONS[name](*arguments))


def _checked(value: Number) -> Number:
    if isinstance(value, int) and value.bit_length() > LARGEST_BITS:
        raise ValueError(f"a number of more than {LARGEST_BITS} bits is refused")
    if not isinstance(value, int) and not math.isfinite(value):
        raise ValueError("it has no finite value")
    return value
