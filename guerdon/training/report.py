"""The report of a run: a self-contained HTML page with pictures, and a plain table for the terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from guerdon.shaping.intervals import Interval
from guerdon.training.callbacks import read_metrics
from guerdon.training.charts import histograms, lines
from guerdon.training.evaluate import LENGTH, TOTAL, Answers, answer_all, by, difference, tournament
from guerdon.training.questions import question_text
from guerdon.training.runfile import RunFile

SHOWN_SAMPLES = 8


def write_report(
    run: RunFile,
    folder: Path,
    models: Mapping[str, Path],
    seconds: Mapping[str, float],
    *,
    say: Callable[[str], None] = print,
) -> Path:
    """Evaluate the systems, print their table, and write report.html, results.json and the completions beside it."""
    (folder / "completions").mkdir(exist_ok=True)
    languages = run.evaluation.languages or [run.data.language or ""]
    found: dict[str, list[Answers]] = {}
    for language in languages:
        found[language] = []
        for system in run.evaluation.systems:
            file = folder / "completions" / f"{system}{'-' + language if language else ''}.json"
            found[language].append(answer_all(run, system, models[system], language, file))
        say("")
        say(
            f"Held-out questions{' (' + language + ')' if language else ''}: {len(found[language][0].rows)}, "
            f"{run.evaluation.samples} samples each, mean [95% interval over questions]"
        )
        say(terminal_table(found[language]))
    main = found[languages[0]]
    comparisons = _comparisons(run, main)
    for line in comparisons:
        say(line["text"])
    results = {language: _results(answers) for language, answers in found.items()}
    metrics = read_metrics(folder / "metrics.jsonl")
    cost = reward_share(metrics)
    if not math.isnan(cost):
        say(f"Reward computation took {cost:.1%} of the time of GRPO steps.")
    summary = {"results": results, "comparisons": comparisons, "seconds": dict(seconds), "reward_share_of_step": cost}
    (folder / "results.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    page = folder / "report.html"
    page.write_text(_page(run, folder, found, comparisons, metrics, seconds, cost), encoding="utf-8")
    say(f"report: {page}")
    return page


def terminal_table(answers: Sequence[Answers]) -> str:
    """Systems by parts, with intervals, as plain text."""
    parts = [*answers[0].parts]
    width = max(len(each.system) for each in answers) + 2
    head = " " * width + "".join(f"{part:>26}" for part in parts)
    rows = [
        f"{each.system:<{width}}" + "".join(f"{_interval(each.mean(part)):>26}" for part in parts) for each in answers
    ]
    return "\n".join([head, *rows])


def reward_share(metrics: Sequence[Mapping[str, Any]]) -> float:
    """Share of the GRPO steps' time that the reward took; NaN where it was not logged."""
    spent = [
        (value, row["step_time"])
        for row in metrics
        if "step_time" in row
        for name, value in row.items()
        if name.endswith("/seconds")
    ]
    steps = sum(step for _, step in spent)
    return sum(part for part, _ in spent) / steps if steps else math.nan


def _interval(interval: Interval) -> str:
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _comparisons(run: RunFile, answers: Sequence[Answers]) -> list[dict[str, Any]]:
    if run.evaluation.compare is None:
        return []
    named = {each.system: each for each in answers}
    ours, other = (named[name] for name in run.evaluation.compare)
    lines_ = []
    for part in ours.parts:
        if part == LENGTH:
            continue
        gap = difference(ours, other, part)
        if math.isnan(gap.estimate):
            continue
        verdict = "higher" if gap.low > 0 else "lower" if gap.high < 0 else "no clear difference"
        text = (
            f"{ours.system} - {other.system}, {part}: {gap.estimate:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] ({verdict})"
        )
        lines_.append(
            {"part": part, "estimate": gap.estimate, "low": gap.low, "high": gap.high, "verdict": verdict, "text": text}
        )
    return lines_


def _results(answers: Sequence[Answers]) -> dict[str, Any]:
    return {
        each.system: {part: dict(zip(("mean", "low", "high"), each.mean(part), strict=True)) for part in each.parts}
        for each in answers
    }


