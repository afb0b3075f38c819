"""``guerdon rubric``: generate rubrics from examples, check what their criteria are worth, prune those that add nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guerdon.cli.rubric_output import counted, show_report, show_rubric, show_summary, watched
from guerdon.errors import SpecError, UserError, closest

if TYPE_CHECKING:
    from guerdon.models.chat import ChatModel
    from guerdon.rubric import Rubric
    from guerdon.rubrics.examples import Example
    from guerdon.rubrics.method import Method
    from guerdon.rubrics.verdicts import CriteriaReport

METHODS = ("contrastive", "prompt_only", "contrast_then_synthesis", "externalised", "nugget_extraction")

app = typer.Typer(no_args_is_help=True, help="Generate, check and prune rubrics.")

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA", help="As for `guerdon score`: a file, a folder, or HUB-ID:SPLIT.", show_default=False
    ),
]
Chat = Annotated[
    str, typer.Option("--chat", metavar="SPEC", help="The chat model: a YAML file, or YAML.", show_default=False)
]
Window = Annotated[int, typer.Option(min=1, help="Examples worked on at a time.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Use only the first rows.", show_default=False)]
Restart = Annotated[bool, typer.Option("--restart", help="Begin anew instead of going on with what --out holds.")]


@app.command()
def generate(
    data: Data,
    chat: Chat,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The .jsonl file to append to.", show_default=False)
    ],
    method: Annotated[
        str, typer.Option("--method", "-m", metavar="METHOD", help=f"{', '.join(METHODS)}, or a YAML file or YAML.")
    ] = "contrastive",
    judge: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="The chat model that checks [the one that writes].", show_default=False),
    ] = None,
    merge: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also bring all down to one rubric, a .yaml file.", show_default=False),
    ] = None,
    themes: Annotated[int, typer.Option(min=1, help="Most criteria of the merged rubric.")] = 5,
    limit: Limit = None,
    window: Window = 64,
    restart: Restart = False,
) -> None:
    """Generate a rubric for every example of DATA and keep those that pass the method's own check.

    A run that was stopped goes on when the command is given again; nothing that was answered is asked again.
    """
    from guerdon.rubrics.run import generate as run

    writer, checker = model_from(chat, "--chat"), model_from(judge, "--judge") if judge else None
    examples = _Examples(data, limit)
    with watched(examples.total) as watch:
        summary = run(
            examples,
            method_from(method),
            out,
            chat=writer,
            judge=checker,
            window=window,
            restart=restart,
            watch=watch,
        )
    show_summary(summary, examples.faults, out)
    if merge is not None:
        _merge(out, merge, writer, themes)


@app.command()
def check(
    rubric: Annotated[
        Path,
        typer.Argument(metavar="RUBRIC", help="A .yaml or .json file, or a .jsonl of `generate`.", show_default=False),
    ],
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="Pairs of chosen and rejected answers to judge.", show_default=False),
    ] = None,
    chat: Annotated[
        str | None, typer.Option(metavar="SPEC", help="The judge; needed with DATA.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where verdicts go; .jsonl.", show_default=False)
    ] = None,
    chunk: Annotated[int, typer.Option(min=0, help="Most criteria in one request; 0 for all.")] = 0,
    levels: Annotated[int, typer.Option(min=2, max=10, help="Grades of a soft criterion; 2 is yes or no.")] = 2,
    limit: Limit = None,
    window: Window = 64,
    restart: Restart = False,
) -> None:
    """Check that RUBRIC is valid; with DATA, also how well each criterion tells chosen from rejected answers.

    The verdicts in --out are what `guerdon rubric prune` reads. A run that was stopped goes on when the command is given again.
    """
    if rubric.suffix in (".jsonl", ".ndjson"):
        if data is not None:
            raise UserError("DATA is judged by one rubric, a .yaml or .json file; merge generated ones first")
        return _check_generated(rubric)
    from guerdon.rubric import load_rubric

    loaded = load_rubric(rubric)
    if data is not None and (chat is None or out is None):
        raise UserError("with DATA give the judge with --chat and a file for the verdicts with --out")
    show_rubric(loaded)
    if data is None or chat is None or out is None:
        return None
    from guerdon.models.protocols.checklist import Checklist
    from guerdon.rubrics.run import generate as run
    from guerdon.rubrics.verdicts import PairVerdicts

    method = PairVerdicts(loaded, Checklist(chunk=chunk, levels=levels))
    examples = _Examples(data, limit)
    with watched(examples.total) as watch:
        summary = run(
            examples, method, out, chat=model_from(chat, "--chat"), window=window, restart=restart, watch=watch
        )
    show_summary(summary, examples.faults, out)
    show_report(_report(loaded, out))
    return None


@app.command()
def prune(
    rubric: Annotated[Path, typer.Argument(metavar="RUBRIC", help="A .yaml or .json file.", show_default=False)],
    verdicts: Annotated[
        Path, typer.Argument(metavar="VERDICTS", help="What `guerdon rubric check --out` wrote.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The .yaml or .json file to write.", show_default=False)
    ],
    tolerance: Annotated[float, typer.Option(min=0.0, help="How much accuracy may be lost, 0 to 1.")] = 0.0,
    least: Annotated[int, typer.Option(min=1, help="How many criteria stay at least.")] = 1,
    keep_hard: Annotated[bool, typer.Option("--keep-hard", help="Never drop a hard criterion.")] = False,
    version: Annotated[str | None, typer.Option(help="The version of the result.", show_default=False)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Drop the criteria of RUBRIC that the verdicts show to be redundant: without them it orders as many pairs as before."""
    from guerdon.cli.tables import number
    from guerdon.rubric import load_rubric, save_rubric
    from guerdon.rubrics.records import read_records
    from guerdon.rubrics.verdicts import prune as pruned
    from guerdon.rubrics.verdicts import verdict_matrices

    if out.exists() and not overwrite:
        raise UserError(f"{out} is there already; choose another --out, or give --overwrite")
    loaded = load_rubric(rubric)
    chosen, rejected = verdict_matrices(read_records(verdicts), loaded)
    result = pruned(loaded, chosen, rejected, tolerance=tolerance, least=least, keep_hard=keep_hard, version=version)
    save_rubric(result.rubric, out)
    typer.echo(f"{len(chosen):,} pairs, accuracy {number(result.accuracies[0])}")
    for id, accuracy in zip(result.dropped, result.accuracies[1:], strict=True):
        typer.echo(f"without {id}: {number(accuracy)}")
    typer.echo(f"{len(result.rubric)} of {len(loaded)} criteria stay: {', '.join(result.rubric.ids)}; written to {out}")


