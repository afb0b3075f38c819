"""The runner: what it counts, prints and exits with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tests.golden.runner as runner
from tests.golden.__main__ import main

CASE = {"method": "a-method", "part": "half", "case": "two", "inputs": {"x": 2}, "expected": 1.0, "tolerance": 0}


adapter_parts = runner.adapter_parts


def write(path: Path, *cases: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps({**CASE, **case}) + "\n" for case in cases), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(**inputs: Any) -> float:
        return float(inputs["x"] / 2)

    parts = {"half": half, "strict": lambda x: [1.0][x]}
    monkeypatch.setattr(runner, "adapter_parts", lambda method: parts if method == "a-method" else {})


def test_all_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "some-name.jsonl", {}, {"inputs": {"x": 3}, "expected": 1.4, "tolerance": 0.11})
    assert main([str(path)]) == 0
    assert capsys.readouterr().out == "2 passed, 0 failed\n"


def test_failures_are_printed_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write(tmp_path / "one.jsonl", {}, {"expected": 2, "case": "wrong"})
    two = write(tmp_path / "two.jsonl", {"part": "third"}, {"method": "other"}, {"inputs": {"y": 1}})
    assert main([str(one), str(two)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "one.jsonl:2 a-method/half [wrong]: value: expected 2 within 0, got 1.0"
    assert "unknown part 'third' of method 'a-method'" in lines[1]
    assert "unknown part 'half' of method 'other'" in lines[2]
    assert "raised KeyError" in lines[3]
    assert lines[-1] == "1 passed, 4 failed"


def test_expected_exceptions(tmp_path: Path) -> None:
    cases = [
        {"part": "strict", "inputs": {"x": 7}, "expected": {"error": "IndexError"}},
        {"part": "strict", "inputs": {"x": 7}, "expected": {"error": "LookupError"}},
        {"part": "strict", "inputs": {"x": 7}, "expected": {"error": "ValueError"}},
        {"part": "strict", "inputs": {"x": 0}, "expected": {"error": "IndexError"}},
    ]
    total, failed = runner.failures(write(tmp_path / "f.jsonl", *cases))
    assert total == 4
    assert ["f.jsonl:3" in failed[0], "f.jsonl:4" in failed[1], len(failed)] == [True, True, 2]


def test_nothing_to_run_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(write(tmp_path / "empty.jsonl"))]) == 1
    assert capsys.readouterr().out == "0 passed, 0 failed\n"


def test_a_method_is_no_path() -> None:
    for method in ("../conftest", "a/b", "no-such-method", "", "__init__"):
        assert adapter_parts(method) == {}


def test_as_a_command(tmp_path: Path) -> None:
    path = write(tmp_path / "f.jsonl", {"method": "no-such-method"})
    command = [sys.executable, "-m", "tests.golden", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=runner.HERE.parents[1], check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed"
