"""Errors of the command line: one line that says what is wrong and what to do, exit code 2; the traceback with ``--debug``."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from guerdon.errors import GuerdonError

DEBUG = "--debug"


class OneLineErrors(TyperGroup):
    """A group of commands whose errors are told in one line. ``--debug`` is understood anywhere after the program's name."""

    debug = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        self.debug = DEBUG in args
        return super().parse_args(ctx, [arg for arg in args if arg != DEBUG])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (GuerdonError, OSError, MemoryError) as error:
            if self.debug:
                raise
            typer.echo(f"error: {said(error)}", err=True)
            raise typer.Exit(2) from None


def said(error: BaseException) -> str:
    """What an error says, in one line.

    >>> said(ValueError("two\\nlines"))
    'two lines'
    """
    return " ".join(str(error).split()) or type(error).__name__
