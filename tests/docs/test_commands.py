"""What the documentation prints can be typed: every command and every Python block of every page runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.docs.blocks import LANGUAGES, ROOT, Block, blocks, pages

# Commands too heavy for the suite, and what is run instead. `make quickstart`, `make bench` and `make claims` are
# themselves the check of what they run; here it is checked that the target exists.
LIGHTER: dict[str, str] = {}
# The same for whole families of commands: the beginning of the line, and what it becomes.
LIGHTER_BEGINNINGS = {
    "make": "make --dry-run >/dev/null",
    "pip install": "python -m pip --version >/dev/null #",
    "git": "git --version >/dev/null #",
}
NOT_IN_A_WORKSPACE = {".git", "runs", "site", ".hypothesis", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def runnable(block: Block) -> Block:
    """The block with each heavy command replaced by its lighter equivalent."""
    if block.language not in {"bash", "console"}:
        return block
    return replace(block, language="bash", text="\n".join(lighter(line) for line in block.script.splitlines()))


def lighter(line: str) -> str:
    """The command that stands for a line in the suite: mostly the line itself."""
    if line.strip() in LIGHTER:
        return LIGHTER[line.strip()]
    for beginning, instead in LIGHTER_BEGINNINGS.items():
        if line.startswith(f"{beginning} "):
            return line.replace(beginning, instead, 1)
    return line


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder that looks like the checkout, in which commands may leave what they write."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in NOT_IN_A_WORKSPACE:
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.mark.parametrize("page", [path for path in pages() if blocks(path.read_text(encoding="utf-8"))], ids=named)
def test_the_commands_of_a_page_run(page: Path, workspace: Path, tmp_path: Path) -> None:
    script = tmp_path / "blocks.json"
    found = [runnable(block) for block in blocks(page.read_text(encoding="utf-8"))]
    script.write_text(json.dumps([block.as_dict() for block in found]), encoding="utf-8")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }
    command = [sys.executable, "-m", "tests.docs.run_page", named(page), str(script)]
    done = subprocess.run(
        command, cwd=workspace, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_every_block_says_its_language() -> None:
    strange = [
        f"{named(path)}:{block.line} {block.language or 'none'}"
        for path in pages()
        for block in blocks(path.read_text(encoding="utf-8"))
        if block.language not in LANGUAGES
    ]
    assert not strange


def test_every_lighter_command_is_still_printed_somewhere() -> None:
    printed = {
        line.strip()
        for path in pages()
        for block in blocks(path.read_text(encoding="utf-8"))
        for line in block.script.splitlines()
    }
    assert set(LIGHTER) <= printed


def test_every_extra_that_is_named_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named_extras = {
        extra
        for path in pages()
        for group in re.findall(r"(?:guerdon|\.)\[([a-z, ]+)\]", path.read_text(encoding="utf-8"))
        for extra in group.replace(" ", "").split(",")
    }
    assert named_extras <= set(project["optional-dependencies"])


def test_every_local_link_leads_somewhere() -> None:
    broken = []
    for path in pages():
        text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
            if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                broken.append(f"{named(path)}: {target}")
    assert not broken


def test_blocks_are_found_with_their_lines() -> None:
    page = "a\n\n```python\nx = 1\n```\n\n1. b\n\n    ```console\n    $ echo a \\\n    > b\n    a b\n\n    ```\n"
    page += "```text\n```\n"
    found = blocks(page)
    assert [(block.language, block.line) for block in found] == [("python", 4), ("console", 10), ("text", 16)]
    assert found[1].script == "echo a \\\nb"


def test_heavy_commands_become_lighter_ones() -> None:
    assert lighter("make quickstart") == "make --dry-run >/dev/null quickstart"
    assert lighter("makefile") == "makefile"
    assert lighter("guerdon papers") == "guerdon papers"


def run_block(tmp_path: Path, *found: Block) -> int:
    script = tmp_path / "blocks.json"
    script.write_text(json.dumps([block.as_dict() for block in found]), encoding="utf-8")
    command = [sys.executable, "-m", "tests.docs.run_page", "page.md", str(script)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False).returncode


def test_the_blocks_of_a_page_share_a_namespace_and_a_folder(tmp_path: Path) -> None:
    one = Block("python", "from pathlib import Path\nPath('made').write_text('7')\nx = 3\n", 1)
    two = Block("bash", "test -f made\necho done > more\n", 5)
    three = Block("pycon", ">>> x + int(Path('made').read_text()), Path('more').read_text().strip()\n(10, 'done')\n", 9)
    assert run_block(tmp_path, one, two, three) == 0


@pytest.mark.parametrize(
    "block",
    [
        Block("python", "raise ValueError\n", 1),
        Block("pycon", ">>> 1 + 1\n3\n", 1),
        Block("bash", "false\ntrue\n", 1),
        Block("bash", "false | true\n", 1),
        Block("yaml", "a: [\n", 1),
        Block("json", "{a}\n", 1),
    ],
)
def test_a_block_that_fails_is_found(tmp_path: Path, block: Block) -> None:
    assert run_block(tmp_path, block) != 0
