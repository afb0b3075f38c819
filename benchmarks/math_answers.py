"""Synthetic completions of mathematics problems: right answers in many spellings, near misses, and answers that hang a checker."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

GROUP = 8
RIGHT = 0.5
# Share of answers by kind, after those of competition problems: most are numbers.
KINDS = {
    "integer": 0.50,
    "fraction": 0.12,
    "decimal": 0.08,
    "percent": 0.03,
    "pair": 0.05,
    "set": 0.03,
    "interval": 0.02,
    "surd": 0.06,
    "polynomial": 0.05,
    "rational function": 0.03,
    "assignment": 0.01,
    "equation": 0.01,
    "text": 0.01,
}
WORDS = (
    "we first note that the total is then the sum of both parts so we add and multiply each side by the same factor which gives "
    "an equation whose root must be positive since the length of a segment is never negative and therefore only one case remains "
    "let us check this by substitution and compare with the condition stated above hence"
).split()
NAMES = ("Monday", "Tuesday", "Friday", "red", "blue", "ellipse", "parabola", "hyperbola", "even", "odd")


@dataclass(frozen=True)
class Sample:
    """One completion, the right answer, and what is known of it."""

    completion: str
    gold: str
    kind: str
    right: bool


def samples(count: int, bad: int, seed: int) -> list[Sample]:
    """``count`` completions in groups of eight, ``bad`` of them pathological and spread evenly."""
    rng = random.Random(seed)
    kinds, weights = list(KINDS), list(KINDS.values())
    made: list[Sample] = []
    while len(made) < count:
        kind = rng.choices(kinds, weights)[0]
        make = MAKERS[kind]
        state = rng.getrandbits(32)
        gold = make(random.Random(state), random.Random(0), False)
        for _ in range(min(GROUP, count - len(made))):
            right = rng.random() < RIGHT
            answer = make(random.Random(state), rng, not right)
            made.append(Sample(said(answer, rng), gold, kind, right))
    pathologies = list(PATHOLOGIES)
    for k in range(bad):
        at = (2 * k + 1) * count // (2 * bad)
        name = pathologies[(k + seed) % len(pathologies)]
        made[at] = Sample(said(PATHOLOGIES[name](k), rng), "42", name, False)
    return made


def said(answer: str, rng: random.Random) -> str:
    """A completion that ends with the answer: reasoning of 40 to 200 words with numbers in it, then a box or a phrase."""
    words = [rng.choice(WORDS) for _ in range(rng.randrange(40, 200))]
    for _ in range(rng.randrange(2, 8)):
        words.insert(
            rng.randrange(len(words)), rng.choice([f"${rng.randrange(99)}x$", str(rng.randrange(999)), "$a=b$"])
        )
    form = rng.random()
    if form < 0.75:
        return f"{' '.join(words)}.\n\nTherefore the answer is $\\boxed{{{answer}}}$."
    if form < 0.9:
        return f"{' '.join(words)}. \\boxed{{{answer}}}"
    return f"{' '.join(words)}. The final answer is ${answer}$."


# Each maker draws the problem from ``problem`` alone, the spelling from ``style``, and misses the answer if ``wrong``.


def integer(problem: random.Random, style: random.Random, wrong: bool) -> str:
    value = problem.choice([problem.randrange(0, 100), problem.randrange(-50, 1000), problem.randrange(1000, 10**7)])
    value += style.choice([-2, -1, 1, 2, 10]) * wrong
    spellings = [str(value)] * 4 + [
        f"{value:,}",
        f"{value}.0",
        f"x = {value}",
        f"{value}^\\circ",
        f"{value} \\text{{ cm}}",
    ]
    return style.choice(spellings)


def fraction(problem: random.Random, style: random.Random, wrong: bool) -> str:
    under = problem.randrange(2, 20)
    value = Fraction(problem.randrange(1, 40), under) + wrong * Fraction(style.choice([-1, 1]), under)
    sign = "-" if value < 0 else ""
    over, under = abs(value.numerator), value.denominator
    command = style.choice(["frac", "frac", "dfrac", "tfrac"])
    twice = f"{sign}\\frac{{{2 * over}}}{{{2 * under}}}"
    return style.choice([f"{sign}\\{command}{{{over}}}{{{under}}}"] * 4 + [f"{sign}{over}/{under}", twice])


def decimal(problem: random.Random, style: random.Random, wrong: bool) -> str:
    value = problem.randrange(1, 10000) + style.choice([-1, 1, 10]) * wrong
    digits = problem.choice([1, 2, 3])
    whole = f"{value / 10**digits:.{digits}f}"
    exact = Fraction(value, 10**digits)
    return style.choice(
        [whole] * 4 + [whole + "0", f"\\frac{{{exact.numerator}}}{{{exact.denominator}}}", f"\\${whole}"]
    )


def percent(problem: random.Random, style: random.Random, wrong: bool) -> str:
    value = problem.randrange(1, 100) + style.choice([-1, 1, 5]) * wrong
    return style.choice([f"{value}\\%", f"{value}\\%", f"{value}%", str(value)])


def pair(problem: random.Random, style: random.Random, wrong: bool) -> str:
    numbers = [problem.randrange(-20, 20) for _ in range(problem.choice([2, 2, 3]))]
    numbers[0] += style.choice([-1, 1]) * wrong
    inside = style.choice([", ", ","]).join(map(str, numbers))
    return style.choice([f"({inside})", f"({inside})", f"\\left({inside}\\right)"])


def number_set(problem: random.Random, style: random.Random, wrong: bool) -> str:
    numbers = problem.sample(range(-20, 20), problem.choice([2, 3]))
    style.shuffle(numbers)
    if wrong:
        numbers[0] += 40
    inside = ", ".join(map(str, numbers))
    return style.choice([f"\\{{{inside}\\}}", inside, f"\\left\\{{{inside}\\right\\}}"])


def interval(problem: random.Random, style: random.Random, wrong: bool) -> str:
    low, high = problem.randrange(-9, 0), problem.randrange(1, 9) + wrong
    if problem.random() < 0.5:
        return style.choice([f"(-\\infty, {high}]", f"(-\\infty,{high}]", f"\\left(-\\infty, {high}\\right]"])
    return style.choice([f"[{low}, {high})", f"[{low},{high})"])


def surd(problem: random.Random, style: random.Random, wrong: bool) -> str:
    factor, root = problem.randrange(2, 7), problem.choice([2, 3, 5, 7])
    factor += wrong * style.choice([-1, 1])
    if problem.random() < 0.4:
        return style.choice([f"{factor}\\pi", f"{factor} \\pi", f"{factor}\\cdot\\pi"])
    one = "" if factor == 1 else str(factor)
    return style.choice([f"{one}\\sqrt{{{root}}}"] * 2 + [f"{one}\\sqrt{root}", f"\\sqrt{{{factor * factor * root}}}"])


def polynomial(problem: random.Random, style: random.Random, wrong: bool) -> str:
    a, b = problem.sample(range(1, 10), 2)
    b += wrong
    spellings = [f"x^2+{a + b}x+{a * b}", f"x^2 + {a + b}x + {a * b}", f"{a * b}+{a + b}x+x^{{2}}", f"(x+{a})(x+{b})"]
    return style.choice([spellings[0], *spellings])


def rational_function(problem: random.Random, style: random.Random, wrong: bool) -> str:
    a, b = problem.sample(range(1, 10), 2)
    a += 10 * wrong
    spellings = [f"\\frac{{x+{a}}}{{x-{b}}}", f"\\dfrac{{x + {a}}}{{x - {b}}}", f"\\frac{{{a}+x}}{{x-{b}}}"]
    return style.choice(spellings)


def assignment(problem: random.Random, style: random.Random, wrong: bool) -> str:
    value = problem.randrange(1, 100) + wrong
    return style.choice([f"x={value}", f"x = {value}", str(value)])


def equation(problem: random.Random, style: random.Random, wrong: bool) -> str:
    a, b = problem.randrange(2, 9), problem.randrange(1, 9) + wrong
    return style.choice([f"y={a}x+{b}", f"y = {a}x + {b}", f"y={b}+{a}x"])


def text(problem: random.Random, style: random.Random, wrong: bool) -> str:
    at = problem.randrange(len(NAMES))
    name = NAMES[(at + wrong) % len(NAMES)]
    return style.choice([f"\\text{{{name}}}", f"\\text{{ {name}}}", name])


MAKERS: dict[str, Callable[[random.Random, random.Random, bool], str]] = {
    "integer": integer,
    "fraction": fraction,
    "decimal": decimal,
    "percent": percent,
    "pair": pair,
    "set": number_set,
    "interval": interval,
    "surd": surd,
    "polynomial": polynomial,
    "rational function": rational_function,
    "assignment": assignment,
    "equation": equation,
    "text": text,
}


def nested(opening: str, inside: str, closing: str, depth: int) -> str:
    return opening * depth + inside + closing * depth


# Each a function of a number, so that no two of them are the same text.
PATHOLOGIES: dict[str, Callable[[int], str]] = {
    "power tower": lambda n: f"9^{{9^{{9^{{{n + 2}}}}}}}",
    "nested brackets": lambda n: nested("(", str(n), ")", 300),
    "sum": lambda n: f"\\sum_{{k=1}}^{{10^{{9}}}} \\frac{{1}}{{k^2+{n}}}",
    "power of a variable": lambda n: f"(x+{n})^{{9^{{9^9}}}}",
    "nested fractions": lambda n: nested("\\frac{1}{1+", str(n), "}", 30),
    "factorial": lambda n: f"(10^{{10}}+{n})!",
    "product": lambda n: f"\\prod_{{k={n}}}^{{100000}} (x+k)",
    "sine of a tower": lambda n: f"\\sin({n}+10^{{10^{{10}}}})",
    "sum of towers": lambda n: f"9^{{9^9}} + {n} \\cdot 9^{{9^9}} x",
    "nested roots": lambda n: nested("\\sqrt{1+", str(n), "}", 60),
}

assert math.isclose(sum(KINDS.values()), 1.0)