def model_from(spec: str, option: str) -> ChatModel:
    """The chat model that a YAML file or inline YAML describes.

    Raises:
        SpecError: it cannot be read, or describes something else.
    """
    from guerdon.models.chat import ChatModel

    built = _built(spec)
    if not isinstance(built, ChatModel):
        raise SpecError(
            f"{option} {spec!r:.80} describes a {type(built).__name__}, not a chat model; begin with 'chat: <name>'"
        )
    return built


def method_from(spec: str) -> Method:
    """The method of a name, a YAML file or inline YAML.

    Raises:
        SpecError: there is none.
    """
    from guerdon.rubrics.method import Method

    if spec.replace("-", "_").isidentifier():
        name = spec.replace("-", "_")
        if name not in METHODS:
            raise SpecError(f"--method {spec!r} is unknown; {closest(name, METHODS)}")
        built = _built(json.dumps({"rubric_method": name}))
    else:
        built = _built(spec)
    if not isinstance(built, Method):
        raise SpecError(f"--method {spec!r:.80} describes a {type(built).__name__}; begin with 'rubric_method: <name>'")
    return built


def _built(spec: str) -> Any:
    from guerdon.spec import from_spec

    try:
        is_file = Path(spec).is_file()
    except (OSError, ValueError):
        is_file = False
    return from_spec(Path(spec) if is_file else spec)


class _Examples:
    """The examples of a file; rows that hold none are counted and passed over."""

    def __init__(self, data: str, limit: int | None) -> None:
        from guerdon.scoring.data import open_data

        self.source, self.limit = open_data(data), limit
        self.faults: list[str] = []
        self.total = sum(1 for _ in islice(self.source.rows(), limit))

    def __iter__(self) -> Iterator[Example]:
        from guerdon.rubrics.examples import example_of

        self.faults = []
        for row in islice(self.source.rows(), self.limit):
            where = f"{self.source.unit} {row.after.number}"
            if row.fault:
                self.faults.append(f"{where}: {row.fault}")
                continue
            try:
                yield example_of(row.record, where=where)
            except UserError as fault:
                self.faults.append(str(fault))


def _merge(generated: Path, out: Path, writer: ChatModel, themes: int) -> None:
    from guerdon.rubric import rubric_of, save_rubric
    from guerdon.rubrics.method import Status
    from guerdon.rubrics.records import read_records
    from guerdon.rubrics.run import generated as run
    from guerdon.rubrics.themes import Themes, criteria_of

    kept = [record["rubric"] for record in read_records(generated) if record.get("status") == Status.KEPT]
    rubrics = [rubric for said in kept if (rubric := rubric_of(said)) is not None]
    if not rubrics:
        raise UserError(f"{generated} holds no rubric that was kept; there is nothing to merge")
    [(_, made)] = run([criteria_of(rubrics)], Themes(most=themes), chat=writer)
    if made.rubric is None:
        raise UserError(f"the rubrics could not be merged: {made.reason}")
    save_rubric(made.rubric, out)
    typer.echo(f"{len(rubrics):,} rubrics merged into {len(made.rubric)} criteria, written to {out}")


def _check_generated(path: Path) -> None:
    from guerdon.rubric import rubric_of
    from guerdon.rubrics.records import read_records

    sizes, faults, statuses = [], [], dict[str, int]()
    for record in read_records(path):
        status = str(record.get("status", "unknown"))
        statuses[status] = statuses.get(status, 0) + 1
        try:
            rubric = rubric_of(record.get("rubric"), name=f"id {record.get('id')}")
        except UserError as fault:
            faults.append(str(fault))
            continue
        if rubric is not None:
            sizes.append(len(rubric))
    typer.echo(f"{sum(statuses.values()):,} examples: {counted(statuses)}")
    if sizes:
        typer.echo(
            f"{len(sizes):,} rubrics of {sum(sizes) / len(sizes):.1f} criteria on average, {min(sizes)} to {max(sizes)}"
        )
    if faults:
        raise UserError(f"{len(faults)} rubrics are not valid; the first: {faults[0]}")


def _report(rubric: Rubric, verdicts: Path) -> CriteriaReport:
    from guerdon.rubrics.records import read_records
    from guerdon.rubrics.verdicts import criteria_report, verdict_matrices

    return criteria_report(rubric, *verdict_matrices(read_records(verdicts), rubric))
