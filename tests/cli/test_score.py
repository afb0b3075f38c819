"""``guerdon score`` as a user types it: what is written, what is shown, what each mistake says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from guerdon.cli import app
from tests.scoring.files import read_lines, record, write_lines

ROOT = Path(__file__).parents[2]
SUM = """
reward: combine
rule: weighted_sum
options: {weights: [1.0, 0.5]}
terms:
  - reward: token_f1
  - {reward: combine, rule: gate, terms: [{reward: exact_match}, {reward: length_match}], options: {otherwise: 0.25}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with data and a reward, in which commands run."""
    monkeypatch.chdir(tmp_path)
    write_lines(Path("data.jsonl"), map(record, range(40)))
    Path("reward.yaml").write_text(SUM)
    return tmp_path


def guerdon(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def score(*arguments: str, data: str = "data.jsonl", reward: str = "reward.yaml", out: str = "out.jsonl") -> Result:
    return guerdon("score", data, "--reward", reward, "--out", out, *arguments)


def fails(result: Result, beginning: str, *, code: int = 2) -> None:
    """The command failed with one line that begins so, and no traceback."""
    said = result.stderr.strip().splitlines()
    assert result.exit_code == code, result.output
    assert len(said) == 1, result.stderr
    assert said[0].startswith(f"error: {beginning}"), said[0]


def test_a_file_is_scored_and_summed_up() -> None:
    result = score()
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    rows = read_lines(Path("out.jsonl"))
    assert len(rows) == 40
    assert list(rows[0])[-5:] == [
        "reward",
        "reward/token_f1",
        "reward/exact_match",
        "reward/length_match",
        "reward_note",
    ]
    for words in (
        "mean",
        "std",
        "unscored",
        "skipped",
        "40 rows scored in",
        "0 rejected",
        "10 groups: std within",
        "written to out.jsonl",
    ):
        assert words in result.stdout, words


def test_a_reward_in_every_form() -> None:
    for i, reward in enumerate(["{reward: token_f1}", "reward: token_f1\nof: visible\n", "reward: token_f1"]):
        assert score(reward=reward, out=f"{i}.jsonl").exit_code == 0
    Path("spec.txt").write_text('{"reward": "token_f1"}')
    assert score(reward="spec.txt", out="txt.jsonl").exit_code == 0
    assert len({Path(f"{name}.jsonl").read_bytes() for name in (0, 1, 2, "txt")}) == 1
    records = [{"prompt": "p", "completion": "a", "reference": "a b", "answer": "A"}]
    write_lines(Path("paper.jsonl"), records)
    spec = "{paper: shaping-explanations, variant: rouge}"
    result = score(data="paper.jsonl", reward=spec, out="paper-out.jsonl")
    assert result.exit_code == 0, result.output
    assert "reward/rouge_l" in read_lines(Path("paper-out.jsonl"))[0]


def test_options_name_columns(here: Path) -> None:
    rows = [{"question": f"q{i // 2}", "answer_text": "w1", "reference": "w1", "task": i // 4} for i in range(8)]
    write_lines(Path("named.jsonl"), rows)
    result = score(
        *(
            "--prompt",
            "question",
            "--completion",
            "answer_text",
            "--group",
            "task",
            "--as",
            "score",
            "--batch-size",
            "3",
        ),
        *("--limit", "6", "--engine", "local", "--step", "3"),
        data="named.jsonl",
    )
    assert result.exit_code == 0, result.output
    written = read_lines(Path("out.jsonl"))
    assert len(written) == 6
    assert written[0]["score"] == pytest.approx(1.5)
    assert "2 groups" in result.stdout


def test_rejected_rows_are_told() -> None:
    with Path("data.jsonl").open("a") as file:
        file.write("nonsense\n" * 8)
    result = score()
    assert result.exit_code == 0
    said = result.stderr.splitlines()
    assert said[0] == "8 rows rejected, kept in out.jsonl.rejected.jsonl"
    assert said[1] == "  line 41: not JSON: Expecting value at character 1"
    assert len(said) == 7
    assert said[6] == "  and 3 more"
    assert len(read_lines(Path("out.jsonl.rejected.jsonl"))) == 8


def test_the_best_and_worst_are_explained() -> None:
    write_lines(
        Path("few.jsonl"),
        [
            {"prompt": "Capital of Italy?", "completion": "<think>easy</think>Rome", "reference": "Rome"},
            {
                "prompt": [{"role": "user", "content": "Capital of Italy?"}],
                "completion": "It is \x1b[31m[bold]Milan",
                "reference": "Rome",
            },
            {"prompt": "Capital of Peru?", "completion": "Lima", "reference": None},
        ],
    )
    result = score("--explain", "2", data="few.jsonl")
    assert result.exit_code == 0, result.output
    for words in (
        "best 1: row 1 of out.jsonl, reward 1.5",
        "prompt: Capital of Italy?",
        "<think>easy</think>Rome",
        "weighted_sum 1.5",
        "├── 1 × token_f1 1",
        "└── 0.5 × gate(otherwise=0.25) 1",
        "    ├── exact_match 1",
        "    └── length_match 1",
        "worst 1: row 2 of out.jsonl, reward 0.125",
        "It is \\x1b[31m[bold]Milan",
        "    └── length_match —  skipped",
    ):
        assert words in result.stdout, (words, result.stdout)
    assert "best 2" not in result.stdout
    assert "\x1b" not in result.stdout
    again = score("--explain", "2", "--resume", data="few.jsonl")
    assert (
        again.stdout[again.stdout.index("best 1") :].splitlines()[:-1]
        == result.stdout[result.stdout.index("best 1") :].splitlines()[:-1]
    )
    assert "nothing was left to do for out.jsonl" in again.stdout


def test_the_advantage_is_diagnosed() -> None:
    result = score("--diagnose")
    assert result.exit_code == 0, result.output
    table = [line for line in result.stdout.splitlines() if "│" in line]
    assert any("token_f1" in line and " 1 │" in line for line in table)
    for words in ("what carries the advantage", "gate(exact_match,length_match)", "within 10 groups"):
        assert words in result.stdout, words
    single = score("--diagnose", reward="reward: token_f1", out="b.jsonl")
    assert "token_f1 is no weighted sum, so it is diagnosed as one term" in single.stdout
    apart = score("--diagnose", "--group", "id", out="c.jsonl")
    assert "every row is a group of its own" in apart.stdout
    Path("empty.jsonl").touch()
    empty = score("--diagnose", "--explain", "1", data="empty.jsonl", out="d.jsonl")
    assert empty.exit_code == 0, empty.output
    assert "nothing to diagnose" in empty.stdout
    assert "nothing to explain" in empty.stdout


def test_parquet_goes_in_and_out() -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    assert score(out="out.parquet").exit_code == 0
    result = score("--as", "again", data="out.parquet", out="again.parquet")
    assert result.exit_code == 0, result.output
    table = pq.read_table("again.parquet")
    assert table["reward"].to_pylist() == table["again"].to_pylist()


def test_parquet_that_cannot_keep_types_says_so() -> None:
    pytest.importorskip("pyarrow")
    write_lines(Path("mixed.jsonl"), [{**record(0), "x": 1}, {**record(1), "x": "one"}])
    result = score(data="mixed.jsonl", out="out.parquet")
    assert result.stderr == "note: column 'x' holds values that share no type and is written as JSON text\n"


# -- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        ("token_f1", "the specification 'token_f1' describes no reward; start with 'reward: <name>' or 'paper:<slug>'"),
        ("none.yaml", "none.yaml cannot be read: [Errno 2] No such file or directory"),
        ("a: [", "the specification is not readable YAML: "),
        ("!!python/object/apply:os.system [ls]", "the specification is not readable YAML: "),
        ("reward: token_f2", "reward 'token_f2' is not registered; did you mean 'token_f1'?"),
        ("{reward: token_f1, referense: a}", "reward 'token_f1' has no field 'referense'; did you mean 'reference'?"),
        ("{reward: cosine, encoder: nothing}", "encoder"),
        ("paper:nothing", "paper 'nothing' is not implemented; "),
        ("{paper: shaping-explanations, variant: none}", "paper 'shaping-explanations' has no variant 'none'; "),
        ("{value: column, name: a}", "the specification '{value: column, name: a}' describes a Column, not a reward"),
        ("{reward: exact_match, reference: answer}", "reward 'exact_match' needs column 'answer' ("),
        ("{reward: combine, terms: [{reward: token_f1}], rule: none}", "rule 'none' is not registered; "),
    ],
)
def test_a_reward_that_cannot_be_is_one_line(reward: str, message: str) -> None:
    fails(score(reward=reward), message)
    assert not Path("out.jsonl").exists()
    assert not Path("out.jsonl.partial").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--prompt", "question"],
            "--prompt 'question' is not a column of the data; Choices: completion, id, prompt, reference",
        ),
        (
            ["--completion", "competion"],
            "--completion 'competion' is not a column of the data; did you mean 'completion'?",
        ),
        (["--group", "task"], "--group 'task' is not a column of the data"),
        (["--as", "reference", "--group", "id"], "the data already has the column 'reference', which scoring adds"),
        (["--resume", "--restart"], "--resume and --restart contradict each other; give one"),
        (["--restart", "--overwrite"], "--restart and --overwrite contradict each other; give one"),
    ],
)
def test_options_that_cannot_be_are_one_line(arguments: list[str], message: str) -> None:
    fails(score(*arguments), message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "none.jsonl"}, "data 'none.jsonl' does not exist; give a .jsonl"),
        ({"data": "reward.yaml"}, "data 'reward.yaml' has the suffix '.yaml', which says nothing"),
        ({"out": "out.csv"}, "--out 'out.csv' has the suffix '.csv'; write .jsonl or .parquet"),
        ({"out": "data.jsonl"}, "--out 'data.jsonl' would overwrite the data; choose another name"),
    ],
)
def test_files_that_cannot_be_are_one_line(options: dict[str, str], message: str) -> None:
    fails(score(**options), message)


def test_a_folder_that_cannot_be_written_is_one_line() -> None:
    Path("file").touch()
    fails(score(out="file/out.jsonl"), "[Errno ")


def test_wrong_usage_is_told_by_the_parser() -> None:
    for arguments in (
        ["score"],
        ["score", "data.jsonl"],
        ["scor"],
        ["score", "data.jsonl", "-r", "x", "-o", "y", "--engine", "spark"],
    ):
        result = guerdon(*arguments)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
    assert "local" in guerdon("score", "data.jsonl", "-r", "x", "-o", "y", "--engine", "spark").output


def test_an_output_that_is_there_is_kept() -> None:
    assert score().exit_code == 0
    before = Path("out.jsonl").read_bytes()
    fails(score(), "out.jsonl exists; replace it with --overwrite, or choose another --out")
    fails(score("--restart"), "out.jsonl exists; replace it with --overwrite")
    fails(score("--resume", reward="reward: token_f1"), "out.jsonl.run.json belongs to another run: reward was ")
    assert Path("out.jsonl").read_bytes() == before
    assert score("--overwrite", reward="reward: token_f1").exit_code == 0
    assert Path("out.jsonl").read_bytes() != before


def test_debug_shows_where_an_error_comes_from() -> None:
    for arguments in (["--debug", "score"], ["score", "--debug"]):
        done = command(*arguments, "data.jsonl", "-r", "reward: token_f2", "-o", "out.jsonl")
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "SpecError: reward 'token_f2' is not registered" in done.stderr
    done = command("score", "data.jsonl", "-r", "reward: token_f2", "-o", "out.jsonl")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


# -- as a process -----------------------------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "guerdon", *arguments], env=environment(), capture_output=True, text=True, check=False
    )


def test_a_run_stopped_from_the_keyboard_goes_on(here: Path) -> None:
    write_lines(Path("long.jsonl"), map(record, range(60_000)))
    arguments = ["score", "long.jsonl", "-r", "reward.yaml", "-o", "long-out.jsonl", "--batch-size", "100"]
    process = subprocess.Popen(
        [sys.executable, "-m", "guerdon", *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that runs in the background has SIGINT ignored, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    spool = Path("long-out.jsonl.partial/rows")
    while process.poll() is None and not (spool.exists() and spool.stat().st_size > 100_000):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said == "stopped; what was scored is kept, go on with --resume\n"
    assert not Path("long-out.jsonl").exists()
    assert command(*arguments).returncode == 2
    done = command(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert command(*arguments[:-3], "whole.jsonl").returncode == 0
    assert Path("long-out.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()


def test_the_record_of_a_run_is_machine_readable() -> None:
    score()
    kept: dict[str, Any] = json.loads(Path("out.jsonl.run.json").read_text())
    assert kept["data"] == "data.jsonl"
    assert kept["spec"]["rule"] == "weighted_sum"
    assert kept["summary"]["rows"] == 40
    assert set(kept["run"]) == {"data", "reward", "prompt", "completion", "group", "as", "step", "limit"}
