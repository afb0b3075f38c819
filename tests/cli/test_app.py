"""The command line itself: it starts light, and says what there is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guerdon import __version__
from guerdon.cli import app
from guerdon.cli.papers import markdown_row, markdown_table
from guerdon.paper import OURS, PUBLISHED, Paper

ROOT = Path(__file__).parents[2]
HEAVY = "torch transformers datasets pandas pyarrow scipy sklearn trl peft sentence_transformers onnxruntime"


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_help_names_every_command() -> None:
    said = invoke("--help")
    for name in ("score", "papers", "--version", "--debug"):
        assert name in said
    assert "--explain" in invoke("score", "--help")


def test_the_version() -> None:
    assert invoke("--version") == f"guerdon {__version__}\n"


def test_starting_is_light() -> None:
    source = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from guerdon.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "assert CliRunner().invoke(app, ['papers']).exit_code == 0\n"
        f"print(json.dumps(sorted(set({HEAVY.split()!r}) & sys.modules.keys())))"
    )
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "guerdon", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"guerdon {__version__}\n"


def test_papers_are_listed_and_shown() -> None:
    said = " ".join(invoke("papers").split())
    for words in (
        "paper:shaping-explanations",
        "[-1, 2.5]",
        "released code: ",
        "our design",
        "reward",
    ):
        assert words in said, words
    card = invoke("papers", "shaping-explanations")
    for words in (
        "arxiv.org/abs/2509.13081",
        "reference, answer",
        "multi-criteria",
        "paper:shaping-explanations",
        "2025",
    ):
        assert words in card, words
    result = CliRunner().invoke(app, ["papers", "shaping-explanation"])
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "error: paper 'shaping-explanation' is not implemented; did you mean 'shaping-explanations'?"
    )


def test_the_markdown_table() -> None:
    paper = Paper(
        "a-b", "A title", 2024, "2401.00001", "reward", {"x": PUBLISHED, "y": OURS, "z": PUBLISHED}, ("reference",)
    )
    row = (
        "| `paper:a-b` | [A title](https://arxiv.org/abs/2401.00001), 2024 | reward | `reference` "
        "| paper: x, z; our design where unpublished: y |"
    )
    assert markdown_row(paper) == row
    assert markdown_table([paper]).splitlines() == [
        "| name | paper | gives | columns | parts by source |",
        "|---|---|---|---|---|",
        row,
    ]
    assert "| none |" in markdown_row(Paper("c", "C", 2024, "", "judge", {}))
    assert invoke("papers", "--markdown").count("\n| `paper:") >= 1
    assert invoke("papers", "shaping-explanations", "--markdown").count("\n") == 3


@pytest.mark.parametrize("arguments", [[], ["score", "--help"], ["papers", "--help"]])
def test_nothing_asked_shows_help(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert "Usage" in result.output
