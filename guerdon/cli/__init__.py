"""The command line: ``guerdon score``, ``papers``, ``serve``, ``train``."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Annotated

import typer

from guerdon.cli import export, papers, rubric, score, serve
from guerdon.cli.faults import OneLineErrors

app = typer.Typer(
    name="guerdon",
    cls=OneLineErrors,
    help="The reward layer for reinforcement learning of language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from guerdon import __version__

        typer.echo(f"guerdon {__version__}")
        raise typer.Exit


@app.callback()
def guerdon(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from; after any command.")] = False,
) -> None:
    """The reward layer for reinforcement learning of language models."""


app.command()(score.score)
app.command()(papers.papers)
app.add_typer(rubric.app, name="rubric")
app.command()(serve.serve)
app.command()(export.export)
with suppress(ImportError):  # without what it needs, the other commands still work
    app.command()(import_module("guerdon.cli.train").train)
