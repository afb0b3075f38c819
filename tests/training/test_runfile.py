"""Run files: what is read, what is refused, what the command line sets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from guerdon.errors import SpecError, UserError
from guerdon.training.runfile import parse_run, read_run

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "explain").glob("*.yaml"))


def run(**changes):
    data = {
        "name": "r",
        "output": "out",
        "stages": [
            {"name": "sft", "kind": "sft"},
            {"name": "grpo", "kind": "grpo", "reward": "paper:shaping-explanations"},
        ],
        "evaluation": {"systems": ["base", "grpo"]},
    }
    return {**data, **changes}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_valid(file: Path) -> None:
    assert read_run(file).stages


def test_stages_follow_each_other_unless_told_otherwise() -> None:
    parsed = parse_run(run())
    assert [parsed.start_of(stage) for stage in parsed.stages] == ["base", "sft"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "colour: Extra inputs"),
        ({"stages": []}, "stages"),
        ({"stages": [{"name": "a", "kind": "ppo"}]}, "stages.0.kind"),
        ({"stages": [{"name": "a", "kind": "sft", "start": "b"}]}, "starts from 'b'"),
        ({"stages": [{"name": "a", "kind": "grpo"}]}, "needs one"),
        ({"stages": [{"name": "a", "kind": "sft"}, {"name": "a", "kind": "sft"}]}, "two stages are called 'a'"),
        ({"evaluation": {"systems": ["grop"]}}, "did you mean 'grpo'"),
        ({"policy": {"model": "tiny", "trust": True}}, "policy.trust"),
        ({"stages": [{"name": "a", "kind": "sft", "updates_of": "z"}]}, "updates of 'z'"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(changes: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_run(run(**changes))


def test_settings(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(run()))
    parsed = read_run(file, ["seed=3", "stages.grpo.arguments.max_steps=7", "policy.lora.r=4"])
    assert parsed.seed == 3 and parsed.stage("grpo").arguments == {"max_steps": 7} and parsed.policy.lora.r == 4
    for setting, message in (
        ("seed", "a.b=value"),
        ("stages.gpro.seed=1", "did you mean 'grpo'"),
        ("name.a.b=1", "nothing below"),
    ):
        with pytest.raises(UserError, match=message):
            read_run(file, [setting])
    with pytest.raises(SpecError, match="cannot be read"):
        read_run(tmp_path / "missing.yaml")
    file.write_text("- a\n- b\n")
    with pytest.raises(SpecError, match="no mapping"):
        read_run(file)
