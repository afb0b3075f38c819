"""Progress of a run on standard error: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from guerdon.cli.tables import console, duration

if TYPE_CHECKING:
    from guerdon.scoring.run import Progress

#: Seconds between lines where there is no terminal.
INTERVAL = 30.0


@contextmanager
def watched(limit: int | None = None) -> Iterator[Callable[[Progress], None]]:
    """A function to call with each step of a run."""
    if sys.stderr.isatty():
        with _bar(limit) as watch:
            yield watch
    else:
        yield _lines(limit)


def share_done(progress: Progress, limit: int | None) -> float | None:
    """How much is done, 0 to 1, None where that is not known: of the data, or of the rows asked for."""
    asked = (progress.rows + progress.rejected) / limit if limit else None
    shares = [share for share in (progress.share, asked) if share is not None]
    return min(1.0, max(shares)) if shares else None


@contextmanager
def _bar(limit: int | None) -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("scoring"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"))
    started = time.monotonic()
    with Bar(*columns, TimeRemainingColumn(), console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("scoring", total=None, said="")

        def watch(progress: Progress) -> None:
            done = share_done(progress, limit)
            speed = progress.session / max(1e-9, time.monotonic() - started)
            said = f"{progress.rows:,} rows, {speed:,.0f} rows/s"
            bar.update(task, total=None if done is None else 1.0, completed=done or 0.0, said=said)

        yield watch


def _lines(limit: int | None) -> Callable[[Progress], None]:
    started = last = time.monotonic()
    first: float | None = None

    def watch(progress: Progress) -> None:
        nonlocal last, first
        now, done = time.monotonic(), share_done(progress, limit)
        first = done if first is None else first
        if now - last < INTERVAL:
            return
        last = now
        said = [f"{progress.rows:,} rows", f"{progress.session / (now - started):,.0f} rows/s"]
        if done is not None:
            said.append(f"{done:.0%}")
            if first is not None and done > first:
                said.append(f"{duration((now - started) * (1 - done) / (done - first))} left")
        print(f"scoring: {', '.join(said)}", file=sys.stderr, flush=True)

    return watch
