"""``guerdon rubric``: generate, check, prune from end to end on scripted models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guerdon.cli import app
from guerdon.rubric import load_rubric

PAIRS = [{"prompt": f"Say hi {k}.", "chosen": f"Hi {k}", "rejected": f"Hello there {k}"} for k in range(6)]
VERDICTS = {"Hi": ("yes", "yes", "no"), "Hello there": ("no", "no", "no")}


def said(verdicts: tuple[str, ...]) -> str:
    return json.dumps({str(k): verdict for k, verdict in enumerate(verdicts, 1)})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PAIRS) + '{"x": 1}\n')
    writer = {"chat": "scripted", "replies": {}, "default": "1. The response is short. [Hard Rule]"}
    judge = {"chat": "scripted", "replies": {f"\n{key} ": said(verdicts) for key, verdicts in VERDICTS.items()}}
    (tmp_path / "writer.yaml").write_text(json.dumps(writer))
    (tmp_path / "judge.yaml").write_text(json.dumps(judge))
    criteria = [
        {"id": "short", "text": "It is short."},
        {"id": "brief", "text": "It is brief."},
        {"id": "odd", "text": "Odd."},
    ]
    (tmp_path / "rubric.yaml").write_text(json.dumps({"name": "hi", "criteria": criteria}))
    return tmp_path


def invoke(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["rubric", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_generate_and_check_what_was_made(folder: Path) -> None:
    arguments = ("generate", "pairs.jsonl", "--chat", "writer.yaml", "--out", "r.jsonl", "--method", "prompt-only")
    output = invoke(*arguments)
    assert "6 examples in" in output and "6 kept" in output and "calls: 6 writer" in output
    assert "passed over: line 7 has no prompt" in output
    again = invoke(*arguments)
    assert "6 were finished before" in again and "calls: none" in again
    assert "6 examples: 6 kept" in invoke("check", "r.jsonl")


def test_generated_rubrics_are_merged(folder: Path) -> None:
    themes = {"themes": [{"theme": "The response is short.", "tips": []}]}
    writer = {
        "chat": "scripted",
        "replies": {"CRITERIA": json.dumps(themes)},
        "default": "1. The response is short. [Hard Rule]",
    }
    method = json.dumps({"rubric_method": "contrastive", "consistency": None})
    output = invoke(
        "generate",
        "pairs.jsonl",
        "--chat",
        json.dumps(writer),
        "-o",
        "r.jsonl",
        "-m",
        method,
        "--merge",
        "all.yaml",
        "--limit",
        "3",
    )
    assert "3 rubrics merged into 1 criteria" in output
    assert load_rubric("all.yaml").criteria[0].text == "The response is short."


def test_check_and_prune(folder: Path) -> None:
    assert "hi: 3 criteria (0 hard), hash" in invoke("check", "rubric.yaml")
    output = invoke("check", "rubric.yaml", "pairs.jsonl", "--chat", "judge.yaml", "--out", "v.jsonl")
    assert "6 pairs, accuracy 1" in output and "brief" in output and "12 judge" in output
    pruned = invoke("prune", "rubric.yaml", "v.jsonl", "--out", "less.yaml", "--version", "2")
    assert "1 of 3 criteria stay" in pruned and load_rubric("less.yaml").version == "2"
    assert "is there already" in invoke("prune", "rubric.yaml", "v.jsonl", "--out", "less.yaml", code=2)
    invoke("prune", "rubric.yaml", "v.jsonl", "--out", "less.yaml", "--overwrite", "--least", "2")
    assert len(load_rubric("less.yaml")) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("generate", "pairs.jsonl", "--chat", "writer.yaml", "-o", "r.jsonl", "-m", "contrast"),
            "did you mean 'contrastive'",
        ),
        (("generate", "pairs.jsonl", "--chat", "reward: exact_match", "-o", "r.jsonl"), "not a chat model"),
        (("generate", "none.jsonl", "--chat", "writer.yaml", "-o", "r.jsonl"), "does not exist"),
        (("check", "rubric.yaml", "pairs.jsonl"), "--chat"),
        (("check", "none.yaml"), "cannot be read"),
        (("prune", "rubric.yaml", "none.jsonl", "-o", "x.yaml"), "cannot be read"),
        (("prune", "rubric.yaml", "pairs.jsonl", "-o", "x.yaml"), "no judged pair"),
    ],
)
def test_mistakes_are_told_in_one_line(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    output = invoke(*arguments, code=2)
    assert output.startswith("error: ") and message in output and output.count("\n") == 1
