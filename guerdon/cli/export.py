"""``guerdon export``: write what a trainer needs to use a reward."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guerdon.errors import UserError


def export(
    trainer: Annotated[
        str,
        typer.Argument(
            metavar="TRAINER",
            help="trl, unsloth, axolotl, verl, openrlhf, slime, swift, skyrl, verifiers, inspect-ai, nemo-gym, llama-factory.",
            show_default=False,
        ),
    ],
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="A YAML file, paper:<slug>, or YAML.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write it [its usual name].", show_default=False),
    ] = None,
    at: Annotated[
        str, typer.Option(help="Where samples meet if the trainer asks one by one: local, ray, or a server's URL.")
    ] = "local",
    group_size: Annotated[
        int | None,
        typer.Option(min=1, help="Rollouts per prompt, for rewards that compare siblings.", show_default=False),
    ] = None,
    fallback: Annotated[
        float, typer.Option(help="The number for a rollout that could not be scored, where a trainer must have one.")
    ] = 0.0,
    url: Annotated[str, typer.Option(help="The server, for trainers that ask one.")] = "http://127.0.0.1:8000",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write the file with which TRAINER uses the reward SPEC, and say what to set."""
    from guerdon.cli.score import reward_from
    from guerdon.integrations.exports import export as exported

    made = exported(
        trainer, reward_from(spec), path=str(out or ""), at=at, group_size=group_size, fallback=fallback, url=url
    )
    target = Path(made.file)
    if target.exists() and not overwrite:
        raise UserError(f"{target} is there already; give --overwrite or another --out")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(made.text, encoding="utf-8")
    typer.echo(f"written to {target}\n\n{made.use}")
