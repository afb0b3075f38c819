"""Training a judge by GRPO with verifiable verdict rewards: the data, the templates, and each paper's run in miniature."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from guerdon.data.answer_pairs import answer_checks, answer_pairs
from guerdon.errors import SpecError, UserError
from guerdon.spec import from_spec
from guerdon.training.pipeline import train
from guerdon.training.questions import answer_text, load_rows
from guerdon.training.runfile import Data, parse_run, read_run

ROOM = Path(__file__).parents[2] / "examples" / "judge"
EXAMPLES = sorted(ROOM.glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
def test_a_run_in_miniature(file: Path, tmp_path: Path) -> None:
    data = yaml.safe_load(file.read_text())
    data["output"] = str(tmp_path / "run")
    data["policy"]["tiny"] = {"vocabulary": 400, "hidden": 32, "feed_forward": 64, "layers": 1, "heads": 2}
    for stage in data["stages"]:
        steps = {"sft": 12, "grpo": 3}[stage["kind"]]
        size = {"sft": 8, "grpo": 8}[stage["kind"]]
        stage["arguments"] |= {"max_steps": steps, "per_device_train_batch_size": size, "save_steps": steps}
    data["stages"][1]["arguments"]["num_generations"] = 4
    data["evaluation"] |= {"limit": 6, "samples": 2, "systems": ["sft", "grpo"]}
    said: list[str] = []
    assert train(parse_run(data), progress=False, say=said.append).exists()
    results = json.loads((tmp_path / "run" / "results.json").read_text())["results"][""]
    part = {"rm_r1": "pair_verdict", "libra": "truth_verdict", "rm_nlhf": "verdict/outcome"}[file.stem]
    assert set(results) == {"sft", "grpo"} and part in results["grpo"]
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["stage"] == "grpo" and "reward" in row] == [1, 2, 3]
    state = list((tmp_path / "run").glob("stages/grpo/checkpoint-*/reward_state.json"))
    assert bool(state) == (file.stem == "rm_nlhf"), "MetaRM is kept beside the checkpoint"


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
def test_what_the_teacher_writes_is_in_the_form_the_reward_reads(file: Path) -> None:
    run = read_run(file)
    rows = load_rows(run.data, run.data.test)
    reward = from_spec(run.evaluation.reward)
    prompts = [str(i) for i in range(len(rows))]
    columns = {name: [row[name] for row in rows] for name in reward.columns}
    from guerdon import Batch

    texts = [answer_text(row, run.data) for row in rows]
    scores = reward.score(Batch(texts, prompts, columns=columns))
    right = [row["verdict"] == row["answer"] for row in rows]
    low = {"rm_r1": -1.0, "libra": 0.0, "rm_nlhf": 0.0}[file.stem]
    assert [value > low for value in scores.values] == right
    assert sum(right) / len(right) == pytest.approx(0.75, abs=0.12)


@pytest.mark.parametrize("made", [answer_pairs, answer_checks])
def test_the_data_is_balanced_repeatable_and_split(made) -> None:
    rows = made()
    assert rows == made() and len({row["id"] for row in rows}) == len(rows)
    by_split = {split: [row for row in rows if row["split"] == split] for split in ("train", "validation", "test")}
    for kept in by_split.values():
        first = kept[0]["answer"]
        assert sum(row["answer"] == first for row in kept) * 2 == len(kept)
    if made is answer_pairs:
        seen = {(row["question"], frozenset(row["options"])) for row in by_split["train"]}
        assert not seen & {(row["question"], frozenset(row["options"])) for row in by_split["test"]}


def test_templates() -> None:
    row = {"explanation": "why", "answer": "B", "options": ["x", "y"], "verdict": "A"}
    assert answer_text(row, Data()) == "<explanation>why</explanation><answer>B</answer>"
    assert answer_text(row, Data(answer="words", completion="{verdict}: {answer}")) == "A: y"
    assert answer_text(row, Data(completion="\\boxed{{{verdict}}}")) == "\\boxed{A}"
    assert Data(completion="<a>{answer}</a><a></a>").tags == ("<a>", "</a>")
    with pytest.raises(UserError, match="did you mean 'verdict'"):
        answer_text(row, Data(completion="{verdit}"))


@pytest.mark.parametrize("template", ["{row.__class__}", "{0}", "{answer!r}", "{answer:>5}", "{"])
def test_a_template_names_columns_only(template: str) -> None:
    run = yaml.safe_load((ROOM / "rm_r1.yaml").read_text())
    run["data"]["completion"] = template
    with pytest.raises(SpecError, match="completion"):
        parse_run(run)
