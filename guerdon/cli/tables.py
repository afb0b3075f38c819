"""What the command line shows after a run: the summary of a scored file."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from guerdon.scoring.summary import Spread, Summary

#: Width where there is no terminal that has one.
WIDTH = 140


def console(*, stderr: bool = False) -> Console:
    """Where to print; text is shown as it is, without markup."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else WIDTH, markup=False, highlight=False, emoji=False)


def number(value: float) -> str:
    """A value as it is shown.

    >>> number(0.123456), number(-2.0), number(-1e-17), number(float("nan"))
    ('0.1235', '-2', '0', '—')
    """
    return "—" if math.isnan(value) else f"{0.0 if abs(value) < 1e-12 else value:.4g}"


def share(value: float) -> str:
    """A share as it is shown.

    >>> share(0.0), share(0.5), share(0.0001), share(-0.0001)
    ('0%', '50%', '<0.1%', '-<0.1%')
    """
    if math.isnan(value):
        return "—"
    sign = "-" if value < 0 else ""
    return f"{sign}<0.1%" if 0 < abs(value) < 0.001 else f"{100 * value:.3g}%"


def duration(seconds: float) -> str:
    """A time as it is shown.

    >>> duration(0.0123), duration(75), duration(7300)
    ('12 ms', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def summary_table(summary: Summary, name: str) -> RenderableType:
    """The table that sums a scored file up: one line for the reward, one for each part."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title="summary", title_justify="left")
    for head in ("", "mean", "std", "min", "max", "unscored", "time"):
        table.add_column(head, justify="left" if not head else "right", overflow="fold")
    for head in ("counts", "outcomes"):
        table.add_column(head, overflow="fold")
    table.add_row(Text(name, style="bold"), *_spread(summary.reward), "", "", "")
    for path, spread in summary.parts.items():
        report = summary.report
        seconds = report.seconds.get(path)
        table.add_row(
            Text(path),
            *_spread(spread),
            "" if seconds is None else duration(seconds),
            Text(_counts(report.counters.get(path, {}))),
            Text(_counts(report.outcomes.get(path, {}))),
        )
    return Group(table, *(Text(line) for line in _lines(summary)))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what.replace('_', ' ')} {count:,}" for what, count in sorted(counts.items()))


def _lines(summary: Summary) -> list[str]:
    speed = f", {summary.rows / summary.seconds:,.0f} rows/s" if summary.seconds > 0 and summary.rows else ""
    lines = [f"{summary.rows:,} rows scored in {duration(summary.seconds)}{speed}; {summary.rejected:,} rejected"]
    if summary.groups:
        flat = share(summary.zero_variance / summary.groups)
        groups = f"{summary.groups:,} group{'s' * (summary.groups > 1)}"
        lines.append(
            f"{groups}: std within a group {number(summary.within_group_std)} on average, "
            f"{summary.zero_variance:,} without variance ({flat})"
        )
    else:
        lines.append("no groups: no two scored rows answer the same prompt")
    return lines


def _spread(spread: Spread) -> tuple[str, ...]:
    return (number(spread.mean), number(spread.std), number(spread.low), number(spread.high), share(spread.unscored))
