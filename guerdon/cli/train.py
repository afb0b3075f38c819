"""``guerdon train``: run the stages of a run file and write the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    run: Annotated[Path, typer.Argument(help="The run file (YAML).")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Set a value of the run file; may be repeated.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that the output folder holds.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the run that the output folder holds.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Train a policy with the stages of a run file, then compare the systems and write the report."""
    from guerdon.training.pipeline import train as run_all
    from guerdon.training.runfile import read_run

    run_all(read_run(run, settings or ()), resume=resume, overwrite=overwrite, progress=not quiet, say=typer.echo)
