"""What ``guerdon rubric`` shows: a rubric, a run's summary and progress, and what criteria are worth."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from guerdon.rubric import Rubric
    from guerdon.rubrics.run import Progress, Summary
    from guerdon.rubrics.verdicts import CriteriaReport

#: Seconds between lines of progress where there is no terminal.
INTERVAL = 30.0
#: Rows without an example that are shown.
SHOWN = 5


def show_rubric(rubric: Rubric) -> None:
    """A rubric in one line: name, version, criteria, hash."""
    named = " ".join(part for part in (rubric.name, rubric.version) if part) or "rubric"
    hard = sum(criterion.kind == "hard" for criterion in rubric.criteria)
    typer.echo(f"{named}: {len(rubric)} criteria ({hard} hard), hash {rubric.fingerprint}")


def show_summary(summary: Summary, faults: Sequence[str], out: Path) -> None:
    """What a run came to, what it cost, and which rows held no example."""
    from guerdon.cli.tables import duration

    twice = summary.examples - summary.distinct
    typer.echo(
        f"{summary.distinct:,} examples in {duration(summary.seconds)}: {counted(summary.statuses) or 'none'}"
        + (f"; {summary.resumed:,} were finished before" if summary.resumed else "")
        + (f"; {twice:,} given twice" if twice else "")
    )
    typer.echo(f"calls: {counted(summary.calls) or 'none'}")
    if summary.usage:
        spent = ", ".join(f"{name.replace('_', ' ')} {value:,.6g}" for name, value in summary.usage.items())
        typer.echo(f"cost: {spent}")
    for fault in faults[:SHOWN]:
        typer.echo(f"passed over: {fault}", err=True)
    if len(faults) > SHOWN:
        typer.echo(f"passed over: {len(faults) - SHOWN:,} more rows", err=True)
    unanswered = summary.statuses.get("unanswered", 0)
    if unanswered:
        typer.echo(f"{unanswered:,} were not answered; give the command again to ask only about these", err=True)
    typer.echo(f"written to {out}")


def show_report(report: CriteriaReport) -> None:
    """The criteria of a rubric as a table, with what each is worth."""
    from rich.table import Table
    from rich.text import Text

    from guerdon.cli.tables import console, number, share

    screen, told = console(), report.statistics
    screen.print(f"{report.pairs:,} pairs, accuracy {number(report.accuracy)}")
    table = Table(title="criteria", title_justify="left")
    table.add_column("id")
    table.add_column("kind")
    for head in ("covered", "discriminates", "agrees", "chosen", "rejected", "adds"):
        table.add_column(head, justify="right")
    table.add_column("most alike")
    for k, criterion in enumerate(report.rubric.criteria):
        other, alike = report.repeats[k]
        table.add_row(
            Text(criterion.id),
            criterion.kind,
            share(told.coverage[k]),
            number(told.discriminability[k]),
            share(told.agreement[k]),
            share(told.met_by_chosen[k]),
            share(told.met_by_rejected[k]),
            number(report.adds[k]),
            Text(f"{other} {number(alike)}" if other else ""),
        )
    screen.print(table)


def counted(counts: Mapping[str, int]) -> str:
    """Counts in words."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


@contextmanager
def watched(total: int) -> Iterator[Callable[[Progress], None]]:
    """Something to call with each step of a run: a bar in a terminal, a line now and then elsewhere. Ctrl-C ends in one line."""
    try:
        with _progress(total) as watch:
            yield watch
    except KeyboardInterrupt:
        typer.echo("stopped; what was made is kept, give the command again to go on", err=True)
        raise typer.Exit(130) from None


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Progress], None]]:
    if not sys.stderr.isatty():
        last = time.monotonic()

        def told(progress: Progress) -> None:
            nonlocal last
            if time.monotonic() - last >= INTERVAL:
                last = time.monotonic()
                typer.echo(
                    f"{progress.done:,} of {total:,} done, {progress.kept:,} kept, {progress.calls:,} calls", err=True
                )

        yield told
        return
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from guerdon.cli.tables import console

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("rubrics", total=total, said="")

        def drawn(progress: Progress) -> None:
            bar.update(task, completed=progress.done, said=f"{progress.kept:,} kept, {progress.calls:,} calls")

        yield drawn
