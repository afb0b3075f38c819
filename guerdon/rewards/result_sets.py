"""Whether two query results are the same."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

Row = tuple[Any, ...]
Rows = Sequence[Row]

TINY = 1e-12  # numbers nearer than this are equal whatever their size
_NOT_A_NUMBER = ("not a number",)


def same_result(
    first: Rows,
    second: Rows,
    *,
    compare: Literal["rows", "ordered", "set"] = "rows",
    tolerance: float = 1e-9,
) -> bool:
    """Whether two results hold the same rows.

    ``"rows"``: as often each, in any order; ``"ordered"``: in the same order; ``"set"``: whatever their order and number. Columns
    are compared by position. NULL equals NULL, 2 equals 2.0, text equals only the same text. A float equals a number
    within ``tolerance``, relative to the larger; unless the order is given, what lies closer together within a column is one
    value. Symmetric. ``n log n`` in the number of rows.

    Raises:
        ValueError: an unknown ``compare``.

    >>> same_result([(1, None), (2, "a")], [(2.0, "a"), (1, None)])
    True
    >>> same_result([(1,), (1,), (2,)], [(1,), (2,)]), same_result([(1,), (1,), (2,)], [(1,), (2,)], compare="set")
    (False, True)
    """
    if compare not in ("rows", "ordered", "set"):
        raise ValueError(f"compare={compare!r} is unknown; choose 'rows', 'ordered' or 'set'")
    if compare != "set" and len(first) != len(second):
        return False
    a, b = [tuple(map(_hashable, row)) for row in first], [tuple(map(_hashable, row)) for row in second]
    if compare == "ordered":
        return all(len(x) == len(y) and all(map(_near(tolerance), x, y)) for x, y in zip(a, b, strict=True))
    collect: Any = set if compare == "set" else Counter
    if collect(a) == collect(b):
        return True
    widths = {len(row) for row in (*a, *b)}
    if tolerance <= 0 or len(widths) != 1:
        return False
    levels = [_levels([row[c] for row in (*a, *b)], tolerance) for c in range(widths.pop())]
    if not any(levels):
        return False
    return bool(collect(_levelled(a, levels)) == collect(_levelled(b, levels)))


def _hashable(cell: Any) -> Any:
    if isinstance(cell, float) and math.isnan(cell):
        return _NOT_A_NUMBER
    if isinstance(cell, (list, tuple)):
        return tuple(map(_hashable, cell))
    return cell


def _near(tolerance: float) -> Any:
    def near(x: Any, y: Any) -> bool:
        if x == y:
            return True
        if not (_is_number(x) and _is_number(y)) or not (isinstance(x, float) or isinstance(y, float)):
            return False
        try:
            return tolerance > 0 and math.isclose(x, y, rel_tol=tolerance, abs_tol=TINY)
        except OverflowError:
            return False

    return near


def _levels(cells: Sequence[Any], tolerance: float) -> dict[Any, int]:
    """Number -> the rank of its cluster, for a column with a float in it; numbers closer than the tolerance share one."""
    numbers = {cell for cell in cells if _is_number(cell)}
    if not any(isinstance(number, float) and math.isfinite(number) for number in numbers):
        return {}
    near = _near(tolerance)
    levels: dict[Any, int] = {}
    rank, before = 0, None
    for number in sorted(numbers):
        if before is not None and not near(before, number):
            rank += 1
        levels[number] = rank
        before = number
    return levels


def _levelled(rows: Rows, levels: Sequence[dict[Any, int]]) -> list[Row]:
    """The rows with every number of a column that has levels in place of its level."""
    return [
        tuple(
            ("level", known[cell]) if known and _is_number(cell) else cell
            for cell, known in zip(row, levels, strict=True)
        )
        for row in rows
    ]


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)
