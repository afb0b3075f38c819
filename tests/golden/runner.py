"""Run golden cases through the adapters of their methods."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.golden.compare import differences, expected_exception, shown

HERE = Path(__file__).parent
ADAPTERS = HERE / "adapters"
Parts = Mapping[str, Callable[..., Any]]


def golden_files() -> list[Path]:
    """The files of cases that are kept in the repository."""
    return sorted(HERE.glob("*.jsonl"))


def read_cases(path: Path) -> Iterator[dict[str, Any]]:
    """The cases of one file, each with its line number under ``line``."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield {**json.loads(line), "line": number}


def adapter_parts(method: str) -> Parts:
    """The functions of a method's adapter by part; empty where the method has no adapter."""
    name = method.replace("-", "_")
    if not name.isidentifier() or not (ADAPTERS / f"{name}.py").is_file():
        return {}
    parts: Parts = getattr(importlib.import_module(f"tests.golden.adapters.{name}"), "PARTS", {})
    return parts


def failure(case: Mapping[str, Any]) -> str | None:
    """Why a case fails, or None when it passes."""
    try:
        function = adapter_parts(case["method"])[case["part"]]
    except KeyError:
        return f"unknown part {case['part']!r} of method {case['method']!r}"
    except ImportError as raised:
        return f"the adapter of {case['method']!r} cannot be imported: {raised}"
    error = expected_exception(case["expected"])
    try:
        actual = function(**case["inputs"])
    except Exception as raised:
        kinds = [kind.__name__ for kind in type(raised).__mro__]
        return None if error in kinds else f"raised {kinds[0]}: {raised}"
    if error is not None:
        return f"expected {error}, got {shown(actual)}"
    return "; ".join(differences(case["expected"], actual, case["tolerance"])) or None


def failures(path: Path) -> tuple[int, list[str]]:
    """How many cases of a file there are, and one line for each that fails."""
    total, lines = 0, []
    for case in read_cases(path):
        total += 1
        if why := failure(case):
            lines.append(f"{path.name}:{case['line']} {case['method']}/{case['part']} [{case['case']}]: {why}")
    return total, lines
