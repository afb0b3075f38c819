"""What ``guerdon export`` writes: valid files for every trainer; those that need no trainer are run here."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from typer.testing import CliRunner

from guerdon.cli import app
from guerdon.errors import UserError
from guerdon.integrations.exports import EXPORTS, export
from guerdon.reward import Reward
from guerdon.rewards import ExactMatch, Given, LengthFloor, MajorityVote, Tags, TokenF1
from guerdon.spec import from_spec, to_yaml

SUM = TokenF1(reference="solution") + 0.5 * Tags("answer")
QUOTED = ExactMatch(name='it"s\\n """fine""" {$spec}')


def loaded(text: str, path: Path) -> ModuleType:
    path.write_text(text, encoding="utf-8")
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[path.stem] = module
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("reward", [SUM, QUOTED], ids=["sum", "quoted"])
@pytest.mark.parametrize("trainer", EXPORTS)
def test_every_export_is_valid(trainer: str, reward: Reward) -> None:
    made = export(trainer, reward)
    assert made.use and "$" not in made.use
    if not made.file.endswith(".py"):
        assert from_spec(made.text) == reward
        return
    compile(made.text, made.file, "exec")
    spec = next(
        ast.literal_eval(node.value)
        for node in ast.parse(made.text).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "SPEC"
    )
    assert from_spec(spec) == reward and spec.strip() == to_yaml(reward).strip()


@pytest.mark.parametrize("trainer", ["trl", "unsloth", "axolotl"])
def test_function_for_trl(trainer: str, tmp_path: Path) -> None:
    module = loaded(export(trainer, SUM).text, tmp_path / "exported_trl.py")
    values = module.token_f1_tags(prompts=["q"] * 2, completions=["x y", "x z"], solution=["x y", "x y"])
    assert values == [1.0, 0.5]


def test_verl(tmp_path: Path) -> None:
    module = loaded(export("verl", TokenF1(), fallback=0.25).text, tmp_path / "exported_verl.py")
    numbers = asyncio.run(module.compute_score(data_source="d", solution_str="x z", ground_truth="x y", extra_info={}))
    assert numbers == {"score": 0.5, "acc": 0.5, "token_f1": 0.5, "unscored": 0.0}
    with pytest.raises(AttributeError):
        _ = module.SomethingElse


def test_openrlhf(tmp_path: Path) -> None:
    module = loaded(export("openrlhf", Given(), fallback=-2).text, tmp_path / "exported_openrlhf.py")
    answer = module.reward_func(["q one", "q two"], ["q ", "q "], [0.5, None])
    assert [float(reward) for reward in answer["rewards"]] == [0.5, -2.0]
    assert [float(lost) for lost in answer["extra_logs"]["unscored"]] == [0.0, 1.0]


def test_slime(tmp_path: Path) -> None:
    module = loaded(export("slime", TokenF1()).text, tmp_path / "exported_slime.py")
    sample = SimpleNamespace(prompt="q", response="x z", label="x y", metadata=None)
    assert asyncio.run(module.rm(SimpleNamespace(), [sample, sample])) == [0.5, 0.5]


def test_verifiers(tmp_path: Path) -> None:
    module = loaded(export("verifiers", TokenF1()).text, tmp_path / "exported_verifiers.py")
    data = SimpleNamespace(prompt="q", answer="x y", idx=0)
    assert asyncio.run(module.reward(data, SimpleNamespace(last_reply="x z"))) == 0.5


def test_options_reach_the_file() -> None:
    text = export("verl", MajorityVote(), at="ray", group_size=8, fallback=-1).text
    assert "score_function(SPEC, at='ray', group_size=8, fallback=-1.0)" in text
    use = export("llama-factory", LengthFloor(), fallback=0.5, url="http://host:1/").use
    assert "--fallback 0.5" in use and "--fallback 0\n" in export("llama-factory", LengthFloor()).use
    assert "reward_model: http://host:1/v1/score/evaluation" in use


@pytest.mark.parametrize("trainer", ["verl", "openrlhf", "slime", "skyrl", "verifiers", "nemo-gym"])
def test_siblings_need_their_number(trainer: str) -> None:
    with pytest.raises(UserError, match="group_size"):
        export(trainer, MajorityVote())


def test_unknown_trainer() -> None:
    with pytest.raises(UserError, match="did you mean 'verl'"):
        export("verll", TokenF1())


def test_command(tmp_path: Path) -> None:
    target = tmp_path / "made" / "reward.py"
    command = ["export", "verl", "{reward: token_f1}", "-o", str(target)]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0 and f"reward.custom_reward_function.path={target}" in first.output
    again = CliRunner().invoke(app, command)
    assert again.exit_code != 0 and "--overwrite" in again.output
    assert CliRunner().invoke(app, [*command, "--overwrite"]).exit_code == 0
