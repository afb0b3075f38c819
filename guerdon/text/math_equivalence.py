"""Equivalence of mathematical answers by computer algebra (math-verify). It may take for ever: run it in the verifier pool."""

from __future__ import annotations

import importlib
import logging
import re
from functools import lru_cache
from typing import Any

EQUAL, DIFFERENT = "equal", "different"
UNREADABLE_GOLD, UNREADABLE_ANSWER = "unreadable reference", "unreadable answer"

_MEMORY = 256 << 20
_CLEARLY = 1e-3
# What a process does first, to have the grammar's tables and the algebra at hand.
_EASY = (
    (r"\frac{x^{2}+1}{\sqrt{2}}", r"\frac{1+x^2}{\sqrt2}"),
    (r"3x^2 - 5(x+1) + 2y", r"-\frac{7}{2} + \pi"),
    (r"2\sqrt{3} + 4i", r"\sqrt{12} + \sqrt[3]{5} i"),
    (r"e^{2x} + \ln 5", r"\sin^2 x - \log_2 3"),
    (r"y=2x+1", r"2x-y=1"),
    (r"(-\infty, 3)", r"[1, 2) \cup (3, 4]"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\text{Monday}"),
    ("5%", "about 7 or 8 apples"),
)
# Words outside of commands, and what of them is mathematics.
_COMMANDS = re.compile(r"\\(?:text|mathrm|mathbf|mbox|operatorname|begin|end)\s?\{[^{}]*\}|\\[A-Za-z]+")
_WORD = re.compile(r"(?<![^\s(])[A-Za-z]{2,}(?![^\s.,;:)])")
_SURELY_A_WORD = 4  # letters
_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp sqrt pi and or infinity inf mod max min".split()
)


def equivalence(pair: tuple[str, str]) -> str:
    r"""Whether an answer means the same as the right one: ``(gold, answer) -> "equal" | "different" | "unreadable ..."``.

    Both are read as LaTeX, as if boxed; text of several words as prose, in which math-verify looks for a formula or a number.

    Raises:
        MemoryError: the algebra needed much memory, after which its verdict means nothing.

    >>> equivalence((r"2\sqrt{3}", r"\sqrt{12}")), equivalence(("x+1", "x+2")), equivalence(("x", "a=b=}{"))
    ('equal', 'different', 'unreadable answer')
    """
    from math_verify import verify

    gold, answer = pair
    before = _peak_memory()
    right = _parsed_gold(gold)
    if not right:
        return UNREADABLE_GOLD
    given = _parsed(answer)
    if not given:
        return UNREADABLE_ANSWER
    equal = not clearly_different(right[0], given[0]) and verify(right, given, timeout_seconds=None)
    if _peak_memory() - before > _MEMORY:
        raise MemoryError("computer algebra swallowed an error of its own")
    return EQUAL if equal else DIFFERENT


def preload() -> None:
    """Load math-verify and its grammar, so that processes forked from this one are quick from their first answer on."""
    logging.disable(logging.CRITICAL)
    for gold, answer in _EASY:
        equivalence((gold, answer))


def clearly_different(gold: Any, answer: Any) -> bool:
    """Whether two formulas of numbers, variables and elementary functions differ at a point, by more than rounding can.

    It spares the search for a form in which they are equal. False says nothing: so too for anything but formulas, for
    percentages and for lone variables, which math-verify compares by rules of their own.

    >>> from sympy import Symbol, sqrt
    >>> x = Symbol("x")
    >>> clearly_different(x + 1, x + 2), clearly_different(sqrt(12), 2 * sqrt(3))
    (True, False)
    """
    sympy, elementary = _elementary()
    for formula in (gold, answer):
        if not isinstance(formula, sympy.Expr) or isinstance(formula, sympy.Symbol):
            return False
        parts: list[Any] = list(sympy.preorder_traversal(formula))
        if not all(isinstance(part, elementary) and part.is_finite is not False for part in parts):
            return False
    names = sorted({symbol.name for symbol in gold.free_symbols | answer.free_symbols})
    point = {name: sympy.Rational(17 + 6 * i, 13) for i, name in enumerate(names)}
    values = []
    for formula in (gold, answer):
        value = formula.subs({symbol: point[symbol.name] for symbol in formula.free_symbols}).evalf(15)
        if not value.is_number or value.is_finite is not True:
            return False
        values.append(complex(value))
    scale = max(1.0, *map(abs, values))
    return bool(abs(values[0] - values[1]) > _CLEARLY * scale)


@lru_cache(maxsize=1)
def _elementary() -> tuple[Any, tuple[Any, ...]]:
    """sympy, and the classes of which a formula of elementary functions consists."""
    sympy: Any = importlib.import_module("sympy")
    names = "Add Mul Pow Number NumberSymbol Symbol exp log Abs"
    functions: Any = importlib.import_module("sympy.functions.elementary")
    return sympy, (
        type(sympy.I),
        functions.hyperbolic.HyperbolicFunction,
        functions.trigonometric.TrigonometricFunction,
        functions.trigonometric.InverseTrigonometricFunction,
        *(getattr(sympy, name) for name in names.split()),
    )


def is_prose(text: str) -> bool:
    r"""Whether a text is words with mathematics in them rather than a formula.

    >>> is_prose("5 because it is odd"), is_prose("about 42"), is_prose("x = $5$"), is_prose(r"\$5")
    (True, True, True, False)
    >>> is_prose(r"\sin x \text{ or so}"), is_prose("3 ab + 2 xy"), is_prose("Monday")
    (False, False, False)
    """
    if "$" in text.replace("\\$", "") or "\\(" in text or "\\[" in text:
        return True
    words = [word for word in _WORD.findall(_COMMANDS.sub(" ", text)) if word.lower() not in _FUNCTIONS]
    if len(words) == 1:
        return len(words[0]) >= _SURELY_A_WORD and any(c.isdigit() for c in text)
    return len(words) > 1 and any(len(word) >= _SURELY_A_WORD for word in words)


def _parsed(text: str) -> list[Any]:
    """What math-verify makes of an answer: an expression and its text; empty where it is no mathematics."""
    from math_verify import parse

    said = f"The answer is {text}" if is_prose(text) else f"\\boxed{{{text}}}"
    found: list[Any] = parse(said, parsing_timeout=None)
    return found if any(not isinstance(item, str) for item in found) else []


@lru_cache(maxsize=256)
def _parsed_gold(text: str) -> list[Any]:
    return _parsed(text)


def _peak_memory() -> int:
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
