"""What watches a stage while it runs: progress with an ETA, metrics as JSONL, the reward's state and time."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import TrainerCallback

from guerdon.scorer import Scorer

SHOWN = ("reward", "loss", "eval_loss")


class ProgressBar(TrainerCallback):
    """A bar per stage with steps, elapsed and remaining time, and the last figures."""

    def __init__(self, stage: str, console: Console | None = None) -> None:
        columns = (
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
        )
        self.stage = stage
        self.progress = Progress(*columns, console=console or Console(stderr=True))

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.start()
        self.task = self.progress.add_task(self.stage, total=state.max_steps, completed=state.global_step, figures="")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.update(self.task, completed=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        figures = "  ".join(f"{name} {float(logs[name]):.3f}" for name in SHOWN if name in (logs or {}) and logs)
        if figures:
            self.progress.update(self.task, figures=figures)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress.stop()


class Metrics(TrainerCallback):
    """Appends every logged figure to a JSONL file; a resumed stage first drops what it will log again."""

    def __init__(self, file: Path, stage: str) -> None:
        self.file, self.stage = file, stage

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        kept = [
            row for row in read_metrics(self.file) if row["stage"] != self.stage or row["step"] <= state.global_step
        ]
        self.file.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        figures = {name: float(value) for name, value in (logs or {}).items() if _finite(value)}
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"stage": self.stage, "step": state.global_step, **figures}) + "\n")


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file; a line torn by a kill is left out."""
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class RewardState(TrainerCallback):
    """Keeps a stateful reward's state beside every checkpoint, and goes on from it."""

    FILE = "reward_state.json"

    def __init__(self, scorer: Scorer, resume_from: Path | None) -> None:
        self.scorer, self.resume_from = scorer, resume_from

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        saved = self.resume_from / self.FILE if self.resume_from else None
        if saved is not None and saved.exists():
            self.scorer.load_state_dict(json.loads(saved.read_text(encoding="utf-8")))

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        text = json.dumps(self.scorer.state_dict(), default=lambda value: np.asarray(value).tolist())
        (folder / self.FILE).write_text(text, encoding="utf-8")


class TimedReward:
    """A reward function that also logs the seconds it took, so that its share of a step can be seen."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = str(getattr(function, "__name__", "reward"))

    def __call__(self, *args: Any, log_metric: Callable[[str, float], None] | None = None, **kwargs: Any) -> Any:
        started = time.perf_counter()
        values = self.function(*args, log_metric=log_metric, **kwargs)
        if log_metric is not None:
            log_metric(f"{self.__name__}/seconds", time.perf_counter() - started)
        return values
