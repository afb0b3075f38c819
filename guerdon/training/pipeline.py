"""A run from its file to its report: stages in order, each resumable, then evaluation."""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from guerdon.errors import MissingExtra, UserError
from guerdon.training.runfile import BASE, RunFile

PACKAGES = ("guerdon", "trl", "transformers", "torch", "peft", "numpy")
Say = Callable[[str], None]


def train(
    run: RunFile, *, resume: bool = False, overwrite: bool = False, progress: bool = True, say: Say = print
) -> Path:
    """Run every stage, evaluate, and write the report; the path of report.html.

    With ``resume`` finished stages are kept and an unfinished one goes on from its last checkpoint, in the same order of data.

    Raises:
        UserError: the output folder holds another run, or a run and neither ``resume`` nor ``overwrite`` is said.
        MissingExtra: the training libraries are not installed.
    """
    _need_libraries()
    from guerdon.training.report import write_report
    from guerdon.training.stages import run_stage

    folder = Path(run.output)
    _open_folder(run, folder, resume, overwrite)
    models = {BASE: folder / "base"}
    if not (models[BASE] / "config.json").exists():
        _save_base(run, models[BASE])
    seconds = _read(folder / "seconds.json")
    for stage in run.stages:
        own = folder / "stages" / stage.name
        models[stage.name] = own / "model"
        if models[stage.name].exists():
            say(f"stage {stage.name}: already trained")
            continue
        started = time.perf_counter()
        run_stage(run, stage, models[run.start_of(stage)], own, folder / "metrics.jsonl", progress=progress)
        seconds[stage.name] = seconds.get(stage.name, 0.0) + time.perf_counter() - started
        _write(folder / "seconds.json", seconds)
        say(f"stage {stage.name}: {seconds[stage.name]:.0f} s")
    return write_report(run, folder, models, seconds, say=say)


def _need_libraries() -> None:
    for package, extra in (
        ("torch", "lm"),
        ("transformers", "lm"),
        ("trl", "train"),
        ("datasets", "train"),
        ("jinja2", "report"),
    ):
        try:
            version(package)
        except PackageNotFoundError:
            raise MissingExtra(package, extra=extra) from None


def _open_folder(run: RunFile, folder: Path, resume: bool, overwrite: bool) -> None:
    kept = folder / "run.json"
    said = json.loads(run.model_dump_json())
    if kept.exists():
        if overwrite:
            shutil.rmtree(folder)
        elif not resume:
            raise UserError(
                f"{folder} already holds a run; say --resume to go on with it, --overwrite to start anew, or set output"
            )
        elif (before := _read(kept))["run"] != said:
            changed = sorted(key for key in said if said[key] != before["run"].get(key))
            raise UserError(
                f"{folder} holds a run that differs in {', '.join(changed)}; resume it with its own file, or set output"
            )
    folder.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        _write(
            kept,
            {"run": said, "versions": {name: _version(name) for name in PACKAGES}, "python": platform.python_version()},
        )


def _save_base(run: RunFile, folder: Path) -> None:
    from guerdon.data.mixed_quality import mixed_quality
    from guerdon.training.policy import save_base
    from guerdon.training.questions import answer_text, load_rows, question_text

    texts: list[str] = []
    if run.policy.model == "tiny":
        rows = load_rows(run.data, run.data.train)
        mixed = any(stage.quality == "mixed" for stage in run.stages)
        said = [*rows, *(mixed_quality(rows, run.seed) if mixed else ())]
        texts = [question_text(row, run.data.instruction) + answer_text(row, run.data) for row in said]
    partial = folder.with_name("base.partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_base(run.policy, partial, texts, run.data.tags, run.seed)
    partial.rename(folder)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _write(path: Path, content: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    partial.rename(path)
