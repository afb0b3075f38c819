"""``guerdon score``: score a file of completions."""

from __future__ import annotations

import json
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.errors import UserError

if TYPE_CHECKING:
    from guerdon.reward import Reward
    from guerdon.scoring.engine import Engine as Evaluator
    from guerdon.scoring.run import Finished, Start

#: Rejected rows that are shown.
SHOWN = 5


class Engine(StrEnum):
    """Where rewards are computed."""

    LOCAL = "local"
    RAY = "ray"


def score(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A .jsonl, .jsonl.gz or .parquet file, a dataset folder (FOLDER or FOLDER:SPLIT), or HUB-ID[:CONFIG]:SPLIT.",
            show_default=False,
        ),
    ],
    reward: Annotated[
        str,
        typer.Option("--reward", "-r", metavar="SPEC", help="A YAML file, paper:<slug>, or YAML.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="What to write: .jsonl or .parquet.", show_default=False)
    ],
    engine: Annotated[
        Engine, typer.Option(help="Where rewards are computed: here, or on a Ray cluster.")
    ] = Engine.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Ray workers [as many as there is room for].", show_default=False)
    ] = None,
    gpus: Annotated[float, typer.Option(min=0.0, help="GPUs of each Ray worker.")] = 0.0,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of prompts ['prompt' if there].", show_default=False),
    ] = None,
    completion: Annotated[str, typer.Option(metavar="COLUMN", help="The column of completions.")] = "completion",
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Rows equal in it are siblings [rows of equal prompts].", show_default=False
        ),
    ] = None,
    name: Annotated[
        str, typer.Option("--as", metavar="NAME", help="The name of the columns that are added.")
    ] = "reward",
    step: Annotated[
        int | None, typer.Option(min=0, help="The training step, for rewards with a schedule.", show_default=False)
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Rows scored together; more where a group would be cut.")
    ] = 1024,
    limit: Annotated[int | None, typer.Option(min=1, help="Score only the first rows.", show_default=False)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Begin a run that was stopped anew.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a finished output.")] = False,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Score the rows of a finished output again that an instrument failed on."),
    ] = False,
    explain: Annotated[
        int, typer.Option(metavar="K", min=0, help="Show the K best and K worst samples with the reward's tree.")
    ] = 0,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="Show how much of the advantage each term of the reward carries.")
    ] = False,
) -> None:
    """Score DATA with a reward and write its columns with the reward, its parts and notes.

    Rows are streamed, so memory stays flat. A run that was stopped, in whatever way, goes on with --resume. Rows that cannot be
    scored are kept in FILE.rejected.jsonl. After an outage of a judge or another instrument, --retry-failed scores only the rows
    again that it failed on.
    """
    from guerdon.cli.progress import watched
    from guerdon.scoring.data import open_data
    from guerdon.scoring.job import Job
    from guerdon.scoring.retry import RetryRun
    from guerdon.scoring.run import Run, Start

    job = Job(
        data=open_data(data),
        reward=reward_from(reward),
        out=out,
        prompt=prompt,
        completion=completion,
        group=group,
        value=name,
        step=step,
        limit=limit,
        batch_size=batch_size,
    )
    start = _start(resume=resume, restart=restart, overwrite=overwrite)
    if retry_failed and (start is not Start.NEW or engine is not Engine.LOCAL):
        raise UserError(f"--retry-failed does not go with {f'--{start}' if start is not Start.NEW else '--engine ray'}")
    evaluator = _engine(engine, workers, gpus, job.reward)
    with RetryRun(job) if retry_failed else Run(job, start, engine=evaluator) as run:
        try:
            with watched(limit) as watch:
                finished = run.finish(watch)
        except KeyboardInterrupt:
            typer.echo("stopped; what was scored is kept, go on with --resume", err=True)
            raise typer.Exit(130) from None
        _show(finished, explain=explain, diagnose=diagnose)


def reward_from(spec: str) -> Reward:
    """The reward that a YAML file of any name, ``paper:<slug>`` or inline YAML describes.

    Raises:
        SpecError: it cannot be read, or describes something else than a reward.
    """
    from guerdon.spec import reward_from_spec

    return reward_from_spec(Path(spec) if _is_file(spec) else spec)


def _is_file(spec: str) -> bool:
    try:
        return Path(spec).is_file()
    except (OSError, ValueError):
        return False


def _engine(engine: Engine, workers: int | None, gpus: float, reward: Reward) -> Evaluator:
    from guerdon.scoring.ahead import AheadEngine, waits
    from guerdon.scoring.engine import LocalEngine

    if engine is Engine.RAY:
        from guerdon.integrations.ray_score import RayEngine

        return RayEngine(workers, gpus=gpus)
    if workers is not None or gpus:
        raise UserError("--workers and --gpus are for --engine ray; the local engine has one worker, this process")
    return AheadEngine() if waits(reward) else LocalEngine()


def _start(*, resume: bool, restart: bool, overwrite: bool) -> Start:
    from guerdon.scoring.run import Start

    asked = [start for start, given in zip(list(Start)[1:], (resume, restart, overwrite), strict=True) if given]
    if len(asked) > 1:
        raise UserError(f"--{asked[0]} and --{asked[1]} contradict each other; give one")
    return asked[0] if asked else Start.NEW


def _show(finished: Finished, *, explain: int, diagnose: bool) -> None:
    from guerdon.cli.tables import console, summary_table

    job = finished.job
    screen = console()
    screen.print(summary_table(finished.summary, job.value))
    for warning in finished.warnings:
        typer.echo(f"note: {warning}", err=True)
    if finished.summary.rejected:
        _show_rejected(job.rejected, finished.summary.rejected)
    if explain or diagnose:
        from guerdon.cli.reports import show_diagnosis, show_extremes
        from guerdon.scoring.recorded import open_ledger

        with open_ledger(finished) as ledger:
            if explain:
                show_extremes(screen, job, ledger, explain)
            if diagnose:
                show_diagnosis(screen, job, ledger)
    screen.print(
        f"{'written to' if finished.ledger is not None else 'nothing was left to do for'} {job.out}", soft_wrap=True
    )


def _show_rejected(kept: Path, number: int) -> None:
    typer.echo(f"{number:,} rows rejected, kept in {kept}", err=True)
    with kept.open("rb") as file:
        for line in islice(file, SHOWN):
            said = json.loads(line)
            unit = "line" if "line" in said else "row"
            typer.echo(f"  {unit} {said[unit]}: {said['reason']}", err=True)
    if number > SHOWN:
        typer.echo(f"  and {number - SHOWN:,} more", err=True)
