"""What pyproject.toml, constraints.txt and the Makefile say about installing guerdon agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
FOR_USERS = {*"text math sql encoder minilm lm judge train serve ray inspect bench report envs".split()}

# Extras whose libraries the tests do not need.
UNTESTED = {"envs", "inspect"}


def distribution(requirement: str) -> str:
    """The normalised name a requirement starts with."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0]).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {distribution(line): line for line in lines if line and not line.startswith("#")}


def test_the_extras_are_those_of_the_documentation() -> None:
    assert set(EXTRAS) == FOR_USERS | {"all", "dev"}
    assert EXTRAS["all"] == [f"guerdon[{','.join(name for name in EXTRAS if name in FOR_USERS)}]"]


def test_every_tested_requirement_has_one_exact_version() -> None:
    tested = [r for name, extra in EXTRAS.items() if name not in UNTESTED | {"all"} for r in extra]
    pinned = pins()
    assert {distribution(r) for r in [*PROJECT["dependencies"], *tested]} <= set(pinned)
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pinned.values())


@pytest.mark.parametrize("path", ["pyproject.toml", "constraints.txt", "Makefile", ".ci/run"])
def test_no_file_names_a_registry_or_a_path_of_one_machine(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|index-url|find-links|/root/|/home/|/work/|/opt/", text)


def test_the_makefile_installs_every_tested_extra() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installed = {name for line in re.findall(r"_EXTRAS := (.*)", makefile) for name in line.split(",")}
    assert installed - {"$(RUN_EXTRAS)"} == set(EXTRAS) - UNTESTED - {"all"}


def test_the_license_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
