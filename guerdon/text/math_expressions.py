r"""Formulas of integers, variables, :math:`\pi` and square roots of integers: read, and compared exactly without computer algebra.

Such a formula is a fraction of polynomials in its variables, in pi (which solves no polynomial) and in roots of primes. It is
evaluated modulo a prime P of 123 bits, with variables and pi at points drawn when the process starts and for each small prime one
of its roots modulo P. That is a homomorphism: formulas of different value are different, and different formulas have one value
with a probability of about degree / P.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

#: 4 x (the product of the primes below 100) - 1, a prime modulo which every prime below 100 is a square (quadratic reciprocity).
PRIME = 9222271855782073699012408589327024279

_TOKEN = re.compile(
    r" |(?P<number>\d{1,60})|(?P<name>(?:[abckm-zA-DF-HK-Z]|\\(?:alpha|beta|gamma|theta|lambda|mu|sigma|phi|omega)(?![a-z]))"
    r"(?:_(?:[0-9A-Za-z]|\{[0-9A-Za-z]{1,8}\}))?)|(?P<pi>\\pi(?![a-z]))|(?P<root>\\sqrt(?=\{))|(?P<fraction>\\frac(?=\{))"
    r"|(?P<times>\\(?:cdot|times)(?![a-z])|\*)|(?P<mark>[-+/^(){}])"
)
_LONGEST = 400
_DEEPEST = 30
_LARGEST_EXPONENT = 1000
_LARGEST_RADICAND = 10**8
_STARTS = ("number", "name", "pi", "root", "fraction", "(")


class Inexpressible(Exception):
    """A text is no formula of this kind, or has no value at the chosen point."""


@dataclass(frozen=True, slots=True)
class Expression:
    """The value of a formula at the process's point, and which variables are in it."""

    value: int
    variables: frozenset[str]


@lru_cache(maxsize=4096)
def expression(text: str) -> Expression | None:
    r"""The formula that a text in normal form is, None if it is none of this kind.

    >>> expression(r"(x+1)^2") == expression("x^2+2x+1"), expression(r"2\sqrt{3}") == expression(r"\sqrt{12}")
    (True, True)
    >>> expression(r"\frac{\pi}{2}") == expression(r"\frac{\pi}{3}"), expression(r"\sin x") is None
    (False, True)
    """
    if len(text) > _LONGEST:
        return None
    try:
        reader = _Reader(_tokens(text))
        value = reader.sum(0)
        if reader.kind:
            return None
    except Inexpressible:
        return None
    return Expression(value, frozenset(reader.variables))


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise Inexpressible
        at = found.end()
        if found.lastgroup:
            tokens.append((found[0] if found.lastgroup == "mark" else found.lastgroup, found[0]))
        elif tokens and tokens[-1][0] == "number" and text[at : at + 1].isdigit():
            raise Inexpressible  # two numbers side by side
    return tokens


class _Reader:
    """Reads and evaluates tokens by recursive descent: sum, product, power, atom."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at = [*tokens, ("", "")], 0
        self.variables: set[str] = set()

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0]

    def take(self, kind: str = "") -> str:
        """The text of the next token, which must be of this kind."""
        found, text = self.tokens[self.at]
        if kind and found != kind:
            raise Inexpressible
        self.at += 1
        return text

    def sum(self, depth: int) -> int:
        if depth > _DEEPEST:
            raise Inexpressible
        negative = self.kind == "-" and bool(self.take())
        total = self.product(depth)
        total = -total if negative else total
        while self.kind in ("+", "-"):
            sign = -1 if self.take() == "-" else 1
            total += sign * self.product(depth)
        return total % PRIME

    def product(self, depth: int) -> int:
        value = self.power(depth)
        while self.kind == "times" or self.kind == "/" or self.kind in _STARTS:
            before = self.tokens[self.at - 1][0]
            if self.kind == "times":
                self.take()
                value = value * self.power(depth) % PRIME
            elif self.kind == "/":
                self.take()
                value = value * _inverse(self.power(depth)) % PRIME
                if self.kind == "times" or self.kind in _STARTS:
                    raise Inexpressible  # 1/2x
            elif (self.kind == "number") or (self.kind == "(" and before == "name"):
                raise Inexpressible  # x2, f(x)
            elif self.kind == "fraction" and before == "number":
                raise Inexpressible  # 3\frac{1}{2}
            else:
                value = value * self.power(depth) % PRIME
        return value

    def power(self, depth: int) -> int:
        base = self.atom(depth)
        if self.kind != "^":
            return base
        self.take()
        exponent = self.exponent()
        if self.kind == "^":
            raise Inexpressible
        return pow(base if exponent >= 0 else _inverse(base), abs(exponent), PRIME)

    def exponent(self) -> int:
        """An integer written out; of digits without braces only one is meant."""
        if self.kind == "number":
            digits = self.take()
            if len(digits) > 1:
                raise Inexpressible
            return int(digits)
        self.take("{")
        sign = -1 if self.kind == "-" and self.take() else 1
        value = int(self.take("number"))
        self.take("}")
        if value > _LARGEST_EXPONENT:
            raise Inexpressible
        return sign * value

    def atom(self, depth: int) -> int:
        kind = self.kind
        if kind == "number":
            return int(self.take()) % PRIME
        if kind == "name":
            name = self.take()
            self.variables.add(name)
            return _point(name)
        if kind == "pi":
            self.take()
            return _point("\\pi")
        if kind == "(":
            return self.enclosed("(", ")", lambda: self.sum(depth + 1))
        if kind == "fraction":
            self.take()
            over = self.enclosed("{", "}", lambda: self.sum(depth + 1))
            return over * _inverse(self.enclosed("{", "}", lambda: self.sum(depth + 1))) % PRIME
        if kind == "root":
            self.take()
            return self.enclosed("{", "}", lambda: _root(int(self.take("number"))))
        raise Inexpressible

    def enclosed(self, opening: str, closing: str, inside: Callable[[], int]) -> int:
        self.take(opening)
        value = inside()
        self.take(closing)
        return value


@lru_cache(maxsize=1024)
def _point(name: str) -> int:
    return secrets.randbelow(PRIME - 2) + 2


def _inverse(value: int) -> int:
    if value % PRIME == 0:
        raise Inexpressible
    return pow(value, -1, PRIME)


@lru_cache(maxsize=1024)
def _root(radicand: int) -> int:
    """The root of a positive integer, as a product of roots of its primes."""
    if not 0 < radicand <= _LARGEST_RADICAND:
        raise Inexpressible
    value, left, factor = 1, radicand, 2
    while left > 1:
        if factor * factor > left:
            factor = left
        while left % factor == 0:
            left //= factor
            if left % factor == 0:
                left //= factor
                value = value * factor % PRIME
            else:
                value = value * _prime_root(factor) % PRIME
        factor += 1
    return value


def _prime_root(prime: int) -> int:
    root = pow(prime, (PRIME + 1) // 4, PRIME)  # P = 3 mod 4
    if root * root % PRIME != prime:
        raise Inexpressible  # no root there
    return root
