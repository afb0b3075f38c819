"""Malformed completions: shuffled fragments of everything that rewards parse, cut anywhere."""

from __future__ import annotations

import random
from collections.abc import Iterator

FRAGMENTS = (
    *"<think> </think> <answer> </answer> <explanation> </explanation> <search> </search> <information> </information>".split(),
    *"<tool_call> </tool_call> <tool_response> <strategy id='1'> </strategy> <reasoning> </reasoning> <result> </result>".split(),
    *"\\boxed{ \\frac{1}{ } { $ $$ \\( \\] ```sql ```python ``` ` #### [ ] ( ) \" ' , : ; -- /* */ = <> <<< &amp; %".split(),
    *"SELECT * FROM t WHERE a = 1 ; DROP TABLE t ; UNION ALL WITH RECURSIVE x AS ( ATTACH PRAGMA".split(),
    '{"name": "f", "arguments": {"a": ',
    '"parameters": [1, 2',
    "}}",
    "null",
    "NaN",
    "1e999",
    "-0",
    "9^9^9^9",
    "0x1F",
    "½",
    "١٢٣",
    "1,234.5",
    "50%",
    "The answer is",
    "Risposta:",
    "答案是",
    "A",
    "B)",
    "(C)",
    "option D",
    "true",
    "Doc 1",
    "score: 5",
    "[[A]]",
    "\ud800",
    "\u202e",
    "\x00",
    "\r\n",
    "𝕬",
    "é",
    "a" * 500,
    " " * 200,
    "\n" * 50,
    "word " * 100,
    "<" * 100,
    "(" * 200,
)


def malformed(count: int, seed: int = 0) -> Iterator[str]:
    """``count`` completions, the same for the same seed."""
    rng = random.Random(seed)
    for _ in range(count):
        picked = rng.choices(FRAGMENTS, k=rng.randint(1, 12))
        text = rng.choice(("", " ", "\n")).join(picked)
        yield text[: rng.randint(0, len(text))] if rng.random() < 0.3 else text
