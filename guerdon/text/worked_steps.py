"""Worked arithmetic: the steps ``<<expression=value>>`` and the final ``#### number`` of an answer, checked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from guerdon.text.arithmetic import arithmetic

_STEP = re.compile(r"<<([^<>=]{1,1000})=([^<>=]{1,200})>>([^<>]{0,200})")
_FINAL = re.compile(r"#### (-?\d{1,300}(?:\.\d{1,300})?)(?!\d|,\d|\.\d)")


@dataclass(frozen=True, slots=True)
class WorkedSteps:
    """Whether every step is right, and whether the last step's value is the final answer; None where there is no final answer."""

    steps: bool | None
    answer: bool | None


def check_worked_steps(claims: str, answer: str) -> WorkedSteps:
    """What a calculator says of ``claims``, steps ``<<expression=value>>claim`` with ``", "`` between, and of the answer's end.

    A step is right where its expression has the value in the brackets, and the claim behind them, where there is one, says
    the same. A step or claim that cannot be computed makes both wrong. Without a plain number after ``#### `` (a dollar sign
    or thousands separator is not plain) neither is known.

    Source: Themis 2023 (arXiv 2310.01045), released code.

    >>> check_worked_steps("<<2+2=5>>5, <<10+0=10>>10", "so #### 10")
    WorkedSteps(steps=False, answer=True)
    >>> check_worked_steps("<<2+2=4>>4", "so $4")
    WorkedSteps(steps=None, answer=None)
    """
    final = _FINAL.search(answer)
    if final is None:
        return WorkedSteps(None, None)
    right, computed = True, math.nan
    try:
        for step in claims.split(", "):
            found = _STEP.fullmatch(step.strip())
            if found is None:
                return WorkedSteps(False, False)
            computed = float(arithmetic(found[1]))
            said = [float(found[2])] + ([float(found[3])] if found[3].strip() else [])
            right = right and all(_same(one, computed) for one in said)
    except (ValueError, OverflowError):
        return WorkedSteps(False, False)
    return WorkedSteps(right, _same(float(final[1]), computed))


def _same(said: float, computed: float) -> bool:
    return math.isclose(said, computed, rel_tol=1e-9, abs_tol=1e-9)