def _page(
    run: RunFile,
    folder: Path,
    found: Mapping[str, Sequence[Answers]],
    comparisons: Sequence[Mapping[str, Any]],
    metrics: Sequence[Mapping[str, Any]],
    seconds: Mapping[str, float],
    cost: float,
) -> str:
    from jinja2 import Environment, PackageLoader, select_autoescape

    environment = Environment(
        loader=PackageLoader("guerdon.training"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    main = next(iter(found.values()))
    return environment.get_template("report.html.j2").render(
        run=run,
        kept=json.loads((folder / "run.json").read_text(encoding="utf-8")),
        tables={language: _table(answers) for language, answers in found.items()},
        comparisons=comparisons,
        charts=[chart for chart in _charts(main, metrics) if chart],
        subjects=_by_subject(main),
        elo=tournament(main),
        samples=_samples(main),
        seconds=seconds,
        cost=None if math.isnan(cost) else cost,
    )


def _table(answers: Sequence[Answers]) -> dict[str, Any]:
    parts = list(answers[0].parts)
    rows = [{"system": each.system, "cells": [_interval(each.mean(part)) for part in parts]} for each in answers]
    return {"parts": parts, "rows": rows, "questions": len(answers[0].rows)}


def _charts(answers: Sequence[Answers], metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    charts = []
    for stage in dict.fromkeys(str(row["stage"]) for row in metrics if "reward" in row):
        rows = [row for row in metrics if row["stage"] == stage and "reward" in row]
        parts = [
            name for name in rows[0] if "/" in name and any(name.endswith(f"/{part}") for part in answers[0].parts)
        ]
        series = {name.rpartition("/")[2]: _column(rows, name) for name in ["reward", *parts]}
        charts.append(lines(f"{stage}: reward and its parts over steps", series, smooth=10))
        charts.append(
            lines(
                f"{stage}: completion length, tokens", {"tokens": _column(rows, "completions/mean_length")}, smooth=10
            )
        )
        flat = {"share": _column(rows, "frac_reward_zero_std")}
        charts.append(lines(f"{stage}: groups without any spread of reward", flat, smooth=10, span=(0.0, 1.0)))
    losses: dict[str, tuple[list[float], list[float]]] = {}
    for row in metrics:
        for name, key in (("loss", "loss"), ("eval_loss", "validation")):
            if name in row and "reward" not in row:
                x, y = losses.setdefault(f"{row['stage']} {key}", ([], []))
                x.append(row["step"])
                y.append(row[name])
    charts.append(lines("Loss of the supervised stages", losses))
    for part in answers[0].parts:
        charts.append(
            histograms(
                f"{part} on held-out questions", {each.system: each.parts[part].ravel().tolist() for each in answers}
            )
        )
    return charts


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    kept = [(float(row["step"]), float(row[name])) for row in rows if name in row]
    return [x for x, _ in kept], [y for _, y in kept]


def _by_subject(answers: Sequence[Answers]) -> dict[str, Any]:
    tables = {each.system: by(each, "subject", TOTAL) for each in answers}
    subjects = sorted({subject for table in tables.values() for subject in table})
    return {
        "subjects": subjects,
        "rows": {system: [table.get(s, math.nan) for s in subjects] for system, table in tables.items()},
    }


def _samples(answers: Sequence[Answers]) -> list[dict[str, Any]]:
    """Questions spread over the range of the last system's scores, each with what every system said first."""
    order = np.argsort(answers[-1].items(TOTAL), kind="stable")
    picked = order[np.linspace(0, len(order) - 1, min(SHOWN_SAMPLES, len(order))).astype(int)]
    return [
        {
            "question": question_text(answers[0].rows[i]),
            "expert": answers[0].rows[i]["explanation"],
            "answer": answers[0].rows[i]["answer"],
            "said": [
                {"system": each.system, "text": each.completions[i][0], "reward": float(each.parts[TOTAL][i, 0])}
                for each in answers
            ],
        }
        for i in picked.tolist()
    ]
